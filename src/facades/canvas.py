"""Light, colours, and shapes in building units that a camera brings to pixels."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from itertools import chain
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, ...]
Point = tuple[float, float]
Outline = Sequence[Point]
Xs = Sequence[float]
Places = NDArray[np.float64]
Moved = AbstractContextManager[None]


def shade(colour: Colour, factor: float) -> Colour:
    """Return the colour times `factor`, kept within 0..255."""
    return tuple([min(255, int(channel * factor)) for channel in colour])


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return `first` with a `share` (0..1) of `second` in it."""
    return tuple([int(a + (b - a) * share) for a, b in zip(first, second, strict=True)])


def vary(chance: Random, colours: Sequence[Colour], amount: int = 12) -> Colour:
    """Return one of the colours, up to `amount` brighter or darker, its hue nearly kept."""
    step = chance.randint(-amount, amount)
    steps = [channel + step + chance.randint(-4, 4) for channel in chance.choice(colours)]
    return tuple([max(0, min(255, channel)) for channel in steps])


def points(text: str) -> list[Point]:
    """Read an outline written as hundredths: x y x y."""
    numbers = [int(word) / 100 for word in text.split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def slice_of(profile: Outline, start: float, end: float) -> list[Point]:
    """Return the part of a profile of (radius, height) between two shares of its radius."""
    return [(r * start, v) for r, v in profile] + [(r * end, v) for r, v in profile[::-1]]


class Tones(NamedTuple):
    """One material from its sunny edge to its depths."""

    bright: Colour
    lit: Colour
    body: Colour
    shaded: Colour
    dark: Colour
    deep: Colour


class Light:
    """An hour and its weather."""

    def __init__(self, chance: Random) -> None:
        late, dull = chance.random() ** 3, chance.random() ** 2
        self.side = chance.choice((-1, 1))  # the sun stands left or right
        self.contrast = 1 - 0.45 * max(late, dull)  # of shadows
        self.cover = 0.05 + 0.6 * dull  # share of the sky under cloud
        high = mix((60, 112, 186), (38, 44, 96), late)
        low = mix((186, 212, 232), (236, 142, 104), late)
        self.sky_top = vary(chance, [mix(high, (130, 138, 148), dull * 0.8)])
        self.sky_low = vary(chance, [mix(low, (196, 198, 202), dull * 0.8)])
        self.cloud = mix(mix((250, 250, 252), (240, 160, 130), late), (208, 210, 214), dull)
        self.tint = mix(mix((262, 256, 246), (196, 150, 150), late), (222, 226, 232), dull * 0.7)
        self.glass = mix((44, 54, 70), self.sky_low, chance.uniform(0, 0.25))
        if late > 0.5:
            self.glass = (255, 206, 120)

    def on(self, colour: Colour) -> Colour:
        """Return how a colour looks in this light."""
        return tuple([min(255, a * b // 256) for a, b in zip(colour, self.tint, strict=True)])

    def tones(self, colour: Colour) -> Tones:
        """Return the six tones of a material in this light."""
        steps = (0.2, 0.09, 0, -0.18, -0.38, -0.5 - 0.22 * self.contrast)
        return Tones(*(shade(self.on(colour), 1 + step * self.contrast) for step in steps))


# x of the origin and its growth with either coordinate, z likewise, the growth of y.
Plane = tuple[float, float, float, float, float, float, float]


class Canvas:
    """Collects shapes, back to front, in planes of a building that is turned a little."""

    def __init__(self, chance: Random, light: Light) -> None:
        self.chance, self.light = chance, light
        self.turn(chance.choice((chance.uniform(-0.05, 0.05), chance.uniform(-0.3, 0.3))))
        self._plane: Plane = (0, 1, 0, 0, 0, 0, 1)
        self._gain = 1.0
        self._clear()

    def turn(self, half: float) -> None:
        """Turn the building by twice the angle whose tangent is `half`."""
        self.sine, self.cosine = 2 * half / (1 + half**2), (1 - half**2) / (1 + half**2)
        self.seen_side = 1 if half < 0 else -1  # the flank that the camera sees

    def _clear(self) -> None:
        self._corners: list[Point] = []
        self._shapes: list[tuple[int, Colour, float]] = []  # corners, colour, width of a line
        self._planes: list[Plane] = []
        self.__dict__.pop("places", None)

    @contextmanager
    def on(self, plane: Plane, gain: float = 1.0) -> Iterator[None]:
        """Draw in another plane, its colours brighter or darker by `gain`."""
        before = self._plane, self._gain
        self._plane, self._gain = plane, self._gain * gain
        yield
        self._plane, self._gain = before

    def behind(self, z: float, lean: float = 0, gain: float = 1) -> Moved:
        """Draw in a plane parallel to the front, `z` behind it, or leaning back from there."""
        return self.on((0, 1, 0, z, 0, lean, 1), gain)

    def flank(self, half: float, x: float, lean: float = 0, z: float = 0) -> Moved:
        """Draw on the seen side of a block about `x`, which may lean inwards."""
        side, sun = self.seen_side, self.seen_side == self.light.side
        plane = (x + side * half, 0.0, -side * lean, self._plane[3] + z, 1.0, 0.0, 1.0)
        return self.on(plane, 1.06 if sun else 1 - 0.36 * self.light.contrast)

    def round(self, across: float) -> Moved:
        """Draw what looks the same from every side, with `across` as its axis."""
        x, xu, _, z, zu, _, _ = self._plane
        return self.on((x + across * xu, self.cosine, 0, z + across * zu, -self.sine, 0, 1))

    def fill(self, outline: Outline, colour: Colour, width: float = 0.0) -> None:
        """Fill a polygon, or draw a line of this width."""
        if outline:
            tone = colour if self._gain == 1 else shade(colour, self._gain)
            self._corners += outline
            self._shapes.append((len(outline), tone, width))
            self._planes.append(self._plane)

    def box(self, left: float, low: float, right: float, high: float, colour: Colour) -> None:
        """Fill an upright rectangle."""
        self.fill(((left, low), (left, high), (right, high), (right, low)), colour)

    def row(self, xs: Xs, y: float, wide: float, high: float, form: Outline, tone: Colour) -> None:
        """Fill an outline at each of `xs`, scaled, as one polygon that runs along their feet."""
        self.fill([(x + u * wide, y + v * high) for x in xs for u, v in form], tone)

    @cached_property
    def places(self) -> Places:
        """Return the places [n, 3] of all corners: right, up, away."""
        flat = np.fromiter(chain.from_iterable(self._corners), np.float64)
        planes = np.repeat(np.array(self._planes), [count for count, *_ in self._shapes], axis=0)
        (u, v), (x, xu, xv, z, zu, zv, yv) = flat.reshape(-1, 2).T, planes.T
        return np.stack((x + xu * u + xv * v, yv * v, z + zu * u + zv * v), axis=1)

    def paint(self, image: Image.Image, see: Callable[[Places], Places], scale: float) -> None:
        """Draw all on an RGB image, but for what is too small or beside it, and forget it.

        `see` brings places [n, 3] to pixels [n, 2], `scale` widths of lines.
        """
        if not self._shapes:
            return
        seen, pen = see(self.places), ImageDraw.Draw(image)
        ends = np.cumsum([count for count, *_ in self._shapes])
        starts = np.concatenate(([0], ends[:-1]))
        low, high = np.minimum.reduceat(seen, starts), np.maximum.reduceat(seen, starts)
        shown = ((high - low) > 1.2).any(axis=1) & ((high > 0) & (low < image.size)).all(axis=1)
        corners, cuts = seen.ravel().tolist(), [0, *(2 * ends).tolist()]
        for index in np.flatnonzero(shown).tolist():
            _, colour, width = self._shapes[index]
            outline = corners[cuts[index] : cuts[index + 1]]
            if not width:
                pen.polygon(outline, colour)
            elif width * scale > 0.4:
                pen.line(outline, colour, max(1, round(width * scale)))
        self._clear()
