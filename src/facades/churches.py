"""The styles of churches.

Baroque: scrolls, curved gables, columns, broken pediments, onion helms, saints in niches.
Byzantine: domes on drums, round arches, lunettes, striped masonry, mosaics on gold.
Gothic: lancets with tracery, a rose, buttresses with pinnacles, pointed portals, spires.
"""

from facades.canvas import Colour, Xs, mix, points, vary  # noqa: I001
from facades.parts import (
    BOX, COLUMN, DISC, FLAT, HEMISPHERE, ONION, POINTED, ROUND, STILTED, TRIANGLE, Building, bays,
)  # fmt: skip

_PLASTERS: tuple[Colour, ...] = ((222, 184, 108), (214, 158, 130), (170, 186, 178), (150, 170, 190))
_BARS = points("-4 0 -4 100 4 100 4 69 50 69 50 63 4 63 4 36 50 36 50 30 -50 30 -50 36 -4 36 -4 0")
_SEGMENT = points("-100 0 -86 40 -60 74 -32 94 0 100 32 94 60 74 86 40 100 0")
_BROKEN = points("-100 0 -94 30 -62 72 -32 100 -24 86 -50 20 50 20 24 86 32 100 62 72 94 30 100 0")
_HALF = points("-100 0 -98 16 -82 20 -66 30 -58 46 -60 58 -44 60 -40 72 -30 84 -14 95")
_CURVED = [*_HALF, (0.0, 1.0), *((-u, v) for u, v in _HALF[::-1])]
_SCROLL = points("0 0 0 100 10 94 20 70 32 48 50 34 72 38 92 34 100 18 98 0")
_SPIRAL = points("100 0 70 64 0 87 -58 55 -72 0 -45 -45 0 -60 38 -38 48 0 28 26 0 32 -20 0 0 -14")
_SAINT = points("19 0 19 10 16 10 10 45 20 72 6 82 10 90 5 100")
_BRICKS: tuple[Colour, ...] = ((158, 94, 70), (168, 108, 84), (138, 82, 64), (180, 122, 82))
_SHALLOW = [(x, 0.62 * y) for x, y in HEMISPHERE]
_LEAN_TO = points("-100 0 -96 100 96 100 100 0")
_PANES: tuple[Colour, ...] = ((130, 44, 64), (50, 76, 150), (150, 112, 52), (62, 106, 96))
_STEPPED = points("130 0 130 40 110 42 100 97 130 97 130 100")
_PINNACLE = points("80 0 80 35 125 35 0 100")
_SPIRE = points("100 0 83 17 92 19 78 21 63 37 72 39 58 41 43 57 52 59 38 61 23 77 30 79 0 100")
# Two small arches and a quatrefoil, in widths above the spring.
_TRACERY = points("0 10 -25 40 -50 0 -25 40 0 30 15 50 0 68 -15 50 0 30 25 40 50 0 25 40 0 10")


class Baroque(Building):
    """A front between towers, scrolls, or the wings of a palace."""

    def _build(self) -> None:
        if self.chance.random() < 0.7:
            self.wall = self.light.tones(vary(self.chance, _PLASTERS))
        if self.chance.random() < 0.8:
            self.trim = self.light.tones(vary(self.chance, ((222, 216, 202), (206, 196, 174)), 8))
        self.profile, self.course = self.chance.choice((ONION, STILTED)), 9.0  # plaster, no courses
        self.head = self.chance.choice((_BROKEN, _SEGMENT, TRIANGLE))
        self._front()

    def _windows(self, xs: Xs, y: float, wide: float, high: float) -> None:
        self.crown = FLAT
        super()._windows(xs, y, wide, high)
        self.crown = ROUND
        self.row(xs, y, wide, high, _BARS, self.trim.lit)
        self.row(xs, y - wide * 0.22, wide * 0.8, wide * 0.14, BOX, self.trim.bright)
        self.gables(xs, y + high + wide * 0.3, wide * 1.8, wide * 0.5, self.head)

    def _doors(self, xs: Xs, wide: float, high: float) -> None:
        super()._doors(xs, wide, high)
        ends = [x + side * wide * 0.8 for x in xs for side in (-1, 1)]
        self.posts(ends, 0, wide * 0.16, high * 1.06, COLUMN)
        self.gables(xs, high * 1.06, wide * 2.1, high * 0.3, self.head)

    def _top(self, x: float, wide: float, high: float, tower: bool) -> None:
        """A helm on a tower, on a wing the great scroll that leads up to the middle."""
        side = 1 if x > 0 else -1
        inner, size = x - side * wide / 2, wide * 0.27
        if tower:
            self.dome(x, high, wide * 0.5, 0.02, 0.08)
        elif wide < 0.4:
            self.row((inner,), high, side * wide, wide * 1.1, _SCROLL, self.wall.lit)
            edge = [(inner + side * u * wide, high + v * wide * 1.1) for u, v in _SCROLL[1:]]
            curl = [(x + side * (u + 0.8) * size, high + (v + 1) * size) for u, v in _SPIRAL]
            self.fill(edge, self.trim.bright, 0.02)
            self.fill(curl, self.trim.bright, wide * 0.1)
            self.fill(curl, self.trim.dark, wide * 0.04)

    def _middle(self, half: float, high: float) -> None:
        if self.chance.random() < 0.5:
            with self.behind(0.6):
                self.dome(0, high, half * 0.9, 0.25, 0.1)
        self.block(-half, 0, half, high, 0.8)
        for low, up in ((0, 0.6), (0.68, 0.97)):
            ends = (-half * 0.94, -half * 0.45, half * 0.45, half * 0.94)
            self.posts(ends, low * high, 0.045, (up - low) * high, COLUMN)
            self.box(-half, up * high, half, up * high + 0.05, self.trim.lit)
            self.band(-half - 0.02, half + 0.02, up * high + 0.05, 0.022)
        self._windows((0,), high * 0.74, half * 0.3, high * 0.14)
        for y in (0.2, 0.72):
            beside = self.chance.choice((self._niches, self._windows))
            beside((-half * 0.7, half * 0.7), high * y, half * 0.24, high * 0.17)
        top, outline = high * 0.97 + 0.07, self.chance.choice((_CURVED, _CURVED, self.head))
        self.gables((0,), top, half * 2.1, half, outline)
        for size, tone in ((0.2, self.trim.bright), (0.14, self.glass)):
            self.disc(0, top + half * 0.4, half * size, tone)
        self.cross(0, top + half, 0.12, self.gold.lit)

    def _niches(self, xs: Xs, y: float, wide: float, high: float) -> None:
        for size, tone in ((1.36, self.trim.lit), (1, self.wall.dark)):
            self.arcade(xs, y, wide * size, high * (0.4 + 0.6 * size), tone)
        self.posts(xs, y, high * 1.6, high * 0.86, _SAINT)


class Byzantine(Building):
    """A church under a dome among smaller ones, or behind a front of lunettes."""

    heights = (0.5, 0.75)

    def _build(self) -> None:
        brick, chance = self.light.tones(vary(self.chance, _BRICKS)), self.chance
        self.profile = chance.choice((HEMISPHERE, HEMISPHERE, STILTED, _SHALLOW))
        if chance.random() < 0.75:
            self.stripe = brick.body
        else:
            self.trim = brick
        if chance.random() < 0.2:
            self.roof = self.gold
        chance.choice((self._front, self._front, self._lunettes))()

    def _doors(self, xs: Xs, wide: float, high: float) -> None:
        super()._doors(xs, wide, high)
        self.arcade(xs, high * 0.6, wide * 0.86, high * 0.34, self.gold.body)

    def _lunette(self, x: float, y: float, wide: float, high: float) -> None:
        """A great blind arch with three lights in it."""
        for size, tone in ((1, self.trim.bright), (0.9, self.trim.dark), (0.86, self.wall.lit)):
            self.arcade((x,), y, wide * size, high - wide * (1 - size) * 0.5, tone)
        self._windows((x,), y + 0.02, wide * 0.17, high * 0.7)
        self._windows((x - wide * 0.25, x + wide * 0.25), y + 0.02, wide * 0.15, high * 0.54)

    def _porch(self, half: float, high: float, count: int) -> None:
        """Arches on columns before the front, under a lean-to roof."""
        xs, bay = bays(-half, half, count), 2 * half / count
        with self.behind(-0.12):
            self.block(-half, 0, half, high, 0.12)
            for wide, tone in ((0.9, self.trim.bright), (0.78, self.wall.deep)):
                self.arcade(xs, 0, bay * wide, high * (0.5 + 0.4 * wide), tone)
            self._doors((0,), bay * 0.42, high * 0.7)
            piers = [x - bay / 2 for x in [*xs, half + bay / 2]]
            self.posts(piers, 0, bay * 0.14, high * 0.52, COLUMN)
            self.row((0,), high, half, 0.08, _LEAN_TO, self.roof.lit)

    def _top(self, x: float, wide: float, high: float, tower: bool) -> None:
        if tower or wide < 0.4:
            self.dome(x, high, wide * 0.4, wide * 0.4)

    def _middle(self, half: float, high: float) -> None:
        with self.behind(half * 1.2):
            self.dome(0, high + half * 0.3, half * 0.9, self.chance.uniform(0.1, 0.34))
        self._masonry(-half, 0, half, high)
        if self.chance.random() < 0.6:
            self.arcade((0,), high * 0.6, half * 2.1, half * 1.2 + high * 0.2, self.roof.lit)
        self._lunette(0, high * 0.5, half * 1.8, half + high * 0.2)

    def _lunettes(self) -> None:
        """A front of great arches below as many domes: Saint Mark's."""
        bay, low, up, radius = self.sizes(0.27, 0.36, 0.34, 0.44, 0.66, 0.8, 0.17, 0.24)
        count, drum = self.chance.choice((3, 5, 5)), self.chance.uniform(0.1, 0.22)
        half, self.profile = count * bay / 2, self.chance.choice((ONION, STILTED, self.profile))
        with self.behind(half):
            for side, size in ((-0.62, 0.8), (0.62, 0.8), (0, 1)):
                self.dome(side * half, up + bay * 0.3 * size, radius * size, drum * size)
        self._nave(half, up, 0.1, half * 1.4)
        for x in bays(-half, half, count):
            tone = self.trim.bright if abs(x) > 0.01 else self.gold.body
            self.arcade((x,), up * 0.9, bay * 1.04, bay * 0.65 + up * 0.1, tone)
            self._lunette(x, low * 1.2, bay * 0.88, up + bay * 0.36 - low * 1.2)
            self.cross(x, up + bay * 0.6, 0.09, self.gold.lit)
        self._porch(half, low, count)


class Gothic(Building):
    """A cathedral."""

    crown, rings = POINTED, 5

    def _build(self) -> None:
        if self.chance.random() < 0.3:
            self.trim = self.light.tones(vary(self.chance, ((214, 208, 196), (200, 186, 160))))
        self.spired = self.chance.random() < 0.7
        self._front()

    def _windows(self, xs: Xs, y: float, wide: float, high: float) -> None:
        super()._windows(xs, y, wide, high)
        for x in xs:
            spring = y + max(0.0, high - wide * 0.87)
            path = [(x, y), *((x + u * wide, spring + v * wide) for u, v in _TRACERY)]
            self.fill(path, self.trim.lit, wide * 0.08)

    def _doors(self, xs: Xs, wide: float, high: float) -> None:
        self.gables(xs, high * 0.86, wide * 2.6, high * 1.1, TRIANGLE)
        super()._doors(xs, wide, high)

    def _storeys(self, x: float, wide: float, levels: Xs) -> None:
        super()._storeys(x, wide, levels)
        self._buttresses((x - wide * 0.48, x + wide * 0.48), levels[-1], 0.055)

    def _top(self, x: float, wide: float, high: float, tower: bool) -> None:
        if tower and self.spired:
            with self.round(x):
                self.solid(high, wide * 0.43, high * 0.6, _SPIRE, self.roof)
                self.cross(0, high * 1.59, wide * 0.3, self.roof.dark)

    def _nave(self, half: float, high: float, ridge: float, deep: float) -> None:
        super()._nave(half, high, ridge * 1.5, deep)
        if half > 0.4:
            with self.flank(half, 0):
                self._buttresses(bays(0, deep, 5)[::-1], high * 0.9, 0.05)

    def _middle(self, half: float, high: float) -> None:
        self.gables((0,), high, half * 2, half * 1.6, TRIANGLE)
        self._masonry(-half, 0, half, high)
        self._windows(bays(-half, half, 5), high * 0.85, half * 0.2, high * 0.13)
        self._windows(bays(-half, half, 9), high * 0.43, half * 0.12, high * 0.08)
        self._rose(high * 0.68, half * 0.55)
        self.band(-half, half, high, 0.02)

    def _rose(self, y: float, radius: float) -> None:
        stone, ring = self.trim, DISC[1 :: self.chance.choice((1, 1, 2))]
        pane, part = self.light.on(vary(self.chance, _PANES, 20)), min(0.22, 2.3 / len(ring))
        pane = mix(pane, self.glass, 0.7 * (self.glass[0] > 200))
        for size, tone in enumerate((stone.bright, stone.dark, stone.lit, pane)):
            self.disc(0, y, radius * (1.26 - 0.1 * size), tone)
        for u, v in ring:
            for share, tone in ((part, stone.bright), (part * 0.66, self.glass)):
                self.disc(u * radius * 0.75, y + (v - 1) * radius * 0.75, radius * share, tone)
        for size, tone in enumerate((stone.lit, pane, stone.lit, self.glass)):
            self.disc(0, y, radius * (0.45 - 0.1 * size), tone)

    def _buttresses(self, xs: Xs, high: float, wide: float) -> None:
        self.posts(xs, 0, wide, high, _STEPPED)
        self.posts(xs, high, wide, wide * 4.5, _PINNACLE)
