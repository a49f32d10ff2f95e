"""Gothic: lancets with tracery, a rose, buttresses with pinnacles, spires."""

from collections.abc import Callable
from random import Random

from facades.brush import Brush
from facades.design import Design
from facades.gothic_parts import (
    buttress,
    gallery,
    lancet,
    pinnacle,
    portal,
    rose,
    spire,
    tower,
)
from facades.light import Colour, Light, Tones, vary
from facades.shapes import POINTED, cross, disc, repeat

_STONES: tuple[Colour, ...] = (
    (198, 188, 168), (172, 166, 158), (208, 194, 166), (142, 136, 130), (166, 134, 116),
    (156, 104, 86), (216, 210, 202), (184, 164, 132), (120, 116, 114),
)  # fmt: skip


def _materials(chance: Random, light: Light) -> tuple[Tones, Tones]:
    stone = vary(chance, chance.choice(_STONES), 14)
    slate = chance.choice((stone, stone, (88, 98, 112), (104, 140, 128)))
    return light.tones(stone), light.tones(slate)


def _twin(chance: Random, light: Light) -> Design:
    tones, roof = _materials(chance, light)
    wide, aside = chance.uniform(0.42, 0.6), chance.uniform(0.26, 0.36)
    nave, high = chance.uniform(0.85, 1.0), chance.uniform(1.05, 1.35)
    top = chance.choice((0.0, chance.uniform(0.5, 0.9), chance.uniform(0.5, 0.9)))
    uneven = chance.random() < 0.2
    seed, gabled, radius = chance.randint(0, 1), chance.random() < 0.6, chance.uniform(0.13, 0.17)
    x = wide / 2 + aside / 2

    def paint(brush: Brush) -> None:
        half = wide / 2
        if chance.random() < 0.7:
            brush.polygon([(-half, nave), (0, nave + wide * 0.75), (half, nave)], tones.bright)
            brush.polygon(
                [(-half * 0.86, nave), (0, nave + wide * 0.64), (half * 0.86, nave)], tones.body
            )
            lancet(brush, 0, nave + wide * 0.1, wide * 0.14, wide * 0.26, tones)
            cross(brush, 0, nave + wide * 0.74, wide * 0.16, tones.dark)
        brush.box(-half, 0, half, nave, tones.body)
        brush.courses(-half, 0, half, nave, 0.04, tones.shaded)
        for u in repeat(-half, half, 5):
            lancet(brush, u, nave * 0.84, wide * 0.09, nave * 0.14, tones)
        gallery(brush, -half, half, nave * 0.44, nave * 0.1, tones)
        rose(brush, chance, 0, nave * 0.69, radius * wide / 0.5, tones)
        fall = brush.light.side * half
        brush.shadow([(fall, 0), (fall, nave), (fall * 0.25, nave * 0.55), (fall * 0.1, 0)], 0.3)
        for side in (-1, 1):
            shorter = 0.9 if uneven and side > 0 else 1.0
            tower(brush, chance, side * x, aside, high * shorter, top * shorter, tones, roof, seed)
            portal(brush, side * x, aside * 0.62, nave * 0.33, tones, gabled)
        portal(brush, 0, wide * 0.62, nave * 0.4, tones, gabled)

    total = high + (top or aside * 0.6)
    return Design(
        wide + 2 * aside, total, paint, ((0.0, nave * 0.65), (x, high * 0.9), (0.0, 0.35))
    )


def _single(chance: Random, light: Light) -> Design:
    tones, roof = _materials(chance, light)
    aside, wide = chance.uniform(0.36, 0.46), chance.uniform(0.24, 0.45)
    high, top = chance.uniform(1.0, 1.4), chance.uniform(0.55, 1.0)
    nave, bays, seed = chance.uniform(0.5, 0.75), chance.randint(1, 3), chance.randint(0, 1)

    def paint(brush: Brush) -> None:
        half = aside / 2
        brush.polygon(
            [(-half - wide * 0.9, nave), (0, nave + 0.42), (half + wide * 0.9, nave)], roof.shaded
        )
        for side in (-1, 1):
            low, far = side * half, side * (half + wide)
            brush.flank(min(low, far), max(low, far), nave, 0.2, tones, None, 2, POINTED)
            brush.box(min(low, far), 0, max(low, far), nave, tones.body)
            brush.courses(min(low, far), 0, max(low, far), nave, 0.04, tones.shaded)
            for u in repeat(min(low, far), max(low, far), bays):
                lancet(brush, u, nave * 0.2, wide / bays * 0.42, nave * 0.62, tones)
            brush.band(min(low, far), max(low, far), nave, 0.025, tones)
            for u in range(bays):
                buttress(brush, far - side * u * wide / bays, nave * 0.92, 0.055, tones, 0.2)
        tower(brush, chance, 0, aside, high, top, tones, roof, seed)
        portal(brush, 0, aside * 0.6, high * 0.3, tones, True)
        if seed:
            rose(brush, chance, 0, high * 0.55, aside * 0.2, tones)

    return Design(
        aside + 2 * wide, high + top, paint, ((0.0, high * 0.95), (0.0, high * 0.5), (0.0, 0.3))
    )


def _gable(chance: Random, light: Light) -> Design:
    tones, roof = _materials(chance, light)
    wide, aside = chance.uniform(0.5, 0.7), chance.uniform(0.18, 0.3)
    nave, wing = chance.uniform(0.75, 1.0), chance.uniform(0.45, 0.62)
    peak, radius = chance.uniform(0.35, 0.55), chance.uniform(0.14, 0.19)
    fleche, gabled = chance.random() < 0.5, chance.random() < 0.7

    def paint(brush: Brush) -> None:
        half = wide / 2
        if fleche:
            spire(brush, 0, nave + peak * 0.6, 0.12, 0.75, roof)
        for side in (-1, 1):
            low, far = side * half, side * (half + aside)
            brush.polygon([(low, 0), (low, nave * 0.86), (far, wing), (far, 0)], tones.shaded)
            brush.line([(low, nave * 0.86), (far, wing)], tones.bright, 0.03)
            lancet(brush, (low + far) / 2, wing * 0.5, aside * 0.4, wing * 0.45, tones)
            portal(brush, (low + far) / 2, aside * 0.66, wing * 0.42, tones, gabled)
            buttress(brush, far, wing, 0.07, tones, 0.3)
        brush.flank(-half - aside, half + aside, wing, 0.3, tones, None, 4, POINTED)
        brush.box(-half, 0, half, nave, tones.body)
        brush.polygon([(-half, nave), (0, nave + peak), (half, nave)], tones.body)
        brush.courses(-half, 0, half, nave, 0.035, tones.shaded)
        for side in (-1, 1):
            brush.line([(side * half * 1.05, nave), (0, nave + peak * 1.05)], tones.bright, 0.035)
            for level in range(1, 7):
                u, v = side * half * (1 - level / 7) * 1.04, nave + peak * level / 7 * 1.06
                disc(brush, u, v, 0.016, tones.lit)
        lancet(brush, 0, nave + peak * 0.12, wide * 0.13, peak * 0.5, tones)
        rose(brush, chance, 0, nave * 0.72, radius * wide / 0.5, tones)
        brush.band(-half, half, nave * 0.46, 0.02, tones)
        portal(brush, 0, wide * 0.5, nave * 0.4, tones, gabled)
        for side in (-1, 1):
            buttress(brush, side * half, nave * 1.02, 0.08, tones, 0.42)
            lancet(brush, side * half * 0.72, nave * 0.5, 0.06, nave * 0.32, tones)
        cross(brush, 0, nave + peak, 0.12, tones.dark)

    total = nave + peak + (0.4 if fleche else 0.1)
    return Design(wide + 2 * aside, total, paint, ((0.0, nave * 0.7), (0.0, nave + peak * 0.5)))


def _side(chance: Random, light: Light) -> Design:
    tones, roof = _materials(chance, light)
    bays, bay = chance.randint(4, 7), chance.uniform(0.19, 0.26)
    aisle, nave, ridge = (
        chance.uniform(0.36, 0.5),
        chance.uniform(0.8, 0.95),
        chance.uniform(0.25, 0.4),
    )
    high, top, seed = chance.uniform(1.1, 1.4), chance.uniform(0.4, 0.85), chance.randint(0, 1)
    end, aside = chance.choice((-1, 1)), chance.uniform(0.28, 0.36)
    slate = light.tones(chance.choice(((88, 98, 112), (128, 84, 66), (108, 138, 122))))
    flying = chance.random() < 0.75

    def paint(brush: Brush) -> None:
        half = bays * bay / 2
        brush.polygon(
            [
                (-half, nave),
                (-half * 0.97, nave + ridge),
                (half * 0.97, nave + ridge),
                (half, nave),
            ],
            slate.body,
        )
        brush.line([(-half * 0.97, nave + ridge), (half * 0.97, nave + ridge)], slate.dark, 0.015)
        spire(brush, end * half * -0.4, nave + ridge, 0.09, 0.55, slate)
        brush.box(-half, 0, half, nave, tones.body)
        brush.courses(-half, 0, half, nave, 0.04, tones.shaded)
        gallery(brush, -half, half, nave * 0.97, 0.05, tones)
        for x in repeat(-half, half, bays):
            lancet(brush, x, aisle * 1.22, bay * 0.4, nave * 0.94 - aisle * 1.22, tones)
        brush.polygon(
            [(-half, aisle), (-half, aisle * 1.16), (half, aisle * 1.16), (half, aisle)],
            slate.shaded,
        )
        brush.box(-half, 0, half, aisle, tones.lit)
        for x in repeat(-half, half, bays):
            lancet(brush, x, aisle * 0.2, bay * 0.36, aisle * 0.68, tones)
        brush.band(-half, half, aisle, 0.02, tones)
        for index in range(bays + 1):
            x = -half + index * bay
            if flying:
                brush.line(
                    [(x, nave * 0.86), (x - 0.035, nave * 0.72), (x - 0.05, aisle * 1.3)],
                    tones.bright,
                    0.035,
                )
            buttress(brush, x, aisle * 1.3, bay * 0.2, tones, bay * 0.9)
            pinnacle(brush, x, nave, bay * 0.12, bay * 0.7, tones)
        tower(brush, chance, end * (half + aside / 2), aside, high, top, tones, roof, seed)
        if seed:
            portal(brush, end * (half + aside / 2), aside * 0.6, high * 0.28, tones, True)

    return Design(
        bays * bay + aside,
        high + top,
        paint,
        ((0.0, nave * 0.7), (end * bays * bay / 2, high * 0.8)),
        end * aside / 2,
    )


_KINDS: tuple[Callable[[Random, Light], Design], ...] = (_twin, _twin, _single, _gable, _side)


def design(chance: Random, light: Light) -> Design:
    """Plan a cathedral with two towers or one, a gabled front, or a flank with buttresses."""
    return chance.choice(_KINDS)(chance, light)
