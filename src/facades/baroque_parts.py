"""Orders, pediments, scrolls and helms of a baroque building."""

from random import Random

from facades.brush import Brush, Point
from facades.light import Colour, Light, vary
from facades.shapes import (
    BELL,
    DRUM,
    FLAT,
    HELM,
    ONION,
    SEGMENT,
    disc,
    opening,
    repeat,
)

_PLASTERS: tuple[Colour, ...] = (
    (222, 184, 108), (214, 158, 130), (206, 188, 150), (196, 168, 120), (170, 186, 178),
    (208, 196, 176), (196, 130, 96), (188, 176, 158), (150, 170, 190),
)  # fmt: skip


_TRIMS: tuple[Colour, ...] = ((222, 216, 202), (206, 196, 174), (214, 204, 188))


_ROOFS: tuple[Colour, ...] = (
    (104, 150, 132), (118, 158, 142), (96, 98, 104), (150, 84, 62), (84, 110, 104), (128, 78, 58),
)  # fmt: skip


class Build:
    """What a building is made of: plaster, trim, roof, and the taste of its builder."""

    def __init__(self, chance: Random, light: Light) -> None:
        self.plaster = light.tones(vary(chance, chance.choice(_PLASTERS), 12))
        self.trim = light.tones(vary(chance, chance.choice(_TRIMS), 8))
        if chance.random() < 0.2:
            self.trim = self.plaster
        self.roof = light.tones(vary(chance, chance.choice(_ROOFS), 10))
        self.gold = light.tones((216, 172, 72))
        self.helm = chance.choice((ONION, BELL, HELM, BELL))
        self.pediments = chance.choice(("broken", "segment", "triangle"))
        self.round = chance.random() < 0.4  # columns instead of pilasters

    def order(self, brush: Brush, x: float, y: float, wide: float, high: float) -> None:
        """Draw a pilaster or column with base and capital."""
        half, side = wide / 2, brush.light.side
        brush.box(x - side * half * 1.2, y, x - side * half * 2, y + high, self.plaster.dark)
        if self.round:
            brush.solid(x, y, half, high, DRUM, self.trim)
        else:
            brush.box(x - half, y, x + half, y + high, self.trim.lit)
            brush.box(x - side * half, y, x - side * half * 0.55, y + high, self.trim.shaded)
        brush.box(x - half * 1.4, y, x + half * 1.4, y + wide * 0.5, self.trim.body)
        capital = y + high - wide * 0.9
        brush.polygon(
            [(x - half, capital), (x - half * 1.6, y + high), (x + half * 1.6, y + high),
             (x + half, capital)], self.trim.bright,
        )  # fmt: skip
        if brush.fine(wide):
            for u in (-1, 1):
                disc(
                    brush, x + u * half * 1.05, y + high - wide * 0.25, wide * 0.2, self.trim.shaded
                )
            brush.line([(x - half, capital), (x + half, capital)], self.trim.dark, 0)

    def pediment(
        self, brush: Brush, x: float, y: float, wide: float, high: float, kind: str
    ) -> None:
        """Draw a pediment: triangle, segment, or broken with an urn in the gap."""
        half, thick = wide / 2, high * 0.2
        if kind == "broken":
            for side in (-1, 1):
                edge: list[Point] = [
                    (x + side * half, y), (x + side * half * 0.94, y + high * 0.3),
                    (x + side * half * 0.62, y + high * 0.72), (x + side * half * 0.32, y + high),
                    (x + side * half * 0.24, y + high * 0.86),
                    (x + side * half * 0.3, y + high * 0.74),
                    (x + side * half * 0.5, y + high * 0.42), (x + side * half * 0.5, y),
                ]  # fmt: skip
                brush.polygon(edge, self.trim.lit)
                brush.line(edge[:4], self.trim.bright, thick * 0.5)
                disc(brush, x + side * half * 0.32, y + high * 0.86, high * 0.12, self.trim.bright)
            self.urn(brush, x, y, high * 1.15)
        elif kind == "segment":
            brush.shape(x, y, half, half * high / (0.5 * half), SEGMENT, self.trim.lit)
            brush.shape(x, y + thick * 0.7, half * 0.78, high * 1.36, SEGMENT, self.plaster.shaded)
        else:
            brush.polygon([(x - half, y), (x, y + high), (x + half, y)], self.trim.lit)
            inner = half * 0.72
            brush.polygon(
                [(x - inner, y + thick), (x, y + high * 0.78), (x + inner, y + thick)],
                self.plaster.shaded,
            )
        brush.band(x - half, x + half, y, thick * 0.6, self.trim)

    def window(
        self, brush: Brush, x: float, y: float, wide: float, high: float, arched: bool
    ) -> None:
        """Draw a framed window with its pediment and sill."""
        crown = SEGMENT if arched else FLAT
        opening(brush, x, y - wide * 0.1, wide * 1.4, high + wide * 0.32, self.trim.lit, crown)
        opening(brush, x, y - wide * 0.02, wide * 1.1, high + wide * 0.08, self.trim.dark, crown)
        opening(brush, x, y, wide, high, brush.light.glass, crown)
        brush.line([(x, y), (x, y + high)], self.trim.bright, wide * 0.08)
        if brush.fine(wide):
            for share in (0.33, 0.66):
                brush.line(
                    [(x - wide / 2, y + high * share), (x + wide / 2, y + high * share)],
                    self.trim.lit,
                    wide * 0.05,
                )
        brush.band(x - wide * 0.8, x + wide * 0.8, y - wide * 0.16, wide * 0.1, self.trim)
        self.pediment(brush, x, y + high + wide * 0.2, wide * 1.7, wide * 0.42, self.pediments)

    def niche(self, brush: Brush, x: float, y: float, wide: float, high: float) -> None:
        """Draw a shell niche with a statue."""
        opening(brush, x, y - wide * 0.08, wide * 1.36, high + wide * 0.28, self.trim.lit)
        opening(brush, x, y, wide, high, self.plaster.dark)
        self.statue(brush, x, y, high * 0.84)

    def statue(self, brush: Brush, x: float, y: float, high: float) -> None:
        """Draw a figure in a cloak on a plinth."""
        brush.box(x - high * 0.14, y, x + high * 0.14, y + high * 0.14, self.trim.body)
        side = brush.light.side
        robe = [
            (-0.16, 0.14),
            (-0.1, 0.5),
            (-0.19, 0.74),
            (-0.07, 0.84),
            (0.07, 0.84),
            (0.19, 0.72),
            (0.1, 0.46),
            (0.15, 0.14),
        ]
        brush.polygon([(x + u * high, y + v * high) for u, v in robe], self.trim.bright)
        brush.polygon(
            [
                (x - side * 0.15 * high, y + 0.14 * high),
                (x - side * 0.17 * high, y + 0.72 * high),
                (x - side * 0.02 * high, y + 0.14 * high),
            ],
            self.trim.shaded,
        )
        disc(brush, x, y + high * 0.91, high * 0.09, self.trim.lit)

    def urn(self, brush: Brush, x: float, y: float, high: float) -> None:
        """Draw a vase."""
        vase = [
            (0.14, 0.0),
            (0.3, 0.08),
            (0.1, 0.22),
            (0.32, 0.5),
            (0.28, 0.66),
            (0.12, 0.74),
            (0.2, 0.82),
            (0.03, 1.0),
        ]
        brush.polygon(
            [(x - r * high, y + v * high) for r, v in vase]
            + [(x + r * high, y + v * high) for r, v in reversed(vase)],
            self.trim.lit,
        )

    def balustrade(self, brush: Brush, left: float, right: float, y: float, high: float) -> None:
        """Draw a row of balusters under a rail, with urns or statues on its posts."""
        brush.box(left, y, right, y + high, self.plaster.dark)
        count = max(6, int((right - left) / (high * 0.42)))
        for x in repeat(left, right, count):
            brush.box(x - high * 0.09, y, x + high * 0.09, y + high, self.trim.lit)
        brush.band(left, right, y + high, high * 0.22, self.trim)

    def storey(
        self, brush: Brush, half: float, low: float, high: float, columns: list[float]
    ) -> None:
        """Draw a wall with its order and the entablature that it carries."""
        brush.box(-half, low, half, high, self.plaster.body)
        for x in columns:
            self.order(brush, x, low, 0.044, high - low)
        self.entablature(brush, -half, half, high)

    def entablature(self, brush: Brush, left: float, right: float, y: float) -> None:
        """Draw architrave, frieze and cornice."""
        brush.box(left, y, right, y + 0.05, self.trim.body)
        brush.line([(left, y + 0.018), (right, y + 0.018)], self.trim.dark, 0)
        brush.band(left - 0.015, right + 0.015, y + 0.05, 0.02, self.trim)
        brush.shadow([(left, y), (right, y), (right, y - 0.035), (left, y - 0.035)], 0.3)

    def door(self, brush: Brush, x: float, wide: float, high: float) -> None:
        """Draw the portal between columns under its pediment."""
        opening(brush, x, 0, wide * 1.24, high * 1.06, self.trim.lit)
        opening(brush, x, 0, wide, high, self.trim.deep)
        brush.box(x - wide * 0.46, 0, x + wide * 0.46, high * 0.66, brush.tinted((92, 62, 40)))
        brush.line([(x, 0), (x, high * 0.66)], brush.tinted((48, 34, 26)), wide * 0.05)
        for side in (-1, 1):
            self.order(brush, x + side * wide * 0.82, 0, wide * 0.16, high * 1.04)
        brush.band(x - wide * 1.02, x + wide * 1.02, high * 1.05, high * 0.06, self.trim)
        self.pediment(brush, x, high * 1.13, wide * 2.1, high * 0.3, self.pediments)

    def framed(self, brush: Brush, x: float, y: float, wide: float, high: float) -> None:
        """Draw a small window with nothing but a frame."""
        opening(brush, x, y - wide * 0.12, wide * 1.4, high + wide * 0.3, self.trim.bright)
        opening(brush, x, y, wide, high, brush.light.glass)
