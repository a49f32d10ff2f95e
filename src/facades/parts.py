"""The vocabulary that the styles compose: walls, openings, columns, gables, towers, domes."""

from itertools import pairwise
from random import Random

from facades.canvas import Canvas, Colour, Light, Outline, Tones, Xs, mix, points, slice_of, vary

BOX, TRIANGLE = points("-100 0 -100 100 100 100 100 0"), points("-100 0 0 100 100 0")
_RIGHT = points("0 0 38 8 71 29 92 62 100 100 92 138 71 171 38 192 0 200")
DISC = [*_RIGHT, *((-u, v) for u, v in _RIGHT[-2::-1])]  # from its foot
# Arches spring at (-1, 0) and (1, 0).
FLAT = points("-100 0 100 0")
ROUND = points("-100 0 -95 31 -81 59 -59 81 -31 95 0 100 31 95 59 81 81 59 95 31 100 0")
POINTED = points("-100 0 -93 52 -73 100 -41 141 0 173 41 141 73 100 93 52 100 0")
# Profiles: (radius, height) from the foot up.
DRUM, COLUMN = points("100 0 100 100"), points("140 0 140 4 100 5 86 88 120 94 150 96 150 100")
HEMISPHERE = points("100 0 98 17 94 34 87 50 77 64 64 77 50 87 34 94 17 98 0 100")
STILTED = [(1.0, 0.0), *((x, 0.14 + 0.92 * y) for x, y in HEMISPHERE)]
ONION = points("62 0 84 8 98 20 100 32 92 44 74 56 50 67 28 77 13 87 5 100")
# Grey, ochre, rose and pale: every style builds with all of them.
STONES: tuple[Colour, ...] = (
    (198, 188, 168), (172, 166, 158), (208, 194, 166), (146, 140, 132), (170, 138, 118),
    (180, 132, 108), (216, 210, 202), (196, 166, 124), (210, 180, 134), (186, 152, 112),
)  # fmt: skip
_ROOFS: tuple[Colour, ...] = ((92, 100, 112), (150, 84, 62), (108, 148, 132), (178, 112, 84))
_DOORS = points("0 0 0 56 -45 56 -45 0 45 0 45 56 0 56 0 0")
_CROSS = points("-5 0 -5 58 -27 58 -27 70 -5 70 -5 100 5 100 5 70 27 70 27 58 5 58 5 0")


def bays(left: float, right: float, count: int) -> list[float]:
    """Return the centres of `count` equal bays between two ends."""
    return [left + (right - left) * (index + 0.5) / count for index in range(count)]


class Building(Canvas):
    """A canvas with the materials and the taste of a building; a style says how it is built."""

    crown, profile = ROUND, HEMISPHERE  # of openings, of domes
    rings, desert = 2, False  # archivolts of a portal; what grows around
    stripe: Colour | None = None  # of every second course
    heights = (1.05, 1.4)  # of towers

    def __init__(self, chance: Random, light: Light) -> None:
        super().__init__(chance, light)
        self.wall, self.roof = (light.tones(vary(chance, them)) for them in (STONES, _ROOFS))
        self.trim, self.gold = self.wall, light.tones((220, 176, 74))  # trim: frames and bands
        self.course, self.glass = chance.uniform(0.028, 0.044), light.glass
        self._build()

    def _build(self) -> None:
        """Draw the building, which a style does."""

    def sizes(self, *ends: float) -> list[float]:
        """Draw a number between each two ends."""
        return [self.chance.uniform(*pair) for pair in zip(ends[::2], ends[1::2], strict=True)]

    def _masonry(self, left: float, low: float, right: float, high: float) -> None:
        """Draw a wall in striped courses, or in ashlar: its joints and a few odd stones."""
        step, wall = self.course, self.wall
        self.box(left, low, right, high, wall.body)
        levels = [low + index * step for index in range(1, int((high - low) / step))]
        if self.stripe:
            tooth = ((left, 0), (right, 0), (right, step), (left, step))
            self.fill([(x, y + up) for y in levels[::2] for x, up in tooth], self.stripe)
            return
        for y in levels[self.chance.randrange(5) :: 6]:
            x, odd = self.chance.uniform(left, right), self.chance.choice(wall[1:4])
            self.box(x, y, min(x + step * 2.4, right), y + step, mix(odd, wall.body, 0.4))
        self.fill([(x, y) for y in levels for x in (left, right, left)], wall.shaded, 0.003)

    def block(self, left: float, low: float, right: float, high: float, deep: float) -> None:
        """Draw the front and the seen side of a block, each under a moulding."""
        with self.flank((right - left) / 2, (left + right) / 2):
            self._masonry(0, low, deep, high)
            self.band(0, deep, high, 0.022)
        self._masonry(left, low, right, high)
        self.band(left, right, high, 0.022)

    def _nave(self, half: float, high: float, ridge: float, deep: float) -> None:
        """Draw the long body behind a front: its roof, and windows in its seen side."""
        lean, count = half / ridge, max(2, round(deep / 0.26))
        with self.flank(half + lean * high, 0, lean):
            self.box(0, high, deep, high + ridge, self.roof.body)
        self.block(-half, 0, half, high, deep)
        with self.flank(half, 0):
            self._windows(bays(0, deep, count), high * 0.3, deep / count * 0.38, high * 0.5)

    def _storeys(self, x: float, wide: float, levels: Xs) -> None:
        """Draw a tower or a wing with windows in the storeys between levels."""
        half, deep, count = wide / 2, min(wide, 0.3), max(1, round(wide / 0.2))
        xs = bays(x - half * 0.84, x + half * 0.84, count)
        self.block(x - half, 0, x + half, levels[-1], deep)
        for low, high in pairwise(levels):
            y, tall = low + (high - low) * 0.14, (high - low) * 0.66
            with self.flank(half, x):
                self._windows((deep / 2,), y, deep * 0.3, tall)
                self.band(0, deep, low, 0.022)
            self._windows(xs, y, wide / count * 0.36, tall)
            self.band(x - half, x + half, low, 0.022)

    def _top(self, x: float, wide: float, high: float, tower: bool) -> None:
        """Draw what stands on a tower or a wing."""

    def _middle(self, half: float, high: float) -> None:
        """Draw the middle of a west front."""

    def _front(self) -> None:
        """Draw a west front: its middle between towers or wings, and the nave behind it."""
        half, aside, nave, deep = self.sizes(0.22, 0.32, 0.22, 0.34, 0.8, 1, 0.5, 1.4)
        low, far, towers = nave * 0.62, self.seen_side, self.chance.random() < 0.6
        high = self.chance.uniform(*self.heights) if towers else low
        aside *= 1 if towers else self.chance.choice((1, 2.5))
        x, levels = half + aside / 2, (0.4, 0.67, 1) if towers else (0.06, 0.53, 1)
        self._nave(half, nave, half, 0.8)
        self._nave(half + aside, low, 0.15, deep)
        for side in (-far * x, 0, far * x):
            if side:
                with self.behind(aside / 2 * towers):
                    self._top(side, aside, high, towers)
                self._storeys(side, aside, [level * high for level in levels])
            else:
                self._middle(half, nave)
        if towers:
            self._doors((-x, x), aside * 0.36, high * 0.2)
        self._doors((0,), half * 0.5, nave * 0.32)

    def band(self, left: float, right: float, y: float, high: float) -> None:
        """Draw a moulding: a lit edge with its shadow beneath."""
        self.box(left, y - high * 0.9, right, y, self.trim.dark)
        self.box(left, y, right, y + high, self.trim.bright)

    def arcade(self, xs: Xs, y: float, wide: float, high: float, colour: Colour) -> None:
        """Fill a row of openings `high` in all."""
        spring = max(0.0, high - max(v for _, v in self.crown) * wide / 2)
        arch = [(u * wide / 2, spring + v * wide / 2) for u, v in self.crown]
        self.row(xs, y, 1, 1, [(-wide / 2, 0.0), *arch, (wide / 2, 0.0)], colour)

    def _windows(self, xs: Xs, y: float, wide: float, high: float) -> None:
        """Draw a row of windows in their frames."""
        self.arcade(xs, y - wide * 0.1, wide * 1.4, high + wide * 0.3, self.trim.lit)
        self.arcade(xs, y, wide, high, self.glass)

    def _doors(self, xs: Xs, wide: float, high: float) -> None:
        """Draw portals: receding archivolts and two leaves."""
        trim = self.trim
        tones = (trim.bright, trim.dark, trim.lit, trim.dark, trim.deep)[-self.rings :]
        for out, tone in zip(range(self.rings - 1, -1, -1), tones, strict=True):
            self.arcade(xs, 0, wide * (1 + 0.28 * out), high + wide * 0.14 * out, tone)
        self.row(xs, 0, wide, high, _DOORS, self.light.on((96, 62, 40)))

    def posts(self, xs: Xs, y: float, wide: float, high: float, profile: Outline) -> None:
        """Draw a row of anything upright from its profile, shaded, with its shadow on the wall."""
        cuts, half = ((-1.6, 1), (-1, 1), (-1, -0.3), (0.3, 0.7)), self.light.side * wide / 2
        tones = (self.wall.dark, self.trim.lit, self.trim.dark, self.trim.bright)
        for cut, tone in zip(cuts, tones, strict=True):
            self.row(xs, y, half, high, slice_of(profile, *cut), tone)

    def gables(self, xs: Xs, y: float, wide: float, high: float, outline: Outline) -> None:
        """Draw gables of any outline: a moulded edge, its shadow, and the wall within."""
        for size, tone in ((1.0, self.trim.bright), (0.9, self.trim.dark), (0.84, self.wall.lit)):
            rise = y + high * (1 - size) * 0.3
            self.row(xs, rise, wide / 2 * size, high * size, outline, tone)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a disc about (x, y)."""
        self.row((x,), y - radius, radius, radius, DISC, colour)

    def solid(self, y: float, wide: float, high: float, profile: Outline, tones: Tones) -> None:
        """Fill a solid of revolution on the axis, lit from the side."""
        cuts = ((-1, 1), (-0.8, 1), (-0.45, 1), (0.05, 1), (0.42, 0.82))
        for cut, tone in zip(cuts, tones[4::-1], strict=True):
            self.row((0,), y, wide * self.light.side, high, slice_of(profile, *cut), tone)

    def dome(self, x: float, y: float, radius: float, drum: float, lantern: float = 0) -> None:
        """Draw a drum with its windows, a ribbed dome, and a lantern or else a cross."""
        with self.round(x):
            self.solid(y - radius * 0.4, radius * 0.94, drum + radius * 0.4, DRUM, self.wall)
            if drum > 0.1:
                for wide, *xs in ((0.14, -0.76, 0.76), (0.24, -0.42, 0, 0.42)):
                    places = [u * radius for u in xs]
                    self._windows(places, y + drum * 0.14, radius * wide, drum * 0.68)
            self.band(-radius, radius, y + drum, radius * 0.08)
            y += drum + radius * 0.08
            self.solid(y, radius * 0.97, radius, self.profile, self.roof)
            for u in (-0.8, -0.43, 0, 0.43, 0.8):
                rib = [(u * r * radius * 0.97, y + v * radius) for r, v in self.profile]
                self.fill(rib, self.roof.shaded, radius * 0.025)
            y += self.profile[-1][1] * radius * 0.97
            if lantern:
                self.dome(0, y, radius * 0.24, lantern)
            else:
                self.cross(0, y, max(0.07, radius * 0.45), self.gold.lit)

    def cross(self, x: float, y: float, high: float, colour: Colour) -> None:
        """Draw a cross."""
        self.row((x,), y, high, high, _CROSS, colour)
