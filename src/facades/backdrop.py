"""What stands on the horizon."""

from random import Random

from PIL import ImageDraw

from facades.brush import Brush
from facades.light import Colour, mix, shade


def _ridge(pen: ImageDraw.ImageDraw, wide: int, base: float, high: float, chance: Random,
            fill: Colour, steps: int) -> None:  # fmt: skip
    points, level = [(0.0, base + 4)], chance.random()
    for step in range(steps + 1):
        level = min(1.0, max(0.05, level + chance.uniform(-0.35, 0.35)))
        points.append((wide * step / steps, base - high * level))
    pen.polygon([*points, (float(wide), base + 4)], fill)


def hills(brush: Brush, chance: Random, colour: Colour, high: float) -> None:
    """Draw two or three ridges that pale with distance; `high` in pixels."""
    pen, light, wide = brush.pen, brush.light, brush.image.width
    for layer in (0.7, 0.45, 0.2)[chance.randint(0, 1) :]:
        fill = mix(light.on(colour), light.haze, layer)
        _ridge(pen, wide, brush.view.horizon, high * (0.5 + layer), chance, fill, 9)


def town(brush: Brush, chance: Random, high: float) -> None:
    """Draw a row of houses on the horizon; `high` in pixels."""
    pen, light, base = brush.pen, brush.light, brush.view.horizon + 3
    x, walls = -10.0, ((196, 176, 150), (206, 196, 182), (176, 140, 116), (158, 152, 150))
    while x < brush.image.width:
        wide, tall = chance.uniform(0.5, 1.3) * high, chance.uniform(0.45, 1.0) * high
        wall = mix(light.on(chance.choice(walls)), light.haze, 0.25)
        pen.rectangle((x, base - tall, x + wide, base), wall)
        roof = mix(light.on((150, 84, 62)), light.haze, 0.3)
        peak = base - tall - high * chance.uniform(0.12, 0.3)
        pen.polygon(
            [(x - 2, base - tall), (x + wide * 0.3, peak), (x + wide * 0.7, peak),
             (x + wide + 2, base - tall)], roof,
        )  # fmt: skip
        pane = max(2.0, high * 0.07)
        glass = shade(light.glass, 0.9)
        for row in range(int(tall / (pane * 4.2))):
            for column in range(int(wide / (pane * 3))):
                left, top = x + pane * (1 + 3 * column), base - tall + pane * (1 + 4 * row)
                pen.rectangle((left, top, left + pane, top + 1.8 * pane), glass)
        x += wide + chance.choice((0, 0, 2, 12))


def skyline(brush: Brush, chance: Random, high: float) -> None:
    """Draw the silhouettes of a far city."""
    pen, light, base = brush.pen, brush.light, brush.view.horizon + 3
    for haze in (0.75, 0.55):
        fill, x = mix(light.on((96, 104, 118)), light.haze, haze), -8.0
        while x < brush.image.width:
            wide = chance.uniform(14, 46)
            pen.rectangle((x, base - high * chance.uniform(0.2, 1.0), x + wide, base), fill)
            x += wide + chance.choice((0, 4, 18))
