"""Striped walls, windows, domes and apses of a byzantine church."""

from random import Random

from facades.brush import Brush, Point
from facades.light import Colour, Light, vary
from facades.shapes import (
    CONE,
    DRUM,
    HEMISPHERE,
    ROUND,
    STILTED,
    cross,
    disc,
    opening,
    repeat,
)

# Two courses of masonry each, the first as the ground.
_MASONRY: tuple[tuple[Colour, Colour], ...] = (
    ((204, 184, 154), (158, 94, 70)), ((212, 198, 176), (168, 108, 84)),
    ((186, 156, 126), (138, 82, 64)), ((216, 208, 194), (172, 130, 110)),
    ((180, 168, 148), (132, 90, 72)), ((212, 188, 152), (180, 122, 82)),
)  # fmt: skip


_ROOFS: tuple[Colour, ...] = (
    (118, 132, 140), (166, 92, 68), (178, 112, 84), (112, 148, 136), (200, 162, 78),
    (90, 110, 140), (146, 152, 156),
)  # fmt: skip


FLAT_DOME: list[Point] = [(x, y * 0.62) for x, y in HEMISPHERE]


_DOMES = (HEMISPHERE, HEMISPHERE, STILTED, STILTED, FLAT_DOME)


class Build:
    """What a church is made of: two courses, a roof, the shape of its domes."""

    def __init__(self, chance: Random, light: Light) -> None:
        stone, brick = chance.choice(_MASONRY)
        self.stone = light.tones(vary(chance, stone, 12))
        self.brick = light.tones(vary(chance, brick, 12))
        self.roof = light.tones(vary(chance, chance.choice(_ROOFS), 10))
        self.gold = light.tones((224, 178, 76))
        self.course = chance.uniform(0.028, 0.046)
        self.dome = chance.choice(_DOMES)
        self.ribs = chance.random() < 0.5

    def wall(self, brush: Brush, left: float, low: float, right: float, high: float,
             deep: float = 0.0) -> None:  # fmt: skip
        """Draw a wall of alternating courses."""
        if deep:
            brush.flank(
                left, right, high, deep, self.stone, (self.course, self.brick.body), 3, ROUND
            )
        brush.box(left, low, right, high, self.stone.body)
        y = low + self.course
        while y < high - self.course * 0.3:
            brush.box(left, y, right, min(high, y + self.course * 0.55), self.brick.body)
            y += self.course * 1.3

    def window(self, brush: Brush, x: float, y: float, wide: float, high: float) -> None:
        """Draw a round-arched window under an arch of striped voussoirs."""
        opening(brush, x, y, wide * 1.5, high + wide * 0.25, self.brick.dark)
        opening(brush, x, y, wide * 1.34, high + wide * 0.17, self.stone.bright)
        if brush.fine(wide * 0.8):
            spring = y + high - wide / 2
            for u, v in ROUND[1::2]:
                brush.line(
                    [(x + u * wide * 0.5, spring + v * wide * 0.5),
                     (x + u * wide * 0.68, spring + v * wide * 0.68)],
                    self.brick.body, wide * 0.11,
                )  # fmt: skip
        opening(brush, x, y, wide, high, brush.light.glass)
        if brush.fine(wide):
            brush.line([(x, y), (x, y + high)], self.stone.shaded, wide * 0.08)

    def pair(self, brush: Brush, x: float, y: float, wide: float, high: float) -> None:
        """Draw two lights with a column between them under one arch."""
        opening(brush, x, y, wide * 1.3, high + wide * 0.18, self.brick.body)
        opening(brush, x, y, wide * 1.1, high + wide * 0.06, self.stone.lit)
        for side in (-1, 1):
            opening(brush, x + side * wide * 0.26, y, wide * 0.4, high * 0.72, brush.light.glass)
        disc(brush, x, y + high * 0.82, wide * 0.1, brush.light.glass)

    def lunette(self, brush: Brush, x: float, y: float, wide: float, high: float) -> None:
        """Draw a great blind arch with a window of three lights in it."""
        opening(brush, x, y, wide, high, self.brick.body)
        opening(brush, x, y, wide * 0.9, high - wide * 0.05, self.stone.bright)
        opening(brush, x, y, wide * 0.82, high - wide * 0.09, self.brick.shaded)
        for index, offset in enumerate((-0.24, 0.0, 0.24)):
            tall = high * (0.72 if index == 1 else 0.56)
            opening(brush, x + offset * wide, y, wide * 0.17, tall, brush.light.glass)

    def domed(self, brush: Brush, x: float, y: float, radius: float, drum: float) -> None:
        """Draw a drum with windows, a ring of small arches, and a dome with its cross."""
        dome = self.dome
        brush.solid(x, y, radius * 0.92, drum, DRUM, self.stone)
        step = self.course * 1.3
        level = y + step * 0.5
        while level < y + drum - step * 0.3:
            brush.box(
                x - radius * 0.92, level, x + radius * 0.92, level + step * 0.4, self.brick.body
            )
            level += step
        side = brush.light.side
        shadow = [(x - side * radius * 0.92, y), (x - side * radius * 0.92, y + drum),
                  (x - side * radius * 0.5, y + drum), (x - side * radius * 0.5, y)]  # fmt: skip
        brush.shadow(shadow, 0.3)
        for u, thin in ((-0.8, 0.5), (-0.48, 0.8), (0.0, 1.0), (0.48, 0.8), (0.8, 0.5)):
            wide = radius * 0.24 * thin
            opening(
                brush,
                x + u * radius * 0.92,
                y + drum * 0.12,
                wide * 1.6,
                drum * 0.8,
                self.stone.bright,
            )
            opening(
                brush, x + u * radius * 0.92, y + drum * 0.12, wide, drum * 0.68, brush.light.glass
            )
        brush.band(x - radius, x + radius, y + drum, radius * 0.07, self.stone)
        rise = y + drum + radius * 0.06
        brush.solid(x, rise, radius, radius, dome, self.roof)
        if self.ribs and brush.fine(radius * 0.5):
            for u in (-0.75, -0.4, 0.0, 0.4, 0.75):
                brush.line(
                    [(x + u * r * radius, rise + v * radius) for r, v in dome],
                    self.roof.shaded,
                    0.005,
                )
        top = rise + radius * dome[-1][1]
        brush.box(
            x - radius * 0.05, top - 0.01, x + radius * 0.05, top + radius * 0.1, self.gold.body
        )
        cross(brush, x, top + radius * 0.08, max(0.07, radius * 0.45), self.gold.lit)

    def apse(self, brush: Brush, x: float, radius: float, high: float) -> None:
        """Draw a round apse with two rows of arches and a conical roof."""
        brush.solid(x, 0, radius, high, DRUM, self.stone)
        y = self.course
        while y < high:
            brush.box(x - radius, y, x + radius, y + self.course * 0.5, self.brick.body)
            y += self.course * 1.3
        for u, thin in ((-0.68, 0.7), (0.0, 1.0), (0.68, 0.7)):
            self.window(brush, x + u * radius, high * 0.42, radius * 0.26 * thin, high * 0.42)
        side = brush.light.side
        brush.shadow(
            [
                (x - side * radius, 0),
                (x - side * radius, high),
                (x - side * radius * 0.45, high),
                (x - side * radius * 0.45, 0),
            ],
            0.3,
        )
        brush.band(x - radius * 1.04, x + radius * 1.04, high, radius * 0.08, self.stone)
        brush.solid(x, high + radius * 0.06, radius * 1.04, radius * 0.55, CONE, self.roof)

    def arcade(self, brush: Brush, left: float, right: float, high: float, count: int) -> None:
        """Draw a porch of round arches on columns."""
        self.wall(brush, left, 0, right, high)
        bay = (right - left) / count
        for x in repeat(left, right, count):
            opening(brush, x, 0, bay * 0.86, high * 0.84, self.brick.body)
            opening(brush, x, 0, bay * 0.76, high * 0.78, self.stone.deep)
            opening(brush, x, 0, bay * 0.3, high * 0.5, brush.tinted((88, 58, 38)))
        for index in range(count + 1):
            x = left + index * bay
            brush.solid(x, 0, bay * 0.07, high * 0.5, DRUM, self.stone)
            brush.box(x - bay * 0.11, high * 0.46, x + bay * 0.11, high * 0.53, self.stone.bright)
        brush.band(left, right, high, 0.02, self.stone)
        brush.polygon(
            [(left, high), (left + 0.03, high + 0.07), (right - 0.03, high + 0.07), (right, high)],
            self.roof.body,
        )

    def door(self, brush: Brush, x: float, wide: float, high: float) -> None:
        """Draw a door under a lunette with a mosaic."""
        opening(brush, x, 0, wide * 1.4, high * 1.12, self.brick.body)
        opening(brush, x, 0, wide * 1.2, high * 1.04, self.stone.bright)
        opening(brush, x, 0, wide, high, self.gold.body)
        disc(brush, x, high * 0.8, wide * 0.16, brush.tinted((120, 60, 60)))
        brush.box(x - wide / 2, 0, x + wide / 2, high * 0.62, brush.tinted((78, 50, 34)))
        brush.line([(x, 0), (x, high * 0.62)], brush.tinted((44, 30, 22)), wide * 0.06)
