"""How the parts stand together: churches, pyramids, pylons, temples, and what grows around them."""

from contextlib import AbstractContextManager

from facades.canvas import Camera, mix
from facades.parts import Building, bays


class Plan(Building):
    """Draws a building by the plan of its style; `turn` is half of how far it is turned."""

    turn = 0.0

    def draw(self) -> None:
        """Draw the building, turned a little."""
        chance = self.chance
        self.turn = chance.choice((chance.uniform(-0.05, 0.05), chance.uniform(-0.3, 0.3)))
        getattr(self, f"_{self.taste['plan']}")()

    @property
    def seen(self) -> int:
        """Return the side that the camera sees: 1 is right."""
        return 1 if self.turn < 0 else -1

    def _flank(self, x: float, lean: float = 0) -> AbstractContextManager[None]:
        """Draw on the seen side of a block, at x, which may lean inwards."""
        gain = 1.06 if self.seen == self.light.side else 1 - 0.36 * self.light.contrast
        return self.on((x, 0, -self.seen * lean, self._plane[3], 1, 0), gain)

    def _wall(self, left: float, right: float, high: float) -> None:
        """Draw a wall in striped courses, or in ashlar: its joints and a few odd stones."""
        step, tones, chance = self.course, self.tones["wall"], self.chance
        self.box(left, 0, right, high, tones[2])
        levels = [step * index for index in range(1, int(high / step))]
        if self.taste.get("courses") == "striped":
            for y in levels[::2]:
                self.box(left, y, right, y + step, self.tones["brick"][2])
        elif self.taste.get("courses") != "plaster":
            for y in levels:
                self.box(left, y, right, y + 0.002, tones[3])
            for y in levels[chance.randrange(5) :: 6]:
                x, odd = chance.uniform(left, right), chance.choice(tones[1:4])
                self.box(x, y, min(x + step * 2.4, right), y + step, mix(odd, tones[2], 0.4))

    def _block(self, left: float, right: float, high: float, deep: float, rows: int) -> None:
        """Draw the front and the seen side of a block with rows of windows, between mouldings."""
        count, rise = max(1, round((right - left) / 0.17)), high / max(1, rows)
        size = min(0.5 * (right - left) / count, 0.36 * rise), rise * 0.56
        with self._flank(right if self.seen > 0 else left):
            self._wall(0, deep, high)
            for row in range(rows):
                along = bays(0, deep, max(1, round(deep / 0.25)))
                self.part("window", along, rise * (row + 0.22), size[0] * 0.9, size[1])
        self._wall(left, right, high)
        for row in range(rows):
            self.part("window", bays(left, right, count), rise * (row + 0.22), *size)
            self.part("band", [(left + right) / 2], rise * (row + 1), right - left, 0.04)

    def _church(self) -> None:
        """A west front: its middle between towers or wings, a dome behind it."""
        half, aside, nave, deep = self.sizes(0.2, 0.34, 0.2, 0.34, 0.75, 1, 0.5, 1.2)
        body, towers = nave * self.chance.uniform(0.5, 0.66), self.chance.random() < 0.6
        least, most = map(float, self.taste["towers"].split("-"))
        high = self.chance.uniform(least, most) if towers else body
        aside *= 1 if towers else self.chance.choice((1, 2.2))
        crown = half * self.chance.uniform(1, 1.6)
        with self.behind(half * 1.5):
            self.part("behind", [0], nave + crown * 0.3, half * 1.8, half * 2)
        with self._flank(half * self.seen):
            self._wall(0, deep, nave)
            self.part("window", bays(0, deep, 4), nave * 0.72, 0.08, nave * 0.2)
        for side in (-self.seen, self.seen):
            x = side * (half + aside / 2)
            if towers:
                with self.behind(aside / 2):
                    self.part("tower", [x], high, aside * 0.9, aside * 2.4)
            else:
                self.part("wing", [x], high, side * aside, aside * 0.9)
            rows = (aside, 3) if towers else (deep, 2)
            self._block(x - aside / 2, x + aside / 2, high, *rows)
            self.part("corner", [x - aside / 2, x + aside / 2], 0, 0.05, high)
            if towers:
                self.part("door", [x], 0, aside * 0.36, high * 0.17)
        self.part("top", [0], nave, half * 2, crown)
        self._wall(-half, half, nave)
        self.part("front", [0], 0, half * 2, nave)

    def _face(self, x: float, half: float, high: float) -> None:
        """Draw a face of a pyramid: its courses, odd stones, perhaps the casing of its top."""
        wall, count, chance = self.tones["wall"], int(high * 26) + 2, self.chance
        self.part("slope", [x], 0, 2 * half, high)
        for k in range(count):
            size, y = half * (1 - k / count), high * k / count
            self.box(x - size, y, x + size, y + 0.002, wall[3])
            left = x + chance.uniform(-1, 0.8) * size
            stone = mix(chance.choice(wall[1:5]), wall[2], 0.6)
            self.box(left, y, left + half * 0.06, y + high / count, stone)
        if chance.random() < 0.4:
            self.part("casing", [x], high * 0.72, half * 0.56, high * 0.28)

    def _pyramids(self) -> None:
        """One pyramid to three, small ones beside them: Giza."""
        chance, way = self.chance, self.chance.choice((-1, 1))
        turn, high, wide = self.sizes(0.15, 0.41, 0.75, 1, 0.72, 0.86)
        self.turn, half = way * turn, high * wide
        them = [(0.0, 0.0, 1.0)]
        them += [(-1.7, 1.8, chance.uniform(0.6, 0.95)), (1.7, 3.6, chance.uniform(0.6, 0.95))]
        small = [(way * (1 + k) / 2, -1.6, 1 / 6) for k in range(chance.choice((0, 0, 2, 3)))]
        for x, z, size in [*them[chance.choice((0, 1, 2)) :: -1], *small]:
            h, up = half * size, high * size
            with self.behind(z * half - h, h / up, 0.72 if self.light.side == self.seen else 1.04):
                self._face(x * half, h, up)
            with self.behind(z * half), self._flank(x * half + self.seen * h, h / up):
                self._face(0, h, up)

    def _pylon(self) -> None:
        """A gate between two leaning towers with reliefs and obelisks: Luxor, Edfu."""
        inner, wide, high, lean = self.sizes(0.1, 0.14, 0.48, 0.68, 0.72, 0.95, 0.07, 0.12)
        door, tall = self.sizes(0.36, 0.52, 0.8, 1.15)
        king, rows = self.chance.choice(((0.5, (0.1,)), (0.28, (0.1, 0.5))))
        rim = inner + wide
        with self._flank(rim * self.seen, lean / high):
            self._wall(0, 0.3, high)
        for side in (-1, 1):
            top = high * self.chance.choice((1, 1, 0.85))
            edge = rim - lean * top / high
            left, right = sorted((side * inner, side * edge))
            self._wall(left, right, top)
            self.fill(
                ((side * edge, 0), (side * edge, top), (side * rim, 0)), self.tones["wall"][2]
            )
            for y in rows:
                places, size = bays(left, right, 3), high * king
                self.part("striding", places, high * y, -side * size * 1.5, size)
            self.part("cornice", [(left + right) / 2], top, right - left, high * 0.09)
        self.part("gate", [0], 0, inner * 2, door)
        self._obelisks(inner + wide / 2, high * tall)

    def _temple(self) -> None:
        """A colonnade under the cornice: Dendera, Philae."""
        bay, high, pier = self.sizes(0.19, 0.25, 0.5, 0.72, 0.14, 0.2)
        count = self.chance.choice((4, 6, 6, 8))
        half, rim = count * bay / 2, count * bay / 2 + pier
        with self._flank(rim * self.seen):
            self._wall(0, 0.6, high + 0.1)
        self._wall(-rim, rim, high + 0.1)
        self.box(-half, 0, half, high, self.tones["wall"][5])
        self.part(
            "striding", [-half - pier / 2, half + pier / 2], high * 0.15, high * 0.8, high * 0.4
        )
        screens = [x for x in bays(-half, half, count) if abs(x) > bay]
        self.part("screen", screens, 0, bay, high * self.chance.choice((0.01, 0.36)))
        self.part("papyrus", [k * bay - half for k in range(count + 1)], 0, bay * 0.5, high)
        self.part("cornice", [0], high + 0.1, rim * 2, 0.1)
        self.part("sun", [0], high + 0.1, 0.4, 0.07)
        self._obelisks(half * 0.85, high * 1.75)

    def _obelisks(self, x: float, high: float) -> None:
        with self.behind(-0.18):
            self.part("obelisk", self.chance.choice(([-x, x], [x], [])), 0, 0.08, high)

    def grow(self, camera: Camera, away: float, count: int) -> None:
        """Draw a row of plants behind the building, or one or two at the edges before it."""
        uniform, wide = self.chance.uniform, camera.reach * (1 + away / 3)
        high = min(camera.unit, camera.reach * 1.4) * uniform(0.3, 0.6)
        xs = bays(-wide * 1.3, wide * 1.3, count)
        if count < 3:
            xs = [uniform(0.7, 1) * wide * side for side in self.chance.sample((-1, 1), count)]
        with self.behind(away * camera.unit):
            self.part("plant", xs, 0, high * 0.7, high)
