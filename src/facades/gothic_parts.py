"""Windows, buttresses, spires and portals of a gothic church."""

from random import Random

from facades.brush import Brush
from facades.light import Colour, Tones, shade, vary
from facades.shapes import DISC, LANCET, POINTED, cross, disc, opening, repeat

_PANES: tuple[Colour, ...] = ((120, 40, 60), (46, 70, 140), (150, 110, 50), (60, 100, 90))


def lancet(brush: Brush, x: float, y: float, wide: float, high: float, tones: Tones) -> None:
    """Draw a pointed window: a moulded frame, glass, two lights and a ring of tracery."""
    glass = brush.light.glass
    opening(brush, x, y - wide * 0.08, wide * 1.4, high + wide * 0.42, tones.bright, POINTED)
    opening(brush, x, y, wide * 1.14, high + wide * 0.14, tones.dark, POINTED)
    opening(brush, x, y, wide, high, glass, POINTED)
    if not brush.fine(wide):
        return
    stone, thick = tones.lit, wide * 0.09
    spring = y + high - wide * 0.95
    brush.line([(x, y), (x, spring)], stone, thick)
    for side in (-1, 1):
        brush.line(
            [(x, spring), (x + side * wide * 0.25, spring + wide * 0.34),
             (x + side * wide / 2, spring)], stone, thick,
        )  # fmt: skip
    disc(brush, x, spring + wide * 0.46, wide * 0.2, stone)
    disc(brush, x, spring + wide * 0.46, wide * 0.12, glass)


def rose(brush: Brush, chance: Random, x: float, y: float, radius: float, tones: Tones) -> None:
    """Draw a rose window: rings, spokes, and petals of glass."""
    glass, petals = brush.light.glass, chance.choice((8, 12, 12, 24))
    evening = glass[0] > 200
    for size, fill in (
        (1.24, tones.bright),
        (1.14, tones.dark),
        (1.05, tones.lit),
        (0.98, tones.deep),
    ):
        disc(brush, x, y, radius * size, fill)
    step = 24 // petals
    ring = [(u * 0.76, v * 0.76) for u, v in DISC[::step]]
    inner = [(u * 0.44, v * 0.44) for u, v in DISC[::step]]
    pane = glass if evening else shade(brush.light.on(vary(chance, chance.choice(_PANES), 20)), 1.1)
    disc(brush, x, y, radius * 0.9, shade(pane, 0.75))
    for u, v in DISC[::step]:
        brush.line(
            [(x, y), (x + u * radius * 0.96, y + v * radius * 0.96)], tones.lit, radius * 0.06
        )
    size = min(0.19, 2.2 / petals) * radius
    for u, v in ring:
        disc(brush, x + u * radius, y + v * radius, size, tones.bright)
        disc(brush, x + u * radius, y + v * radius, size * 0.66, pane)
    disc(brush, x, y, radius * 0.5, tones.lit)
    for u, v in inner[:: 2 if petals == 24 else 1]:
        disc(brush, x + u * radius * 0.75, y + v * radius * 0.75, radius * 0.085, glass)
    disc(brush, x, y, radius * 0.17, glass)


def spire(brush: Brush, x: float, y: float, wide: float, high: float, tones: Tones) -> None:
    """Draw an eight-sided spire with crockets and a finial."""
    half, side = wide / 2, brush.light.side
    tip = (x, y + high)
    brush.polygon([(x - half, y), tip, (x + half, y)], tones.body)
    brush.polygon([(x - side * half, y), tip, (x - side * half * 0.4, y)], tones.dark)
    brush.polygon([(x + side * half, y), tip, (x + side * half * 0.45, y)], tones.bright)
    if brush.fine(wide * 0.5):
        for level in range(1, 9):
            rise, size = y + high * level / 9, wide * 0.045
            for way in (-1, 1):
                edge = x + way * half * (1 - level / 9)
                brush.polygon(
                    [(edge, rise - size), (edge + way * size * 1.5, rise + size),
                     (edge, rise + size)], tones.shaded,
                )  # fmt: skip
    cross(brush, x, y + high * 0.99, wide * 0.3, tones.dark)


def pinnacle(brush: Brush, x: float, y: float, wide: float, high: float, tones: Tones) -> None:
    """Draw a small shaft with a gablet and a spirelet."""
    half, side, neck = wide / 2, brush.light.side, y + high * 0.35
    brush.box(x - half, y, x + half, neck, tones.body)
    brush.box(x - side * half, y, x, neck, tones.shaded)
    brush.polygon([(x - half * 1.3, neck), (x, y + high), (x + half * 1.3, neck)], tones.lit)
    brush.polygon([(x - side * half * 1.3, neck), (x, y + high), (x, neck)], tones.dark)
    if brush.fine(wide):
        opening(brush, x, y + high * 0.05, wide * 0.5, high * 0.27, tones.deep, LANCET)


def buttress(brush: Brush, x: float, high: float, wide: float, tones: Tones, top: float) -> None:
    """Draw a stepped buttress with a pinnacle `top` high."""
    side = brush.light.side
    for start, end, size in ((0.0, 0.4, 1.3), (0.4, 0.72, 1.12), (0.72, 1.0, 1.0)):
        half = wide * size / 2
        brush.box(x - half, high * start, x + half, high * end, tones.lit)
        brush.box(x - side * half, high * start, x - side * half * 0.35, high * end, tones.dark)
        brush.box(
            x - half * 1.15, high * end - wide * 0.14, x + half * 1.15, high * end, tones.bright
        )
    if top:
        pinnacle(brush, x, high, wide * 0.9, top, tones)


def gallery(brush: Brush, left: float, right: float, y: float, high: float, tones: Tones) -> None:
    """Draw a row of small pointed arches with figures in them."""
    count = max(3, int((right - left) / (high * 0.42)))
    brush.box(left, y, right, y + high, tones.shaded)
    for x in repeat(left, right, count):
        bay = (right - left) / count
        opening(brush, x, y + high * 0.06, bay * 0.72, high * 0.86, tones.deep, LANCET)
        if brush.fine(bay):
            brush.box(x - bay * 0.14, y + high * 0.08, x + bay * 0.14, y + high * 0.5, tones.lit)
    brush.band(left, right, y + high, high * 0.1, tones)


def portal(brush: Brush, x: float, wide: float, high: float, tones: Tones, gabled: bool) -> None:
    """Draw a portal: receding archivolts, tympanum and doors, perhaps under a steep gable."""
    if gabled:
        half, top = wide * 0.66, high * 1.42
        brush.polygon([(x - half, high * 0.62), (x, top), (x + half, high * 0.62)], tones.bright)
        brush.polygon(
            [(x - half * 0.84, high * 0.62), (x, top * 0.93), (x + half * 0.84, high * 0.62)],
            tones.shaded,
        )
        cross(brush, x, top, wide * 0.16, tones.shaded)
        disc(brush, x, high * 1.12, wide * 0.09, tones.deep)
    shades = (tones.bright, tones.dark, tones.lit, tones.dark, tones.body, tones.deep)
    for index, fill in enumerate(shades):
        opening(
            brush, x, 0, wide * (1.08 - 0.09 * index), high * (1.03 - 0.055 * index), fill, POINTED
        )
    inner, sill = wide * 0.63, high * 0.45
    opening(brush, x, sill, inner * 0.94, high * 0.28, tones.shaded, POINTED)
    door = brush.tinted((86, 54, 36))
    for side in (-1, 1):
        left, right = sorted((x + side * inner * 0.06, x + side * inner * 0.46))
        brush.box(left, 0, right, sill, door)
    brush.box(x - inner * 0.05, 0, x + inner * 0.05, sill, tones.lit)


def tower(brush: Brush, chance: Random, x: float, wide: float, high: float, top: float,
           tones: Tones, roof: Tones, seed: int) -> None:  # fmt: skip
    """Draw a tower of three storeys, with a spire `top` high, or flat with pinnacles if 0."""
    left, right, levels = x - wide / 2, x + wide / 2, (0.42, 0.68, 1.0)
    brush.flank(left, right, high, wide * 0.6, tones, None, 2, POINTED)
    brush.box(left, 0, right, high, tones.body)
    brush.courses(left, 0, right, high, 0.04, tones.shaded)
    lights = 1 + seed % 2
    for low, up in ((0.44, 0.65), (0.7, 0.96)):
        for u in repeat(left + wide * 0.14, right - wide * 0.14, lights):
            lancet(
                brush,
                u,
                high * low,
                wide * (0.34 if lights == 1 else 0.24),
                high * (up - low),
                tones,
            )
    for level in levels:
        brush.band(left, right, high * level - 0.02, 0.022, tones)
    for side in (-1, 1):
        buttress(brush, x + side * wide * 0.46, high, wide * 0.17, tones, wide * 0.7)
    if top:
        pinnacle(brush, x, high, wide * 0.16, wide * 0.3, tones)
        spire(brush, x, high, wide * 0.84, top, roof)
    else:
        gallery(brush, left, right, high, wide * 0.16, tones)
        for u in (left + wide * 0.04, x, right - wide * 0.04):
            pinnacle(brush, u, high + wide * 0.12, wide * 0.12, wide * 0.5, tones)
