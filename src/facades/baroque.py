"""Baroque: scrolls, curved gables, columns, broken pediments, onion helms, saints in niches."""

from facades.canvas import Colour, Xs, points, vary
from facades.parts import BOX, COLUMN, FLAT, ONION, ROUND, STILTED, TRIANGLE, Building

_PLASTERS: tuple[Colour, ...] = ((222, 184, 108), (214, 158, 130), (170, 186, 178), (150, 170, 190))
_BARS = points("-4 0 -4 100 4 100 4 69 50 69 50 63 4 63 4 36 50 36 50 30 -50 30 -50 36 -4 36 -4 0")
_SEGMENT = points("-100 0 -86 40 -60 74 -32 94 0 100 32 94 60 74 86 40 100 0")
_BROKEN = points("-100 0 -94 30 -62 72 -32 100 -24 86 -50 20 50 20 24 86 32 100 62 72 94 30 100 0")
_HALF = points("-100 0 -98 16 -82 20 -66 30 -58 46 -60 58 -44 60 -40 72 -30 84 -14 95")
_CURVED = [*_HALF, (0.0, 1.0), *((-u, v) for u, v in _HALF[::-1])]
_SCROLL = points("0 0 0 100 10 94 20 70 32 48 50 34 72 38 92 34 100 18 98 0")
_SPIRAL = points("100 0 70 64 0 87 -58 55 -72 0 -45 -45 0 -60 38 -38 48 0 28 26 0 32 -20 0 0 -14")
_SAINT = points("19 0 19 10 16 10 10 45 20 72 6 82 10 90 5 100")


class Baroque(Building):
    """A front between towers, scrolls, or the wings of a palace."""

    def build(self) -> None:
        """Draw it."""
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
