"""Colonnades, and colossi before a cliff."""

from random import Random

from facades.brush import Brush
from facades.design import Design
from facades.egyptian_figures import figure, seated
from facades.egyptian_parts import (
    BELL,
    BUD,
    PAINTS,
    cavetto,
    column,
    glyphs,
    obelisk,
    stone,
)
from facades.light import Light, shade, vary
from facades.shapes import disc, repeat


def temple(chance: Random, light: Light) -> Design:
    """A colonnade under a cavetto cornice: Dendera, Philae, Luxor."""
    tones, paint_colour = stone(chance, light), light.on(chance.choice(PAINTS))
    count, bay = chance.choice((4, 6, 6, 8)), chance.uniform(0.19, 0.25)
    high, capital = chance.uniform(0.5, 0.72), chance.choice((BUD, BELL, BELL))
    walled, ruin = chance.random() < 0.6, chance.random() < 0.35
    beside, pier = chance.random() < 0.4, chance.uniform(0.14, 0.2)

    def paint(brush: Brush) -> None:
        half = count * bay / 2
        rim = half + pier
        brush.flank(-rim, rim, high, 0.3, tones, None, 0)
        brush.box(-half, 0, half, high, tones.deep)
        for x in repeat(-half, half, count - 1):
            brush.box(x - bay * 0.2, 0, x + bay * 0.2, high * 0.6, shade(tones.deep, 0.7))
        for side in (-1, 1):
            if ruin and side > 0:
                continue
            brush.polygon(
                [(side * half, 0), (side * half, high), (side * rim * 0.97, high), (side * rim, 0)],
                tones.lit if side == light.side else tones.body,
            )
            figure(brush, side * (half + pier * 0.5), high * 0.15, high * 0.5, -side, tones.dark)
            left, right = sorted((side * (half + 0.02), side * (rim - 0.03)))
            glyphs(brush, chance, left, right, high * 0.82, 0.05, tones.dark)
        gap = count // 2
        for index in range(count + 1):
            if walled and index > 0 and index not in (gap, gap + 1):
                x = -half + (index - 0.5) * bay
                brush.box(x - bay / 2, 0, x + bay / 2, high * 0.36, tones.body)
                figure(brush, x, high * 0.05, high * 0.22, 1 if x < 0 else -1, tones.dark)
                brush.band(x - bay / 2, x + bay / 2, high * 0.36, 0.02, tones)
        for index in range(count + 1):
            x = -half + index * bay
            column(brush, x, 0, bay * 0.5, high, tones, capital, paint_colour)
        right = half * 0.5 if ruin else rim
        left = -rim
        brush.box(left, high, right, high + 0.09, tones.lit)
        glyphs(brush, chance, left, right, high + 0.02, 0.055, tones.dark)
        cavetto(brush, left, right, high + 0.1, 0.1, tones)
        if not ruin:
            disc(brush, 0, high + 0.15, 0.035, light.on(PAINTS[0]))
            for side in (-1, 1):
                brush.polygon(
                    [
                        (side * 0.03, high + 0.17),
                        (side * 0.2, high + 0.18),
                        (side * 0.16, high + 0.13),
                        (side * 0.03, high + 0.13),
                    ],
                    paint_colour,
                )
        if beside:
            obelisk(brush, chance, light.side * half * 0.85, 0.085, high * 1.75, tones)

    total = high + 0.22 + (high * 0.55 if beside else 0.0)
    return Design(
        count * bay + 2 * pier, total, paint, ((0.0, high * 0.6), (bay * 1.5, high * 0.8))
    )


def rock(chance: Random, light: Light) -> Design:
    """Four colossi before a cliff: Abu Simbel."""
    tones = stone(chance, light)
    count, high, peak = (
        chance.choice((2, 4, 4)),
        chance.uniform(0.5, 0.62),
        chance.uniform(0.25, 0.5),
    )
    cliff = light.tones(vary(chance, (172, 132, 96), 12))
    ridge = [
        (-1.0 + k / 7, chance.uniform(0.75, 1.0) * (1 - 0.35 * abs(-1.0 + k / 7) ** 2))
        for k in range(15)
    ]

    def paint(brush: Brush) -> None:
        half = count * 0.28 / 2 + 0.14
        top = high * 1.45
        brush.polygon(
            [
                (-half * 2.2, -0.02),
                *[(u * half * 2.1, (top + peak) * v) for u, v in ridge],
                (half * 2.2, -0.02),
            ],
            cliff.shaded,
        )
        brush.polygon(
            [
                (-half * 2.2, -0.02),
                *[(u * half * 2.1 + 0.06, (top + peak) * v * 0.82) for u, v in ridge[::2]],
                (half * 2.2, -0.02),
            ],
            cliff.body,
        )
        brush.polygon([(-half * 1.12, 0), (-half, top), (half, top), (half * 1.12, 0)], tones.body)
        brush.shadow(
            [
                (light.side * half * 1.12, 0),
                (light.side * half, top),
                (light.side * half * 0.8, top),
                (light.side * half * 0.9, 0),
            ],
            0.3,
        )
        brush.courses(-half, 0, half, top, 0.06, tones.shaded)
        cavetto(brush, -half, half, top, 0.09, tones)
        glyphs(brush, chance, -half * 0.96, half * 0.96, top - 0.11, 0.07, tones.dark)
        brush.box(-0.08, 0, 0.08, high * 0.72, tones.bright)
        brush.box(-0.06, 0, 0.06, high * 0.66, tones.deep)
        brush.box(-0.06, high * 0.86, 0.06, high * 1.2, tones.deep)
        figure(brush, 0, high * 0.88, high * 0.28, 1, tones.lit)
        brush.box(-half, 0, half, 0.05, tones.lit)
        for index in range(count // 2):
            for side in (-1, 1):
                x = side * (0.24 + index * 0.28)
                brush.shadow(
                    [
                        (x - light.side * u * high, v * high)
                        for u, v in ((0.1, 0), (0.1, 0.9), (0.34, 0.75), (0.34, 0))
                    ],
                    0.4,
                )
                seated(brush, x, high, tones)

    half = count * 0.28 / 2 + 0.14
    return Design(half * 2.4, high * 1.45 + 0.25, paint, ((0.25, high * 0.8), (0.0, high * 0.7)))
