"""Byzantine: domes on drums, round arches, lunettes, striped masonry, mosaics on gold."""

from facades.canvas import Colour, Xs, points, vary
from facades.parts import COLUMN, HEMISPHERE, ONION, STILTED, Building, bays

_BRICKS: tuple[Colour, ...] = ((158, 94, 70), (168, 108, 84), (138, 82, 64), (180, 122, 82))
_SHALLOW = [(x, 0.62 * y) for x, y in HEMISPHERE]
_LEAN_TO = points("-100 0 -96 100 96 100 100 0")


class Byzantine(Building):
    """A church under a dome among smaller ones, or behind a front of lunettes."""

    heights = (0.5, 0.75)

    def build(self) -> None:
        """Draw the church."""
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
