"""Cornices, columns, obelisks and pyramids."""

from random import Random

from facades.brush import Brush, Point
from facades.light import Colour, Light, Tones, shade, vary
from facades.shapes import DRUM, disc, repeat

_STONES: tuple[Colour, ...] = (
    (206, 172, 122), (214, 188, 142), (190, 152, 108), (196, 170, 134), (178, 144, 112),
    (210, 178, 136), (168, 146, 120),
)  # fmt: skip
PAINTS: tuple[Colour, ...] = ((164, 74, 50), (48, 92, 128), (204, 158, 60), (60, 118, 96))
# A bud of lotus and an open papyrus, as (radius, height) of a capital.
BUD: list[Point] = [(0.9, 0.0), (1.35, 0.25), (1.3, 0.5), (0.95, 0.8), (0.95, 1.0)]


BELL: list[Point] = [(0.85, 0.0), (0.9, 0.3), (1.1, 0.6), (1.75, 0.92), (1.75, 1.0)]


def stone(chance: Random, light: Light) -> Tones:
    """Pick the stone of a building."""
    return light.tones(vary(chance, chance.choice(_STONES), 12))


def cavetto(brush: Brush, left: float, right: float, y: float, high: float, tones: Tones) -> None:
    """Draw the roll and the hollow cornice that flares over every wall."""
    flare = high * 0.5
    brush.polygon([(left, y), (left - flare * 0.25, y + high * 0.5), (left - flare, y + high),
                   (right + flare, y + high), (right + flare * 0.25, y + high * 0.5), (right, y)],
                  tones.shaded)  # fmt: skip
    if brush.fine(high):
        for x in repeat(left, right, max(6, int((right - left) / (high * 0.4)))):
            brush.line([(x, y + high * 0.1), (x, y + high * 0.75)], tones.dark, high * 0.08)
    brush.box(left - flare, y + high * 0.78, right + flare, y + high, tones.bright)
    brush.box(left - high * 0.1, y - high * 0.12, right + high * 0.1, y + high * 0.1, tones.lit)
    brush.box(left, y - high * 0.24, right, y - high * 0.12, tones.dark)


def glyphs(
    brush: Brush, chance: Random, left: float, right: float, y: float, high: float, fill: Colour
) -> None:
    """Draw a band of signs."""
    if not brush.fine(high * 2):
        return
    for x in repeat(left, right, max(3, int((right - left) / (high * 1.1)))):
        kind, size = chance.randrange(4), high * 0.36
        middle = y + high / 2
        if kind == 0:
            disc(brush, x, middle, size * 0.8, fill)
        elif kind == 1:
            brush.box(x - size * 0.3, middle - size, x + size * 0.3, middle + size, fill)
        elif kind == 2:
            brush.polygon(
                [(x - size, middle - size), (x, middle + size), (x + size, middle - size)], fill
            )
        else:
            brush.line(
                [
                    (x - size, middle),
                    (x - size / 3, middle + size),
                    (x + size / 3, middle),
                    (x + size, middle + size),
                ],
                fill,
                high * 0.12,
            )


def obelisk(brush: Brush, chance: Random, x: float, wide: float, high: float, tones: Tones) -> None:
    """Draw an obelisk: tapering shaft with a column of signs, and its pointed cap."""
    half, side, neck = wide / 2, brush.light.side, high * 0.9
    top = half * 0.66
    brush.box(x - half * 1.4, 0, x + half * 1.4, high * 0.06, tones.body)
    brush.polygon([(x - half, 0), (x - top, neck), (x + top, neck), (x + half, 0)], tones.lit)
    brush.polygon(
        [
            (x - side * half, 0),
            (x - side * top, neck),
            (x - side * top * 0.35, neck),
            (x - side * half * 0.35, 0),
        ],
        tones.dark,
    )
    brush.polygon([(x - top, neck), (x, high), (x + top, neck)], tones.bright)
    brush.polygon([(x - side * top, neck), (x, high), (x - side * top * 0.35, neck)], tones.shaded)
    if brush.fine(wide):
        y = high * 0.1
        while y < neck * 0.94:
            size, u = wide * 0.12, x + side * wide * 0.1
            if chance.random() < 0.5:
                disc(brush, u, y, size, tones.dark)
            else:
                brush.box(u - size, y - size * 0.5, u + size, y + size * 0.6, tones.dark)
            y += wide * 0.5


def column(
    brush: Brush,
    x: float,
    y: float,
    wide: float,
    high: float,
    tones: Tones,
    capital: list[Point],
    paint: Colour,
) -> None:
    """Draw a column with rings of reeds and a lotus or papyrus capital."""
    half, neck = wide / 2, high * 0.76
    brush.solid(x, y, half * 1.25, high * 0.04, DRUM, tones)
    shaft: list[Point] = [(0.86, 0.0), (1.0, 0.1), (0.98, 0.5), (0.86, 1.0)]
    brush.solid(x, y, half, neck, shaft, tones)
    for share in (0.88, 0.94):
        brush.box(
            x - half * 0.9, y + neck * share, x + half * 0.9, y + neck * (share + 0.03), paint
        )
    brush.solid(x, y + neck, half, high - neck - wide * 0.24, capital, tones)
    if brush.fine(wide * 0.6):
        for u in (-0.6, -0.2, 0.2, 0.6):
            brush.line(
                [
                    (x + u * r * half, y + neck + v * (high - neck - wide * 0.24))
                    for r, v in capital
                ],
                tones.dark,
                wide * 0.03,
            )
        brush.box(x - half * 0.7, y + neck * 0.4, x + half * 0.7, y + neck * 0.44, tones.shaded)
        brush.box(x - half * 0.7, y + neck * 0.7, x + half * 0.7, y + neck * 0.73, tones.shaded)
    brush.box(x - half * 0.8, y + high - wide * 0.26, x + half * 0.8, y + high, tones.shaded)


def pyramid(brush: Brush, chance: Random, x: float, y: float, half: float, high: float,
            corner: float, tones: Tones, cap: Tones | None) -> None:  # fmt: skip
    """Draw a pyramid with the edge between its two faces at `corner` (-1..1 of its width)."""
    left, right, foot, top = (
        (x - half, y),
        (x + half, y),
        (x + corner * half, y - half * 0.07),
        (x, y + high),
    )
    sunny, shady = tones.bright, tones.dark
    first, second = (sunny, shady) if brush.light.side < 0 else (shady, sunny)
    brush.polygon([left, foot, top], first)
    brush.polygon([foot, right, top], second)
    count = int(min(46, high * brush.view.scale / 9))
    for index in range(1, count):
        share = index / count
        rough = chance.uniform(-0.2, 0.2) / count
        ends = [
            (a + (top[0] - a) * share, b + (top[1] - b) * (share + rough))
            for a, b in (left, foot, right)
        ]
        for pair, fill in ((ends[:2], first), (ends[1:], second)):
            brush.line(pair, shade(fill, chance.uniform(0.84, 0.97)), 0)
    for _ in range(60):
        share, along = chance.random() ** 1.5, chance.random()
        ends = [
            (a + (top[0] - a) * share, b + (top[1] - b) * share) for a, b in (left, foot, right)
        ]
        sunlit = chance.random() < 0.5
        (one, two), fill = (ends[:2], first) if sunlit else (ends[1:], second)
        u, v = one[0] + (two[0] - one[0]) * along, one[1] + (two[1] - one[1]) * along
        size = high * 0.012
        brush.box(u - size, v - size * 0.5, u, v, shade(fill, chance.uniform(0.75, 1.08)))
    if cap:
        share = 0.74
        ends = [
            (a + (top[0] - a) * share, b + (top[1] - b) * share) for a, b in (left, foot, right)
        ]
        for pair, fill in (
            (ends[:2], cap.bright if first is sunny else cap.dark),
            (ends[1:], cap.bright if second is sunny else cap.dark),
        ):
            ragged = [
                (
                    pair[0][0] + (pair[1][0] - pair[0][0]) * k / 6,
                    pair[0][1]
                    + (pair[1][1] - pair[0][1]) * k / 6
                    + high * chance.uniform(-0.03, 0.02),
                )
                for k in range(7)
            ]
            brush.polygon([*ragged, top], fill)


def stepped(brush: Brush, chance: Random, half: float, high: float, tones: Tones) -> None:
    """Draw a pyramid of six steps."""
    side = brush.light.side
    for index in range(6):
        low, top, out = high * index / 6, high * (index + 1) / 6, half * (1 - index / 6.6)
        inner = out - half * 0.035
        brush.polygon([(-out, low), (-inner, top), (inner, top), (out, low)], tones.lit)
        edge = -side * out * 0.35
        brush.polygon(
            [(-side * out, low), (-side * inner, top), (edge, top), (edge, low)], tones.dark
        )
        brush.courses(-out, low, out, top, high / 30, tones.shaded)
        brush.line([(-inner, top), (inner, top)], tones.bright, 0.01)
