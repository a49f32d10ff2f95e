"""Where the camera stands, the sky, the ground, what grows there, and the film."""

from functools import lru_cache
from itertools import chain, pairwise
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageOps

from facades.canvas import Canvas, Colour, Moved, Outline, Places, Xs, mix, points, shade, vary
from facades.parts import BOX, DISC, Building, bays

_LEAVES: tuple[Colour, ...] = ((70, 104, 48), (58, 92, 52), (96, 116, 52), (140, 110, 48))
_PAVED: tuple[Colour, ...] = ((172, 166, 156), (150, 146, 142), (188, 172, 148))
_GRASS: tuple[Colour, ...] = ((98, 128, 66), (118, 134, 78))
_SAND: tuple[Colour, ...] = ((206, 180, 136), (204, 166, 112), (196, 184, 160))
_CONE = points("-20 0 -90 12 -100 30 -85 60 -46 84 0 100 46 84 85 60 100 30 90 12 20 0")
# The crown of a plant: its outline, where it begins, its half width, its height.
Plant = tuple[Outline, float, float, float]
_CYPRESS: Plant = (_CONE, 0.05, 0.1, 0.95)
_TREE, _PALM = (
    ([(u * dents[k % 3], 1 + (v - 1) * dents[k % 3]) for k, (u, v) in enumerate(DISC)], *size)
    for dents, size in (((1, 0.8, 1), (0.3, 0.36, 0.36)), ((1, 0.15, 0.15), (0.5, 0.3, 0.25)))
)


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


def film(image: Image.Image, chance: Random) -> Image.Image:
    """Halve the picture and add grain."""
    small, mask = image.reduce(2), chance.choice((1, 3, 7, 7, 15))
    (wide, high), x, y = small.size, chance.randrange(64), chance.randrange(64)
    grain = _noise(wide + 64, high + 64, mask).crop((x, y, x + wide, y + high))
    bands = [ImageChops.add(band, grain, 1, -(mask // 2)) for band in small.split()]
    return Image.merge("RGB", bands)


class Setting(Canvas):
    """A picture of `size` pixels of a building; lengths in sizes of the building."""

    def __init__(self, building: Building, size: tuple[int, int]) -> None:
        super().__init__(building.chance, building.light)
        self.sine, self.cosine, self.desert = building.sine, building.cosine, building.desert
        self.size, (wide, high), uniform = size, size, self.chance.uniform
        places, self.scale, self.x, self.y = building.places, 1.0, 0.0, 0.0
        self.unit = unit = float(np.ptp(places, axis=0)[:2].max())
        # In sizes of the building: how far away and how high the camera is.
        self.depth, eye = uniform(2, 4.5), uniform(0.05, uniform(0.08, 0.3))
        self.eye, self.lean, self.roll = eye * unit, uniform(0, 0.12) / unit, uniform(-0.03, 0.03)
        seen = self.see(places)
        (left, top), (right, bottom) = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
        zoom, u, v = uniform(0.74, 1.06), 0.5, 0.5
        if detail := self.chance.random() < 0.26:
            zoom, u, v = uniform(1.1, 1.8), uniform(0.25, 0.75), uniform(0.2, 0.65)
        self.scale = scale = min(wide / (right - left), high * 0.86 / (bottom - top)) * zoom
        self.x = wide * uniform(0.4, 0.6) - (left + (right - left) * u) * scale
        self.y = high * uniform(0.47, 0.57) - (top + (bottom - top) * v) * scale
        if detail:
            self.y = max(high * 0.9, self.y)
        self.horizon = self.y - scale * self.eye
        # From the building's axis to the further edge of the picture, and to its lower edge.
        self.reach = max(self.x, wide - self.x) / scale / unit
        self.front = max(-0.8, self.eye * scale / max(1, high - self.horizon) - 1) * self.depth

    def see(self, places: Places) -> Places:
        """Map places to pixels; exact arithmetic only, so that all machines agree."""
        x, y, z = places.T
        depth = 1 + (self.sine * x + self.cosine * z) / (self.depth * self.unit) + self.lean * y
        depth = np.maximum(depth, 0.02)
        across = (self.cosine * x - self.sine * z) / depth
        up = (y - self.eye) / depth + self.eye
        left = self.x + self.scale * (across + up * self.roll)
        return np.stack((left, self.y - self.scale * (up - across * self.roll)), axis=1)

    def sky(self) -> Image.Image:
        """Paint the sky: at half the size, which is faster."""
        chance, light, half = self.chance, self.light, (self.size[0] // 2, self.size[1] // 2)
        low = max(8, min(half[1], int(self.horizon / 2)))  # the row of the horizon
        rows = [min(1.0, row * half[1] / 16 / low) for row in range(16)]
        colours = chain.from_iterable(mix(light.sky_top, light.sky_low, row) for row in rows)
        picture = Image.frombytes("RGB", (1, 16), bytes(colours))
        picture = picture.resize((1, half[1]), Image.Resampling.BILINEAR)
        picture = picture.resize(half, Image.Resampling.NEAREST)
        wide, x, y = 96 * chance.choice((1, 2, 3)), chance.randrange(200), chance.randrange(200)
        cut = (x, y, x + wide, y + min(wide + chance.choice((0, 96)), 288))
        field = _clouds().crop(cut).resize((half[0], low), Image.Resampling.BILINEAR)
        # Cover 0 leaves only the peaks of the noise, cover 1 leaves no gap.
        thick = [max(0, min(225, (k - int(190 - 150 * light.cover)) * 5)) for k in range(256)]
        picture.paste(light.cloud, (0, 0), field.point(thick))
        return picture.resize(self.size, Image.Resampling.NEAREST)

    def background(self) -> None:
        """Draw the ground and what lies behind the building."""
        chance, wide = self.chance, self.reach * (1 + 2.5 / self.depth) * 1.2
        for away in chance.choice(((), (9,), (9, 5))):
            end, high = self.reach * (1 + away / self.depth) * 1.3, chance.uniform(0.01, 0.1)
            ridge = [(end * (k / 6 - 1), high * away * chance.uniform(0.5, 1)) for k in range(13)]
            hill = self._far(away, (186, 150, 108) if self.desert else (84, 104, 80))
            with self._at(away):
                self.fill([(-end, 0.0), *ridge, (end, 0.0)], hill)
        if chance.random() < 0.5:
            self._plants(bays(-wide, wide, chance.randint(6, 14)), 2.5, chance.uniform(0.3, 0.6))
        grounds = (_SAND, _SAND, _PAVED, _GRASS) if self.desert else (_PAVED, _GRASS, _SAND)
        self._land(chance.choice(grounds))

    def before(self) -> None:
        """Draw plants in front of the building."""
        uniform = self.chance.uniform
        for side in self.chance.choice(((), (), (-1,), (1,), (-1, 1))):
            across, away, high = uniform(0.7, 1), uniform(-0.7, -0.1), uniform(0.3, 0.6)
            self._plants((side * self.reach * (1 + away / self.depth) * across,), away, high)

    def _at(self, away: float, flat: float = 0) -> Moved:
        """Draw facing the camera, this far behind the building, or flat on the ground."""
        sine, cosine, unit = self.sine * self.unit, self.cosine * self.unit, self.unit
        x, z = sine * away, cosine * away
        return self.on((x, cosine, sine * flat, z, -sine, cosine * flat, unit * (1 - flat)))

    def _far(self, away: float, colour: Colour) -> Colour:
        return mix(self.light.on(colour), self.light.sky_low, max(0.0, min(0.75, 0.08 * away)))

    def _plants(self, xs: Xs, away: float, high: float) -> None:
        plant = _PALM if self.desert else self.chance.choice((_TREE, _TREE, _CYPRESS))
        (outline, foot, wide, tall), leaves = plant, vary(self.chance, _LEAVES, 8)
        with self._at(away):
            self.row(xs, 0, high * 0.03, high * 0.7, BOX, self._far(away, (84, 66, 50)))
            for x in xs:
                for tone, size in ((0.55, 1.0), (0.8, 0.75), (1.05, 0.45)):
                    u = x + self.light.side * high * wide * (1 - size) * 0.6
                    y, colour = high * (foot + tall * (1 - size)), shade(leaves, tone)
                    sizes = high * wide * size, high * tall * size
                    self.row((u,), y, *sizes, outline, self._far(away, colour))

    def _land(self, colours: tuple[Colour, ...]) -> None:
        colour, rows = vary(self.chance, colours), (60, 12, 6, 3, 1.4, 0.5, -0.97 * self.depth)
        with self._at(0, 1):
            for back, near in pairwise(rows):
                wide = self.reach * (1 + back / self.depth) * 1.6
                strip = ((-wide, back), (wide, back), (wide, near), (-wide, near))
                self.fill(strip, self._far(back, colour))
            joint, end = shade(self.light.on(colour), 0.88), 2 * self.reach
            for k in range(15 if colours is _PAVED else 0):
                x, z = (k - 7) * end / 7, self.front + k * end / 7
                self.fill(((x, self.front), (x, 5)), joint, 0.004)
                self.fill(((-end, z), (end, z)), joint, 0.004)
