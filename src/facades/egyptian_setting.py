"""The desert round an egyptian building."""

from random import Random

from facades.backdrop import hills
from facades.brush import Brush
from facades.egyptian_figures import camel
from facades.light import Colour, shade, vary
from facades.plants import palm
from facades.surroundings import ground, people

_SANDS: tuple[Colour, ...] = ((214, 184, 134), (204, 166, 112), (222, 198, 156), (190, 160, 124))


def behind(brush: Brush, chance: Random) -> None:
    """Draw cliffs or dunes, sand, and palms at the edge of the desert."""
    high, wide = brush.image.height, brush.image.width
    if chance.random() < 0.55:
        hills(brush, chance, (186, 150, 108), high * chance.uniform(0.06, 0.3))
    ground(brush, chance, vary(chance, chance.choice(_SANDS), 10), chance.random() < 0.15)
    if chance.random() < 0.4:
        for _ in range(chance.randint(3, 12)):
            x, y = chance.uniform(0, wide), brush.view.horizon + chance.uniform(2, 10)
            palm(brush, chance, x, y, high * chance.uniform(0.06, 0.13))


def before(brush: Brush, chance: Random) -> None:
    """Draw palms, rubble, camels and people in front."""
    (wide, high), view = brush.image.size, brush.view
    stone = brush.light.on((176, 146, 108))
    for _ in range(chance.choice((0, 0, 8, 16))):
        near = chance.random()
        x, y = chance.uniform(0, wide), view.y + near * max(0.0, high - view.y)
        size = 3 + 10 * near * chance.random()
        brush.pen.rectangle((x - size, y - size, x + size, y), shade(stone, 0.6))
        brush.pen.rectangle(
            (x - size, y - size, x + size * 0.6, y - size * 0.2), shade(stone, 1.05)
        )
    if chance.random() < 0.4:
        for _ in range(chance.randint(1, 3)):
            x = wide * chance.choice((chance.uniform(0, 0.2), chance.uniform(0.8, 1)))
            y = view.y + high * chance.uniform(0.01, 0.1)
            palm(brush, chance, x, y, high * chance.uniform(0.25, 0.5))
    if chance.random() < 0.35:
        for _ in range(chance.randint(1, 4)):
            y = view.y + high * chance.uniform(0.01, 0.08)
            camel(
                brush,
                chance.uniform(0, wide),
                y,
                max(14.0, view.scale * 0.09),
                chance.choice((-1, 1)),
            )
    if chance.random() < 0.5:
        people(
            brush, chance, chance.randint(1, 8), max(9.0, view.scale * chance.uniform(0.045, 0.06))
        )
