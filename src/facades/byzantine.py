"""Byzantine: domes on drums, round arches, striped masonry, crosses."""

from collections.abc import Callable
from random import Random

from facades.brush import Brush
from facades.byzantine_parts import FLAT_DOME, Build
from facades.design import Design
from facades.light import Light
from facades.shapes import (
    CONE,
    DRUM,
    HEMISPHERE,
    ONION,
    cross,
    opening,
    repeat,
)


def _cross_in_square(chance: Random, light: Light) -> Design:
    build = Build(chance, light)
    wide, wing = chance.uniform(0.46, 0.62), chance.uniform(0.24, 0.4)
    high, low = chance.uniform(0.62, 0.8), chance.uniform(0.4, 0.54)
    radius, drum = chance.uniform(0.22, 0.3), chance.uniform(0.14, 0.34)
    small, corner = chance.uniform(0.1, 0.14), chance.choice((0, 2, 2, 4))
    front, count = chance.choice(("arcade", "door", "door")), chance.choice((3, 5, 5))

    def paint(brush: Brush) -> None:
        half, rim = wide / 2, wide / 2 + wing
        if corner == 4:
            for side in (-1, 1):
                build.domed(brush, side * half * 0.95, high * 0.92, small * 0.85, drum * 0.7)
        build.domed(brush, 0, high + wide * 0.1, radius, drum)
        for side in (-1, 1):
            left, right = sorted((side * half, side * rim))
            build.wall(brush, left, 0, right, low, 0.25)
            build.pair(brush, (left + right) / 2, low * 0.5, wing * 0.4, low * 0.36)
            build.window(brush, (left + right) / 2, low * 0.12, wing * 0.24, low * 0.26)
            brush.band(left, right, low, 0.02, build.stone)
            brush.polygon(
                [(side * half, low + 0.12), (side * half, low), (side * (rim + 0.02), low)],
                build.roof.shaded,
            )
            if corner:
                build.domed(brush, side * (half + wing * 0.55), low, small, drum * 0.75)
        build.wall(brush, -half, 0, half, high)
        opening(brush, 0, high * 0.7, wide * 1.04, wide * 0.58 + high * 0.06, build.roof.body)
        opening(brush, 0, high * 0.7, wide * 0.96, wide * 0.5 + high * 0.06, build.brick.lit)
        build.lunette(brush, 0, high * 0.56, wide * 0.84, wide * 0.42 + high * 0.2)
        if front == "arcade":
            build.arcade(brush, -rim * 0.8, rim * 0.8, low * 0.72, count)
        else:
            build.door(brush, 0, wide * 0.26, high * 0.36)
            for side in (-1, 1):
                build.window(brush, side * wide * 0.32, high * 0.1, wide * 0.12, high * 0.28)

    total = high + wide * 0.1 + drum + radius * 1.5
    return Design(wide + 2 * wing, total, paint, ((0.0, high + drum), (0.0, high * 0.6)))


def _great_dome(chance: Random, light: Light) -> Design:
    build = Build(chance, light)
    build.dome = chance.choice((HEMISPHERE, FLAT_DOME))
    radius, drum = chance.uniform(0.38, 0.5), chance.uniform(0.1, 0.16)
    body, low, aside = (
        chance.uniform(0.42, 0.56),
        chance.uniform(0.3, 0.4),
        chance.uniform(0.26, 0.4),
    )
    count, smalls = chance.choice((5, 7)), chance.random() < 0.7

    def paint(brush: Brush) -> None:
        half = radius * 1.12
        for side in (-1, 1):
            brush.solid(side * half, low, aside * 0.9, aside * 0.75, HEMISPHERE, build.roof)
        build.domed(brush, 0, body + radius * 0.34, radius, drum)
        build.wall(brush, -half, 0, half, body + radius * 0.34)
        brush.band(-half, half, body + radius * 0.34, 0.025, build.stone)
        build.lunette(brush, 0, low * 1.02, radius * 1.75, body + radius * 0.26 - low)
        for side in (-1, 1):
            left, right = sorted((side * half, side * (half + aside)))
            x = side * half * 0.96
            build.wall(brush, x - 0.07, 0, x + 0.07, body + radius * 0.42)
            brush.polygon(
                [
                    (x - 0.08, body + radius * 0.42),
                    (x, body + radius * 0.55),
                    (x + 0.08, body + radius * 0.42),
                ],
                build.roof.lit,
            )
            build.wall(brush, left, 0, right, low * 1.1, 0.2)
            brush.band(left, right, low * 1.1, 0.02, build.stone)
            for u in repeat(left + 0.04, right - 0.02, 2):
                build.window(brush, u, low * 0.5, aside * 0.2, low * 0.5)
            if smalls:
                build.domed(brush, side * (half + aside * 0.6), low * 1.1, aside * 0.32, 0.1)
        build.arcade(brush, -half - aside * 0.4, half + aside * 0.4, low * 0.7, count)

    wide = 2 * (radius * 1.12 + aside)
    return Design(wide, body + radius * 1.9 + drum, paint, ((0.0, body + radius * 0.7), (0.0, low)))


def _five_lunettes(chance: Random, light: Light) -> Design:
    build = Build(chance, light)
    bays, bay = chance.choice((3, 5, 5)), chance.uniform(0.27, 0.36)
    low, up = chance.uniform(0.34, 0.44), chance.uniform(0.66, 0.8)
    radius, drum = chance.uniform(0.17, 0.24), chance.uniform(0.1, 0.22)
    if chance.random() < 0.35:
        build.dome = ONION

    def paint(brush: Brush) -> None:
        half = bays * bay / 2
        for side in (-1, 1):
            build.domed(brush, side * half * 0.62, up + bay * 0.2, radius * 0.76, drum)
        build.domed(brush, 0, up + bay * 0.4, radius, drum * 1.3)
        build.wall(brush, -half, 0, half, up, 0.3)
        for index, x in enumerate(repeat(-half, half, bays)):
            great = index == bays // 2
            wide = bay * (1.08 if great else 0.98)
            opening(
                brush,
                x,
                up * 0.9,
                wide,
                wide * 0.62 + up * 0.1,
                build.gold.body if great else build.stone.bright,
            )
            build.lunette(brush, x, low * 1.2, wide * 0.82, up + wide * 0.34 - low * 1.2)
            cross(brush, x, up + wide * 0.5, 0.09, build.gold.body)
        brush.band(-half, half, low * 1.06, 0.025, build.stone)
        for index, x in enumerate(repeat(-half, half, bays)):
            if index == bays // 2:
                build.door(brush, x, bay * 0.56, low * 0.9)
                continue
            opening(brush, x, 0, bay * 0.86, low * 0.96, build.brick.body)
            opening(brush, x, 0, bay * 0.74, low * 0.88, build.stone.deep)
            for side in (-1, 1):
                brush.solid(x + side * bay * 0.4, 0, bay * 0.05, low * 0.5, DRUM, build.stone)

    total = up + bay * 0.4 + drum * 1.3 + radius * 1.7
    return Design(bays * bay, total, paint, ((0.0, up + drum), (bay, low)))


def _apses(chance: Random, light: Light) -> Design:
    build = Build(chance, light)
    radius, drum = chance.uniform(0.2, 0.27), chance.uniform(0.26, 0.42)
    wide, high = chance.uniform(0.8, 1.0), chance.uniform(0.55, 0.7)
    tall, tower = chance.uniform(0.72, 0.85) * high, chance.random() < 0.45
    side, domes = chance.choice((-1, 1)), chance.random() < 0.5

    def paint(brush: Brush) -> None:
        half = wide / 2
        if tower:
            x = side * (half + 0.1)
            build.wall(brush, x - 0.11, 0, x + 0.11, high * 1.6, 0.15)
            for level in (0.95, 1.3):
                build.pair(brush, x, high * level, 0.12, high * 0.2)
            brush.band(x - 0.11, x + 0.11, high * 1.6, 0.02, build.stone)
            brush.solid(x, high * 1.6, 0.13, 0.12, CONE, build.roof)
            cross(brush, x, high * 1.6 + 0.11, 0.1, build.gold.lit)
        build.domed(brush, 0, high + 0.1, radius, drum)
        if domes:
            for way in (-1, 1):
                build.domed(brush, way * half * 0.72, high, radius * 0.5, drum * 0.6)
        build.wall(brush, -half, 0, half, high, 0.3)
        brush.polygon(
            [
                (-half - 0.02, high),
                (-wide * 0.22, high + 0.16),
                (wide * 0.22, high + 0.16),
                (half + 0.02, high),
            ],
            build.roof.shaded,
        )
        brush.polygon(
            [(-wide * 0.24, high), (0, high + 0.22), (wide * 0.24, high)], build.stone.lit
        )
        build.window(brush, 0, high * 1.02, 0.06, 0.12)
        for way in (-1, 1):
            build.apse(brush, way * half * 0.66, wide * 0.13, tall * 0.82)
        build.apse(brush, 0, wide * 0.2, tall)

    total = high + 0.1 + drum + radius * 1.5
    return Design(wide + 0.2, total, paint, ((0.0, high + drum), (0.0, tall * 0.7)))


_KINDS: tuple[Callable[[Random, Light], Design], ...] = (
    _cross_in_square, _cross_in_square, _great_dome, _five_lunettes, _apses,
)  # fmt: skip


def design(chance: Random, light: Light) -> Design:
    """Plan a cross-in-square church, a great dome, a front of lunettes, or a choir of apses."""
    return chance.choice(_KINDS)(chance, light)
