"""Egyptian: pyramids, pylons under a hollow cornice, reliefs, obelisks, lotus columns."""

from facades.canvas import Colour, mix, points, vary
from facades.parts import BOX, STONES, TRIANGLE, Building, bays

_PAINTS: tuple[Colour, ...] = ((164, 74, 50), (48, 92, 128), (204, 158, 60), (60, 118, 96))
_LOTUS = points("125 0 125 4 86 5 100 15 84 76 90 80 110 86 165 94 80 95 80 100")
_OBELISK, _FLARE = points("140 0 140 5 100 5 64 92 0 100"), points("-100 0 -104 100 104 100 100 0")
_WINGS = points("0 0 -80 30 -100 90 0 100 100 90 80 30 0 0")
_CASING = points("-26 74 -20 70 -10 76 0 71 10 75 20 70 26 74 0 100")
# A striding king with his staff, and signs.
_KING = points(
    "-16 0 -4 42 -8 55 -20 44 -17 78 -3 80 -10 92 -8 115 2 120 9 90 4 80 16 78 27 55 27 86 30 86 "
    "30 0 27 0 27 50 13 68 8 54 19 36 12 36 20 0 10 0 2 36 -6 0"
)
_BIRD = points("-100 0 -40 100 20 40 80 100 90 80 20 0")
_SIGNS = (BOX, TRIANGLE, _BIRD, points("-20 0 -20 50 -80 60 0 100 80 60 20 50 20 0"))


class Egyptian(Building):
    """Pyramids, a gate between two pylons, or a colonnade."""

    desert = True

    def _build(self) -> None:
        self.course, self.paints = self.course * 1.8, [self.light.on(paint) for paint in _PAINTS]
        self.chance.choice((self._pyramids, self._pylon, self._temple))()

    def _cornice(self, left: float, right: float, y: float, high: float, sun: float = 0) -> None:
        """The hollow cornice that flares over a wall, signs below it, a winged sun on it."""
        x, half = (left + right) / 2, (right - left) / 2
        for index, sign in enumerate(_SIGNS):
            xs = bays(left, right, max(4, int(half / high * 3)))[index::4]
            self.row(xs, y - high * 0.7, high * 0.2, high * 0.45, sign, self.wall.dark)
        self.row((x,), y, half, high, _FLARE, self.wall.shaded)
        reeds = bays(left, right, int(half / high * 6) + 3)
        self.row(reeds, y, high * 0.05, high * 0.7, BOX, self.wall.dark)
        self.box(left, y - high * 0.08, right, y + high * 0.12, self.wall.bright)
        self.row((x,), y + high * 0.8, half * 1.04, high * 0.2, BOX, self.wall.bright)
        self.row((x,), y, sun, sun * 0.3, _WINGS, self.paints[1])
        self.disc(x, y + sun * 0.15, sun * 0.16, self.paints[0])

    def _obelisks(self, x: float, high: float) -> None:
        self.trim, xs = self.light.tones(vary(self.chance, STONES)), ((-x, x), (x,), ())
        with self.behind(-0.18):
            for side in self.chance.choice(xs):
                self.posts((side,), 0, 0.08, high, _OBELISK)
                for y in bays(high * 0.08, high * 0.85, 7):
                    self.row((side,), y, 0.012, 0.04, self.chance.choice(_SIGNS), self.trim.dark)

    def _pyramid(self, x: float, z: float, half: float, high: float) -> None:
        """The two faces that are seen, in courses, perhaps with the casing of the top left."""
        wall, count, uniform = self.wall, int(high * 26) + 2, self.chance.uniform
        levels = [(half * (1 - k / count), high * k / count) for k in range(count)]
        gain = 0.72 if self.light.side == self.seen_side else 1.04
        front, flank = self.behind(z - half, half / high, gain), self.flank(half, x, half / high, z)
        for u, face in ((x, front), (0.0, flank)):
            with face:
                self.row((u,), 0, half, high, TRIANGLE, wall.body)
                joints = [(u + side * size, y) for size, y in levels for side in (-1, 1, -1)]
                self.fill(joints, wall.shaded, 0.004)
                for size, y in levels[: count * 2 // 3] * 2:
                    left, tone = u + uniform(-1, 0.8) * size, self.chance.choice(wall[1:5])
                    stone = mix(tone, wall.body, 0.6)
                    self.box(left, y, left + half * 0.04, y + high / count, stone)
                if uniform(0, 1) < 0.4:
                    self.row((u,), 0, half, high, _CASING, wall.bright)

    def _pyramids(self) -> None:
        """One pyramid to three, small ones beside them: Giza."""
        chance, way = self.chance, self.chance.choice((-1, 1))
        turn, high, wide = self.sizes(0.15, 0.41, 0.75, 1, 0.72, 0.86)
        self.turn(way * turn)
        half = high * wide
        for index in range(chance.choice((0, 1, 2)), -1, -1):
            x, size = (0, -1.7, 1.7)[index] * half, chance.uniform(0.6, 0.95) if index else 1
            self._pyramid(x, half * 1.8 * index, half * size, high * size)
        for index in range(chance.choice((0, 0, 2, 3))):
            self._pyramid(way * half * (1 + index) / 2, -half * 1.6, half / 6, high / 6)

    def _pylon(self) -> None:
        """A gate between two leaning towers with reliefs and obelisks: Luxor, Edfu."""
        inner, wide, high, batter = self.sizes(0.1, 0.14, 0.48, 0.68, 0.72, 0.95, 0.07, 0.12)
        door, tall, chance, rim = *self.sizes(0.32, 0.5, 0.8, 1.15), self.chance, inner + wide
        carved = mix(self.wall.shaded, chance.choice([self.wall.dark, *self.paints]), 0.5)
        king, rows = chance.choice(((0.5, (0.1,)), (0.28, (0.1, 0.5))))
        with self.flank(rim, 0, batter / high):
            self._masonry(0, 0, 0.3, high)
        for side in (-1, 1):
            top = high * chance.choice((1, 1, 0.85))
            edge = rim - batter * top / high
            left, right = sorted((side * inner, side * edge))
            self._masonry(left, 0, right, top)
            self.fill(((side * edge, 0), (side * edge, top), (side * rim, 0)), self.wall.body)
            for y in rows:
                size = high * king
                self.row(bays(left, right, 3), high * y, -side * size, size, _KING, carved)
            self._cornice(left, right, top, high * 0.09)
        self._masonry(-inner - 0.02, 0, inner + 0.02, door * 1.16)
        self.box(-inner * 0.6, 0, inner * 0.6, door * 0.9, self.wall.deep)
        self._cornice(-inner, inner, door * 1.16, high * 0.08, inner * 0.9)
        self._obelisks(inner + wide / 2, high * tall)

    def _temple(self) -> None:
        """A colonnade under the cornice: Dendera, Philae."""
        bay, high, pier = self.sizes(0.19, 0.25, 0.5, 0.72, 0.14, 0.2)
        count = self.chance.choice((4, 6, 6, 8))
        half, rim, king = count * bay / 2, count * bay / 2 + pier, high * 0.4
        self.block(-rim, 0, rim, high + 0.1, 0.6)
        self.box(-half, 0, half, high, self.wall.deep)
        sides = (-half - pier / 2, half + pier / 2)
        self.row(sides, high * 0.15, king, king, _KING, self.wall.dark)
        screens = [x for x in bays(-half, half, count) if abs(x) > bay]
        self.row(screens, 0, bay / 2, high * self.chance.choice((0, 0.36)), BOX, self.wall.body)
        xs = [-half + k * bay for k in range(count + 1)]
        self.posts(xs, 0, bay * 0.5, high, _LOTUS)
        for y in (0.62, 0.66, 0.7):
            self.row(xs, high * y, bay * 0.22, high * 0.015, BOX, self.paints[0])
        self._cornice(-rim, rim, high + 0.1, 0.1, 0.2)
        self._obelisks(half * 0.85, high * 1.75)
