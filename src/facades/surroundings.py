"""Sky, ground and what stands around a building."""

from collections.abc import Callable
from random import Random

from facades.backdrop import hills, skyline, town
from facades.brush import Brush
from facades.light import Colour, mix, shade
from facades.plants import foliage, tree, treeline

_COATS: tuple[Colour, ...] = (
    (54, 58, 84), (40, 40, 44), (96, 84, 72), (150, 56, 50), (220, 214, 200), (60, 90, 70),
)  # fmt: skip


def people(brush: Brush, chance: Random, count: int, high: float) -> None:
    """Draw passers-by between the building and the camera; `high` in pixels at the building."""
    view, pen, light = brush.view, brush.pen, brush.light
    for _ in range(count):
        near = chance.random() ** 2
        y = view.y + near * (brush.image.height - view.y) * 0.9 + 2
        tall = high * (1 + 1.6 * max(0.0, y - view.y) / max(20.0, view.y - view.horizon) * 0.3)
        x = chance.uniform(0, brush.image.width)
        coat, cloth = light.on(chance.choice(_COATS)), light.on(chance.choice(_COATS[:3]))
        pen.ellipse(
            (x - tall * 0.25, y - tall * 0.03, x + tall * 0.25, y + tall * 0.04),
            light.on((96, 90, 84)),
        )
        for side in (-1, 1):
            foot, hip = x + side * tall * chance.uniform(0.03, 0.1), x + side * tall * 0.03
            pen.line((foot, y, hip, y - tall * 0.5), cloth, max(1, int(tall * 0.08)))
        waist, neck = y - tall * 0.42, y - tall * 0.8
        pen.polygon(
            [(x - tall * 0.09, waist), (x - tall * 0.12, neck), (x + tall * 0.12, neck),
             (x + tall * 0.09, waist)], coat,
        )  # fmt: skip
        pen.ellipse((x - tall * 0.07, y - tall, x + tall * 0.07, neck), light.on((190, 150, 126)))


def ground(brush: Brush, chance: Random, colour: Colour, paved: bool) -> None:
    """Paint the ground from the horizon down, with paving that runs to the horizon or tufts."""
    pen, view, (wide, high) = brush.pen, brush.view, brush.image.size
    light, top = brush.light, int(view.horizon)
    if top >= high:
        return
    seen, step = light.on(colour), max(3, (high - top) // 9)
    for index, row in enumerate(range(top, high, step)):
        fill = mix(seen, light.haze, max(0.0, 0.4 - 0.12 * index))
        pen.rectangle((0, row, wide, row + step), shade(fill, 1 - 0.02 * index))
    joint = shade(seen, 0.84)
    if paved:
        middle = view.x + chance.uniform(-0.3, 0.3) * wide
        for index in range(-9, 10):
            pen.line((middle + index * 12, top + 3, middle + index * 150, high), joint, 1)
        gap, y = 4.0, top + 4.0
        while y < high:
            pen.line((0, y, wide, y), joint, 1)
            y, gap = y + gap, gap * 1.45
        return
    for _ in range(50):
        y = chance.uniform(top + 4, high)
        size, x = 4 + (y - top) * 0.3, chance.uniform(0, wide)
        fill = shade(seen, chance.uniform(0.9, 1.04))
        thin = size * 0.1
        pen.polygon([(x - size, y), (x, y - thin), (x + size * 2, y), (x, y + thin)], fill)


_GROUNDS: tuple[tuple[Colour, bool], ...] = (
    ((172, 166, 156), True), ((150, 146, 142), True), ((188, 172, 148), True),
    ((98, 128, 66), False), ((118, 134, 78), False), ((196, 184, 160), False),
)  # fmt: skip


def behind(brush: Brush, chance: Random) -> None:
    """Draw what lies behind a European building, and the ground before it."""
    high = brush.image.height
    backdrops: tuple[Callable[[], None], ...] = (
        lambda: hills(brush, chance, (84, 104, 80), high * chance.uniform(0.08, 0.25)),
        lambda: town(brush, chance, high * chance.uniform(0.1, 0.22)),
        lambda: treeline(brush, chance, high * chance.uniform(0.06, 0.2)),
        lambda: skyline(brush, chance, high * chance.uniform(0.1, 0.25)),
    )
    for backdrop in chance.sample(backdrops, chance.choice((0, 1, 1, 2))):
        backdrop()
    colour, paved = chance.choice(_GROUNDS)
    ground(brush, chance, colour, paved)


def before(brush: Brush, chance: Random) -> None:
    """Draw trees, lamps and people in front of a European building."""
    (wide, high), view = brush.image.size, brush.view
    kind = chance.random()
    if kind < 0.3:
        for side in chance.choice(((0,), (1,), (0, 1))):
            x = wide * (side + (0.5 - side) * chance.uniform(-0.05, 0.4))
            y = view.y + high * chance.uniform(0.02, 0.1)
            tree(brush, chance, x, y, high * chance.uniform(0.25, 0.6))
    elif kind < 0.42:
        x, y = (chance.choice((0.0, 1.0)) * wide, high * chance.uniform(-0.05, 0.1))
        foliage(brush, chance, x, y, wide * chance.uniform(0.18, 0.35), (66, 92, 46))
    elif kind < 0.6:
        base = view.y + high * 0.03
        for x in range(0, wide + 40, chance.choice((24, 30, 60))):
            foliage(brush, chance, x, base, chance.uniform(16, 30), (62, 92, 50), 0.4)
    elif kind < 0.7:
        x, y, iron = wide * chance.uniform(0.08, 0.92), view.y + high * 0.08, (36, 38, 40)
        tall = high * chance.uniform(0.25, 0.45)
        brush.pen.line((x, y, x, y - tall), iron, 4)
        brush.pen.ellipse(
            (x - 8, y - tall - 16, x + 8, y - tall + 2), brush.tinted((255, 240, 200))
        )
    if chance.random() < 0.6:
        people(
            brush, chance, chance.randint(1, 9), max(10.0, view.scale * chance.uniform(0.05, 0.075))
        )
