"""Light, materials, shapes in units of a building, and the camera that brings them to pixels."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from itertools import chain
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageOps

Colour = tuple[int, ...]
Tones = Sequence[Colour]  # of a material, from its sunny edge to its depths: 0 to 5
Outline = Sequence[tuple[float, float]]
Places = NDArray[np.float64]
# x of the origin and its growth with either coordinate, z likewise: a plane of a building.
Plane = tuple[float, float, float, float, float, float]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return `first` with a `share` (0..1) of `second` in it."""
    return tuple([int(a + (b - a) * share) for a, b in zip(first, second, strict=True)])


def shade(colour: Colour, factor: float) -> Colour:
    """Return the colour times `factor`, kept within 0..255."""
    return tuple([min(255, int(channel * factor)) for channel in colour])


def vary(chance: Random, colours: Sequence[Colour], amount: int = 12) -> Colour:
    """Return one of the colours, up to `amount` brighter or darker, its hue nearly kept."""
    step = chance.randint(-amount, amount)
    steps = [channel + step + chance.randint(-4, 4) for channel in chance.choice(colours)]
    return tuple([max(0, min(255, channel)) for channel in steps])


class Light:
    """An hour and its weather."""

    def __init__(self, chance: Random) -> None:
        late, dull = chance.random() ** 3, chance.random() ** 2
        self.side = chance.choice((-1, 1))  # the sun stands left or right
        self.contrast = 1 - 0.45 * max(late, dull)  # of shadows
        self.cover = 0.05 + 0.6 * dull  # share of the sky under cloud
        high = mix((60, 112, 186), (38, 44, 96), late)
        low = mix((186, 212, 232), (236, 142, 104), late)
        self.sky = [vary(chance, [mix(tone, (160, 166, 174), dull * 0.7)]) for tone in (high, low)]
        self.cloud = mix(mix((250, 250, 252), (240, 160, 130), late), (208, 210, 214), dull)
        self.tint = mix(mix((262, 256, 246), (196, 150, 150), late), (222, 226, 232), dull * 0.7)
        dim = mix((44, 54, 70), self.sky[1], chance.uniform(0, 0.25))
        self.glass = [(255, 206, 120) if late > 0.5 else dim]

    def tones(self, colour: Colour) -> Tones:
        """Return the six tones of a material in this light."""
        steps = (0.2, 0.09, 0, -0.18, -0.38, -0.5 - 0.22 * self.contrast)
        lit = tuple([min(255, a * b // 256) for a, b in zip(colour, self.tint, strict=True)])
        return [shade(lit, 1 + step * self.contrast) for step in steps]


class Canvas:
    """Collects shapes, back to front, in planes of a building."""

    def __init__(self, chance: Random, light: Light) -> None:
        self.chance, self.light = chance, light
        self._plane: Plane = (0, 1, 0, 0, 0, 0)
        self._gain = 1.0
        self._shapes: list[tuple[Outline, Plane, Colour]] = []

    @contextmanager
    def on(self, plane: Plane, gain: float = 1.0) -> Iterator[None]:
        """Draw in another plane, its colours brighter or darker by `gain`."""
        before = self._plane, self._gain
        self._plane, self._gain = plane, self._gain * gain
        yield
        self._plane, self._gain = before

    def behind(self, z: float, lean: float = 0, gain: float = 1) -> AbstractContextManager[None]:
        """Draw in a plane parallel to the front, `z` behind it, or leaning back from there."""
        return self.on((0, 1, 0, z, 0, lean), gain)

    def fill(self, outline: Outline, colour: Colour) -> None:
        """Fill a polygon."""
        tone = colour if self._gain == 1 else shade(colour, self._gain)
        self._shapes.append((outline, self._plane, tone))

    def box(self, left: float, low: float, right: float, high: float, colour: Colour) -> None:
        """Fill an upright rectangle."""
        self.fill(((left, low), (left, high), (right, high), (right, low)), colour)

    def places(self) -> Places:
        """Return the places [n, 3] of all corners: right, up, away."""
        outlines, where, _ = zip(*self._shapes, strict=True)
        planes = np.repeat(where, [len(outline) for outline in outlines], axis=0)
        flat = np.fromiter(chain.from_iterable(chain.from_iterable(outlines)), np.float64)
        (u, v), (x, xu, xv, z, zu, zv) = flat.reshape(-1, 2).T, planes.T
        return np.stack((x + xu * u + xv * v, v, z + zu * u + zv * v), axis=1)

    def paint(self, image: Image.Image, camera: "Camera") -> None:
        """Draw all on an RGB image."""
        if not self._shapes:
            return
        pen, seen, end = ImageDraw.Draw(image), camera.see(self.places()).ravel().tolist(), 0
        for outline, _, colour in self._shapes:
            start, end = end, end + 2 * len(outline)
            pen.polygon(seen[start:end], colour)


class Camera:
    """Sees a building in a picture of `size` pixels: from somewhere, sometimes a detail."""

    def __init__(self, building: Canvas, turn: float, size: tuple[int, int]) -> None:
        uniform, (wide, high) = building.chance.uniform, size
        # Twice the angle whose tangent is `turn`.
        self._sine, self._cosine = 2 * turn / (1 + turn**2), (1 - turn**2) / (1 + turn**2)
        places, self._scale, self._x, self._y = building.places(), 1.0, 0.0, 0.0
        self.unit = unit = float(np.ptp(places, axis=0)[:2].max())
        # How far away and how high the camera is.
        self._depth, self._eye = uniform(2, 4.5) * unit, uniform(0.05, uniform(0.08, 0.3)) * unit
        self._lean = uniform(0, 0.12) / unit
        seen = self.see(places)
        (left, top), (right, bottom) = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
        zoom, u, v = uniform(0.74, 1.06), 0.5, 0.5
        if detail := building.chance.random() < 0.26:
            zoom, u, v = uniform(1.1, 1.8), uniform(0.25, 0.75), uniform(0.2, 0.65)
        self._scale = min(wide / (right - left), high * 0.86 / (bottom - top)) * zoom
        self._x = wide * uniform(0.4, 0.6) - (left + (right - left) * u) * self._scale
        self._y = high * uniform(0.47, 0.57) - (top + (bottom - top) * v) * self._scale
        if detail:
            self._y = max(high * 0.9, self._y)
        self.horizon = self._y - self._scale * self._eye
        self.reach = max(self._x, wide - self._x) / self._scale  # to the further edge

    def see(self, places: Places) -> Places:
        """Map places [n, 3] to pixels [n, 2]; exact arithmetic only, so that machines agree."""
        x, y, z = places.T
        depth = 1 + (self._sine * x + self._cosine * z) / self._depth + self._lean * y
        depth = np.maximum(depth, 0.02)
        up = (y - self._eye) / depth + self._eye
        across = (self._cosine * x - self._sine * z) / depth
        return np.stack((self._x + self._scale * across, self._y - self._scale * up), axis=1)


@lru_cache(maxsize=16)
def _noise(wide: int, high: int, mask: int = 255) -> Image.Image:
    noise = Random(wide).randbytes(wide * high)
    return Image.frombytes("L", (wide, high), bytes(value & mask for value in noise))


@lru_cache(maxsize=1)
def _clouds() -> Image.Image:
    field = Image.new("L", (512, 512))
    for size in (112, 56, 28, 14, 7):
        cells = _noise(size, size).resize(field.size, Image.Resampling.BICUBIC)
        field = Image.blend(field, cells, 0.5)  # halves are exact: every machine blends the same
    return ImageOps.autocontrast(field)


def _fade(size: tuple[int, int], first: Colour, last: Colour) -> Image.Image:
    rows = bytes(chain.from_iterable(mix(first, last, row / 15) for row in range(16)))
    column = Image.frombytes("RGB", (1, 16), rows)
    return column.resize((1, size[1]), Image.Resampling.BILINEAR).resize(size)


def landscape(
    size: tuple[int, int], horizon: float, chance: Random, light: Light, near: Colour
) -> Image.Image:
    """Paint the sky with its clouds down to the horizon, and the ground."""
    low = max(8, min(size[1], int(horizon)))
    picture = Image.new("RGB", size)
    picture.paste(_fade((size[0], low), *light.sky))
    wide, x, y = 96 * chance.choice((1, 2, 3)), chance.randrange(200), chance.randrange(200)
    cut = (x, y, x + wide, y + min(wide + chance.choice((0, 96)), 288))
    field = _clouds().crop(cut).resize((size[0], low), Image.Resampling.BILINEAR)
    # Cover 0 leaves only the peaks of the noise, cover 1 leaves no gap.
    thick = [max(0, min(225, (k - int(190 - 150 * light.cover)) * 5)) for k in range(256)]
    picture.paste(light.cloud, (0, 0), field.point(thick))
    if low < size[1]:
        picture.paste(_fade((size[0], size[1] - low), mix(near, light.sky[1], 0.4), near), (0, low))
    return picture


def film(image: Image.Image, chance: Random) -> Image.Image:
    """Halve the picture and add grain."""
    small, mask = image.reduce(2), chance.choice((1, 3, 7, 7, 15))
    (wide, high), x, y = small.size, chance.randrange(64), chance.randrange(64)
    grain = _noise(wide + 64, high + 64, mask).crop((x, y, x + wide, y + high))
    bands = [ImageChops.add(band, grain, 1, -(mask // 2)) for band in small.split()]
    return Image.merge("RGB", bands)
