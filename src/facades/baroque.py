"""Baroque: curved gables, volutes, pilasters, broken pediments, curved helms, balustrades."""

from collections.abc import Callable
from random import Random

from facades.baroque_parts import Build
from facades.baroque_tops import dome, gable, tower, volute
from facades.brush import Brush
from facades.design import Design
from facades.light import Light
from facades.shapes import (
    BELL,
    ONION,
    SEGMENT,
    cross,
    repeat,
)


def _church(chance: Random, light: Light) -> Design:
    """Two storeys tied together by volutes, after the Gesu."""
    build = Build(chance, light)
    wide, upper = chance.uniform(0.85, 1.1), chance.uniform(0.46, 0.56)
    low, up, peak = (
        chance.uniform(0.46, 0.58),
        chance.uniform(0.34, 0.46),
        chance.uniform(0.15, 0.24),
    )
    crown, domed = chance.choice(("broken", "segment", "triangle", "gable")), chance.random() < 0.3
    seed = chance.random()

    def paint(brush: Brush) -> None:
        half, inner = wide / 2, wide * upper / 2
        if domed:
            dome(build, brush, 0, low + up * 0.9, inner * 0.85, 0.3)
        brush.flank(-half, half, low, 0.35, build.plaster, None, 3, SEGMENT)
        top = low + 0.07
        for side in (-1, 1):
            volute(build, brush, side * inner, side * half * 0.97, top, top + up * 0.8)
        build.storey(
            brush, inner, top, top + up, [u * inner * s for u in (0.9, 0.46) for s in (-1, 1)]
        )
        build.window(brush, 0, top + up * 0.22, inner * 0.36, up * 0.42, True)
        if inner > 0.22:
            for side in (-1, 1):
                build.niche(brush, side * inner * 0.68, top + up * 0.24, inner * 0.18, up * 0.4)
        build.storey(
            brush, half, 0, low, [u * half * s for u in (0.96, 0.84, 0.5, 0.38) for s in (-1, 1)]
        )
        for side in (-1, 1):
            x = side * half * 0.67
            if seed < 0.5:
                build.niche(brush, x, low * 0.3, half * 0.14, low * 0.44)
            else:
                build.window(brush, x, low * 0.34, half * 0.14, low * 0.34, False)
        build.door(brush, 0, half * 0.3, low * 0.6)
        roof = top + up + 0.07
        if crown == "gable":
            gable(build, brush, inner, roof, peak * 1.6)
        else:
            build.pediment(brush, 0, roof, inner * 2.1, peak, crown)
            cross(brush, 0, roof + peak, 0.12, build.gold.body)
        for side in (-1, 1):
            build.statue(brush, side * half * 0.93, top, 0.17)

    total = low + up + 0.14 + peak * 1.5 + (0.25 if domed else 0)
    return Design(wide, total, paint, ((0.0, low + up * 0.6), (0.0, low * 0.7), (wide * 0.35, low)))


def _towers(chance: Random, light: Light) -> Design:
    """A curved gable between two bell towers."""
    build = Build(chance, light)
    wide, aside = chance.uniform(0.44, 0.66), chance.uniform(0.2, 0.27)
    low, up = chance.uniform(0.62, 0.8), chance.uniform(0.24, 0.4)
    high, top = chance.uniform(1.05, 1.3), chance.uniform(0.36, 0.52)
    gabled = chance.random() < 0.6

    def paint(brush: Brush) -> None:
        half, rim = wide / 2, wide / 2 + aside
        brush.flank(-rim, rim, low, 0.35, build.plaster, None, 3, SEGMENT)
        brush.box(-rim, 0, rim, low, build.plaster.body)
        if gabled:
            gable(build, brush, half, low + 0.06, up)
        else:
            brush.box(-half, low, half, low + up * 0.5, build.plaster.lit)
            build.framed(brush, 0, low + up * 0.12, half * 0.22, up * 0.32)
            build.pediment(brush, 0, low + up * 0.5, wide * 1.04, up * 0.5, build.pediments)
        for side in (-1, 1):
            x = side * (half + aside / 2)
            tower(build, brush, x, aside, low + 0.06, high, top)
            build.window(brush, x, low * 0.56, aside * 0.26, low * 0.26, False)
            build.niche(brush, x, low * 0.16, aside * 0.26, low * 0.26)
            for u in (0.06, 0.94):
                build.order(brush, side * (half + aside * u), 0, 0.045, low)
        for u in (0.3, 0.62):
            for side in (-1, 1):
                build.order(brush, side * half * u * 1.2, 0, 0.045, low)
        build.window(brush, 0, low * 0.6, half * 0.32, low * 0.24, True)
        for side in (-1, 1):
            build.framed(brush, side * half * 0.56, low * 0.4, half * 0.12, low * 0.3)
        build.entablature(brush, -rim, rim, low)
        build.door(brush, 0, half * 0.34, low * 0.38)

    details = ((0.0, low), (wide / 2 + aside / 2, high * 0.95), (0.0, low * 0.5))
    return Design(wide + 2 * aside, high + top * 1.1, paint, details)


def _single(chance: Random, light: Light) -> Design:
    """A parish church: one tower with an onion, a nave beside it or behind."""
    build = Build(chance, light)
    build.helm = chance.choice((ONION, ONION, BELL))
    aside, wide = chance.uniform(0.26, 0.34), chance.uniform(0.2, 0.42)
    low, high, top = (
        chance.uniform(0.5, 0.66),
        chance.uniform(1.0, 1.25),
        chance.uniform(0.45, 0.65),
    )
    bays = chance.randint(1, 2)

    def paint(brush: Brush) -> None:
        half, rim = aside / 2, aside / 2 + wide
        brush.flank(-rim, rim, low, 0.3, build.plaster, None, 3, SEGMENT)
        brush.polygon(
            [(-rim, low), (-rim * 0.7, low + 0.24), (rim * 0.7, low + 0.24), (rim, low)],
            build.roof.body,
        )
        brush.box(-rim, 0, rim, low, build.plaster.body)
        for side in (-1, 1):
            left, right = sorted((side * half, side * rim))
            for x in repeat(left, right, bays):
                build.window(brush, x, low * 0.3, wide / bays * 0.32, low * 0.44, True)
            for index in range(bays + 1):
                build.order(brush, left + index * wide / bays, 0, 0.04, low)
            volute(
                build,
                brush,
                side * half,
                side * rim * 0.95,
                low + 0.06,
                low + 0.06 + min(wide, 0.3),
            )
        build.entablature(brush, -rim, rim, low)
        brush.box(-half, 0, half, low + 0.06, build.plaster.lit)
        for side in (-1, 1):
            build.order(brush, side * half * 0.86, 0, 0.045, low)
        build.entablature(brush, -half, half, low)
        tower(build, brush, 0, aside, low + 0.06, high, top)
        build.window(brush, 0, low * 0.64, aside * 0.22, low * 0.18, True)
        build.door(brush, 0, aside * 0.34, low * 0.42)

    return Design(aside + 2 * wide, high + top * 1.1, paint, ((0.0, high), (0.0, low)))


def _palace(chance: Random, light: Light) -> Design:
    """A palace: wings of windows, a middle under a pediment or dome, balustrade and statues."""
    build = Build(chance, light)
    bays, bay = chance.choice((2, 3, 4)), chance.uniform(0.16, 0.2)
    middle, high = chance.uniform(0.44, 0.56), chance.uniform(0.5, 0.62)
    top = chance.choice(("dome", "gable", "pediment"))

    def paint(brush: Brush) -> None:
        half, rim = middle / 2, middle / 2 + bays * bay
        brush.flank(-rim, rim, high, 0.35, build.plaster, None, 3, SEGMENT)
        brush.polygon(
            [(-rim, high), (-rim + 0.08, high + 0.22), (rim - 0.08, high + 0.22), (rim, high)],
            build.roof.body,
        )
        brush.box(-rim, 0, rim, high, build.plaster.body)
        for side in (-1, 1):
            left, right = sorted((side * half, side * rim))
            for x in repeat(left, right, bays):
                build.window(brush, x, high * 0.56, bay * 0.34, high * 0.24, False)
                build.window(brush, x, high * 0.14, bay * 0.34, high * 0.22, True)
            for index in range(bays + 1):
                build.order(brush, left + index * bay, 0, 0.034, high)
        build.entablature(brush, -rim, rim, high)
        build.balustrade(brush, -rim, rim, high + 0.07, 0.06)
        for index in range(1, bays + 1):
            for side in (-1, 1):
                build.statue(brush, side * (half + index * bay), high + 0.1, 0.16)
        tall = high + 0.16
        if top == "dome":
            dome(build, brush, 0, tall, half * 0.8, 0.2)
        brush.box(-half, 0, half, tall, build.plaster.lit)
        for x in repeat(-half, half, 3):
            build.window(brush, x, tall * 0.56, middle * 0.13, tall * 0.26, True)
            if abs(x) > 0.01:
                build.framed(brush, x, tall * 0.12, middle * 0.13, tall * 0.26)
        for u in (-1.0, -0.36, 0.36, 1.0):
            build.order(brush, u * half * 0.97, 0, 0.046, tall)
        build.entablature(brush, -half, half, tall)
        build.door(brush, 0, middle * 0.16, tall * 0.38)
        if top == "gable":
            gable(build, brush, half, tall + 0.07, 0.32)
        else:
            kind = "segment" if top == "dome" else build.pediments
            build.pediment(brush, 0, tall + 0.07, middle * 1.05, 0.16, kind)

    tall = high + (0.95 if top == "dome" else 0.6)
    return Design(middle + 2 * bays * bay, tall, paint, ((0.0, high), (middle, high * 0.8)))


_KINDS: tuple[Callable[[Random, Light], Design], ...] = (
    _church, _church, _towers, _towers, _single, _palace,
)  # fmt: skip


def design(chance: Random, light: Light) -> Design:
    """Plan a church with volutes, with two towers or one, or a palace."""
    return chance.choice(_KINDS)(chance, light)
