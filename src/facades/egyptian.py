"""Egyptian: pyramids, pylons with a cavetto cornice, obelisks, lotus columns, the desert."""

from collections.abc import Callable
from random import Random

from facades.brush import Brush, Point
from facades.design import Design
from facades.egyptian_figures import figure, seated, sphinx
from facades.egyptian_parts import (
    PAINTS,
    cavetto,
    glyphs,
    obelisk,
    pyramid,
    stepped,
    stone,
)
from facades.egyptian_temples import rock, temple
from facades.light import Light, Tones, mix, vary
from facades.shapes import disc


def _pyramids(chance: Random, light: Light) -> Design:
    tones = stone(chance, light)
    cap = light.tones((226, 212, 184)) if chance.random() < 0.4 else None
    count, guarded = chance.choice((1, 2, 3, 3)), chance.random() < 0.4
    high, corner = chance.uniform(0.75, 1.0), chance.uniform(-0.75, 0.75)
    half = high * chance.uniform(0.72, 0.86)
    way, smalls = chance.choice((-1, 1)), chance.randint(0, 3)
    steps = chance.random() < 0.15
    others = [(chance.uniform(0.9, 1.5), chance.uniform(0.45, 0.9)) for _ in range(count - 1)]

    def paint(brush: Brush) -> None:
        for index, (offset, size) in reversed(list(enumerate(others))):
            pale = mix(tones.body, light.haze, 0.16 * (index + 1))
            far = Tones(*(mix(tone, light.haze, 0.16 * (index + 1)) for tone in tones))
            x = way * half * offset * (1 if index == 0 else -0.9)
            pyramid(
                brush,
                chance,
                x,
                0.02,
                half * size,
                high * size,
                corner,
                far._replace(body=pale),
                cap,
            )
        if steps:
            stepped(brush, chance, half, high * 0.8, tones)
        else:
            pyramid(brush, chance, 0, 0, half, high, corner, tones, cap)
        for index in range(smalls):
            x = -way * half * (0.55 + 0.3 * index)
            pyramid(brush, chance, x, -0.03, half * 0.17, high * 0.17, corner, tones, None)
        if guarded and not steps:
            sphinx(brush, -way * half * 0.3, high * 0.3, way, tones)

    return Design(
        half * (2 if count == 1 else 2.6), high, paint, ((0.0, high * 0.6), (0.0, high * 0.25))
    )


def _pylon(chance: Random, light: Light) -> Design:
    tones, paints = stone(chance, light), [light.on(paint) for paint in PAINTS]
    gate, wide, high = (
        chance.uniform(0.2, 0.28),
        chance.uniform(0.48, 0.68),
        chance.uniform(0.72, 0.95),
    )
    granite = light.tones(vary(chance, chance.choice(((176, 122, 100), (150, 128, 116))), 10))
    batter, door = chance.uniform(0.07, 0.12), high * chance.uniform(0.5, 0.62)
    poles, front = (
        chance.random() < 0.55,
        chance.choice(("obelisks", "obelisk", "colossi", "sphinxes", "both")),
    )
    bold, rows = chance.random() < 0.4, chance.choice((1, 2, 2))
    ruin, tall = chance.random() < 0.25, chance.uniform(0.8, 1.05) * high

    def paint(brush: Brush) -> None:
        inner, rim = gate / 2, gate / 2 + wide
        brush.flank(-rim + batter, rim - batter, high * 0.9, 0.25, tones, None, 0)
        for side in (-1, 1):

            def at(u: float, v: float, side: int = side) -> Point:
                edge = inner + (wide - batter * v / high) * u
                return side * (edge + (1 - u) * batter * 0.3 * v / high), v

            top = high * (0.86 if ruin and side > 0 else 1.0)
            brush.polygon(
                [at(0, 0), at(0, top), at(1, top), at(1, 0)],
                tones.lit if side == light.side else tones.body,
            )
            step = high / 14
            for index in range(1, 14):
                if index * step < top:
                    brush.line([at(0, index * step), at(1, index * step)], tones.shaded, 0)
            carved = mix(tones.shaded, chance.choice(paints), 0.5) if bold else tones.dark
            for row in range(rows):
                y, tall_row = high * (0.12 + row * 0.4), high * (0.32 if rows == 2 else 0.5)
                for index, u in enumerate((0.2, 0.5, 0.8)):
                    x = at(u, y)[0]
                    figure(brush, x, y, tall_row * (1.0 if index == 1 else 0.8), -side, carved)
                left, right = sorted((at(0.04, 0)[0], at(0.88, 0)[0]))
                glyphs(brush, chance, left, right, y + tall_row * 1.1, high * 0.05, tones.dark)
            left, right = sorted((at(0, top)[0], at(1, top)[0]))
            if not (ruin and side > 0):
                cavetto(brush, left, right, top, high * 0.09, tones)
            brush.line([at(1, 0), at(1, top)], tones.bright, 0.02)
            if poles:
                for u in (0.28, 0.66):
                    x = at(u, 0)[0]
                    brush.box(x - 0.008, 0, x + 0.008, high * 1.24, brush.tinted((112, 72, 46)))
                    flag = paints[0] if u < 0.5 else paints[1]
                    brush.polygon(
                        [(x, high * 1.24), (x + 0.1, high * 1.21), (x, high * 1.15)], flag
                    )
        brush.box(-inner - 0.03, 0, inner + 0.03, door * 1.16, tones.body)
        brush.box(-inner * 0.6, 0, inner * 0.6, door * 0.9, tones.deep)
        brush.box(-inner * 0.34, 0, inner * 0.34, door * 0.5, mix(light.sky_low, tones.deep, 0.4))
        cavetto(brush, -inner, inner, door * 1.16, high * 0.08, tones)
        brush.shape(
            0,
            door * 1.22,
            inner * 0.9,
            high * 0.035,
            ((-1, 0.6), (0, 1), (1, 0.6), (1, -0.2), (0, -1), (-1, -0.2)),
            paints[1],
        )
        disc(brush, 0, door * 1.22, high * 0.03, paints[0])
        if front in ("colossi", "both"):
            for side in (-1, 1):
                seated(brush, side * (inner + wide * 0.24), high * 0.42, tones)
        if "obelisk" in front:
            away = -light.side * 0.1
            for x in (-inner - wide * 0.53, inner + wide * 0.53):
                shaft = [
                    (x, 0),
                    (x + away, high * 0.7),
                    (x + away + 0.05, high * 0.7),
                    (x + 0.05, 0),
                ]
                if front == "obelisks" or x * light.side > 0:
                    brush.shadow(shaft, 0.3)
        if front in ("obelisks", "both"):
            for side in (-1, 1):
                obelisk(brush, chance, side * (inner + wide * 0.55), 0.075, tall, granite)
        if front == "obelisk":
            obelisk(brush, chance, light.side * (inner + wide * 0.5), 0.085, tall * 1.1, granite)
        if front == "sphinxes":
            for side in (-1, 1):
                for index in range(3):
                    sphinx(brush, side * (inner + 0.2 + index * 0.24), 0.14, -side, tones)

    return Design(gate + 2 * wide, high * 1.12, paint, ((0.0, door), (wide * 0.5, high * 0.7)))


_KINDS: tuple[Callable[[Random, Light], Design], ...] = (
    _pyramids, _pyramids, _pylon, _pylon, temple, rock,
)  # fmt: skip


def design(chance: Random, light: Light) -> Design:
    """Plan pyramids, a gate of two pylons, a colonnade, or colossi before a cliff."""
    return chance.choice(_KINDS)(chance, light)
