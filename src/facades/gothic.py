"""Gothic: lancets with tracery, a rose, buttresses with pinnacles, pointed portals, spires."""

from facades.canvas import Colour, Xs, mix, points, vary
from facades.parts import DISC, POINTED, TRIANGLE, Building, bays

_PANES: tuple[Colour, ...] = ((130, 44, 64), (50, 76, 150), (150, 112, 52), (62, 106, 96))
_STEPPED = points("130 0 130 40 110 42 100 97 130 97 130 100")
_PINNACLE = points("80 0 80 35 125 35 0 100")
_SPIRE = points("100 0 83 17 92 19 78 21 63 37 72 39 58 41 43 57 52 59 38 61 23 77 30 79 0 100")
# Two small arches and a quatrefoil, in widths above the spring.
_TRACERY = points("0 10 -25 40 -50 0 -25 40 0 30 15 50 0 68 -15 50 0 30 25 40 50 0 25 40 0 10")


class Gothic(Building):
    """A cathedral."""

    crown, rings = POINTED, 5

    def build(self) -> None:
        """Draw the cathedral."""
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
