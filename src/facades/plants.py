"""Trees, near and far."""

from random import Random

from facades.brush import Brush
from facades.light import Colour, mix, shade


def foliage(brush: Brush, chance: Random, x: float, y: float, radius: float,
            colour: Colour, share: float = 1.0) -> None:  # fmt: skip
    """Draw a crown of leaves round a pixel: dark below, lit towards the sun."""
    seen, side = brush.light.on(colour), brush.light.side
    for factor, lift, spread, count in (
        (0.45, 0.15, 0.8, 16), (0.65, 0.0, 0.8, 18), (0.85, -0.12, 0.72, 18), (1.1, -0.3, 0.5, 14),
    ):  # fmt: skip
        fill = shade(seen, factor)
        for _ in range(int(count * share)):
            size = radius * chance.uniform(0.1, 0.25)
            u, v = chance.uniform(-1, 1), chance.uniform(-1, 1)
            u, v = u * (1 - 0.3 * v * v), v * (1 - 0.3 * u * u)
            u = x + radius * (u * spread + (factor - 0.7) * 0.4 * side)
            v = y + radius * (v * spread * 0.85 + lift)
            brush.pen.ellipse((u - size, v - size * 0.8, u + size, v + size * 0.8), fill)


_LEAVES: tuple[Colour, ...] = (
    (70, 104, 48),
    (58, 92, 52),
    (96, 116, 52),
    (140, 110, 48),
    (52, 80, 56),
)


def treeline(brush: Brush, chance: Random, high: float) -> None:
    """Draw a far row of trees on the horizon; `high` in pixels."""
    colour = mix(brush.light.on(chance.choice(_LEAVES)), brush.light.haze, 0.25)
    base, x = brush.view.horizon + 4, -high
    brush.pen.rectangle((0, base - high * 0.35, brush.image.width, base), shade(colour, 0.8))
    while x < brush.image.width + high:
        tall = high * chance.uniform(0.5, 1.0)
        brush.pen.ellipse(
            (x, base - tall, x + tall * 1.1, base + tall * 0.2),
            shade(colour, chance.uniform(0.75, 1.05)),
        )
        x += tall * chance.uniform(0.35, 0.8)


_CYPRESS = (
    (0.15, 0.0), (0.6, 0.05), (0.9, 0.14), (1.0, 0.26), (1.0, 0.38), (0.95, 0.5), (0.82, 0.62),
    (0.66, 0.74), (0.46, 0.84), (0.24, 0.93), (0.0, 1.0),
)  # fmt: skip


def tree(brush: Brush, chance: Random, x: float, y: float, high: float) -> None:
    """Draw a broad-leaved tree or a cypress with its foot on a pixel."""
    colour = chance.choice(_LEAVES)
    if chance.random() < 0.25:
        seen = brush.light.on((52, 80, 52))
        for factor, thin, move in ((0.5, 0.1, 0.0), (0.72, 0.07, 0.025), (0.95, 0.035, 0.05)):
            thin, middle = thin * high, x + move * high * brush.light.side
            rows = [(thin * u * chance.uniform(0.8, 1.15), y - high * v) for u, v in _CYPRESS]
            left = [(middle - u, v) for u, v in rows]
            right = [(middle + u * chance.uniform(0.85, 1.15), v) for u, v in reversed(rows)]
            brush.pen.polygon(left + right, shade(seen, factor))
        return
    trunk = brush.light.on((74, 56, 42))
    thick = high * 0.035
    brush.pen.polygon(
        [
            (x - thick, y),
            (x - thick / 2, y - high * 0.6),
            (x + thick / 2, y - high * 0.6),
            (x + thick, y),
        ],
        trunk,
    )
    foliage(brush, chance, x, y - high * 0.66, high * 0.4, colour)


def palm(brush: Brush, chance: Random, x: float, y: float, high: float) -> None:
    """Draw a date palm with its foot on a pixel."""
    pen, light = brush.pen, brush.light
    bend, thick = chance.uniform(-0.12, 0.12) * high, max(2, int(high * 0.035))
    crown = (x + bend, y - high * 0.78)
    pen.line([(x, y), (x + bend * 0.3, y - high * 0.4), crown], light.on((112, 88, 62)), thick)
    for index in range(13):
        u = -1 + 2 * index / 12
        reach = high * 0.34 * chance.uniform(0.8, 1.1)
        rise = (1 - u * u) * 0.75
        middle = (crown[0] + u * reach * 0.55, crown[1] - reach * (0.28 + 0.5 * rise))
        tip = (crown[0] + u * reach, crown[1] - reach * (rise - 0.35) * 0.9)
        leaf = light.on((86, 112, 54), chance.uniform(0.6, 1.1))
        pen.polygon(
            [crown, (middle[0], middle[1] - thick), tip, (middle[0], middle[1] + thick)], leaf
        )
