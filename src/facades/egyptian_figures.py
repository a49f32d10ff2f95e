"""Statues, reliefs and camels."""

from facades.brush import Brush, Point
from facades.light import Colour, Tones


def camel(brush: Brush, x: float, y: float, high: float, way: int) -> None:
    """Draw a camel walking along `way`, with its feet on a pixel."""
    outline = (
        (-0.5, 0.0), (-0.46, 0.5), (-0.42, 0.7), (-0.2, 0.72), (-0.05, 1.0), (0.12, 0.74),
        (0.34, 0.66), (0.52, 0.98), (0.72, 0.98), (0.76, 0.88), (0.62, 0.86), (0.5, 0.55),
        (0.4, 0.45), (0.38, 0.0), (0.3, 0.0), (0.28, 0.42), (-0.34, 0.42), (-0.4, 0.0),
    )  # fmt: skip
    fill = brush.light.on((118, 86, 56))
    brush.pen.polygon([(x + way * u * high, y - v * high) for u, v in outline], fill)


def figure(brush: Brush, x: float, y: float, high: float, way: int, fill: Colour) -> None:
    """Draw a striding relief figure: head in profile, square shoulders, kilt."""
    parts: tuple[tuple[Point, ...], ...] = (
        ((-0.16, 0.0), (-0.08, 0.4), (0.02, 0.4), (-0.08, 0.0)),
        ((0.1, 0.0), (0.0, 0.4), (0.1, 0.4), (0.2, 0.0)),
        ((-0.12, 0.33), (-0.06, 0.54), (0.07, 0.54), (0.19, 0.35)),
        ((-0.06, 0.53), (-0.16, 0.78), (0.16, 0.78), (0.07, 0.53)),
        ((-0.16, 0.78), (-0.2, 0.44), (-0.15, 0.44), (-0.1, 0.7)),
        ((0.16, 0.78), (0.1, 0.7), (0.26, 0.5), (0.3, 0.54)),
        ((-0.03, 0.76), (-0.09, 0.96), (-0.05, 1.0), (0.05, 0.98), (0.09, 0.88), (0.04, 0.78)),
        ((-0.06, 0.97), (-0.09, 1.16), (0.0, 1.2), (0.05, 0.98)),
        ((0.27, 0.0), (0.27, 0.86), (0.3, 0.86), (0.3, 0.0)),
    )
    for part in parts:
        brush.polygon([(x + way * u * high, y + v * high) for u, v in part], fill)


def seated(brush: Brush, x: float, high: float, tones: Tones) -> None:
    """Draw a seated colossus with the royal headcloth, and its shadow on the wall."""
    side = brush.light.side

    def place(points: tuple[Point, ...], fill: Colour) -> None:
        brush.polygon([(x + u * high, v * high) for u, v in points], fill)

    cast = ((0.1, 0), (0.12, 0.9), (0.3, 0.86), (0.42, 0.6), (0.42, 0))
    brush.shadow([(x - side * u * high, v * high) for u, v in cast], 0.5)
    place(((-0.26, 0), (-0.26, 0.5), (0.26, 0.5), (0.26, 0)), tones.dark)
    for leg in (-1, 1):
        place(((leg * 0.03, 0), (leg * 0.02, 0.4), (leg * 0.19, 0.4), (leg * 0.17, 0)), tones.lit)
        dim = leg * (0.03 if leg == side else 0.17)
        place(
            ((dim, 0), (dim, 0.4), (dim + side * 0.045, 0.4), (dim + side * 0.045, 0)), tones.dark
        )
        place(
            ((leg * 0.02, 0), (leg * 0.02, 0.05), (leg * 0.21, 0.05), (leg * 0.2, 0)), tones.bright
        )
    place(((-0.21, 0.34), (-0.2, 0.45), (0.2, 0.45), (0.21, 0.34)), tones.bright)
    place(((-0.21, 0.33), (-0.21, 0.36), (0.21, 0.36), (0.21, 0.33)), tones.dark)
    place(
        ((-0.13, 0.44), (-0.24, 0.72), (-0.1, 0.78), (0.1, 0.78), (0.24, 0.72), (0.13, 0.44)),
        tones.body,
    )
    for arm in (-1, 1):
        fill = tones.bright if arm == side else tones.dark
        place(((arm * 0.24, 0.72), (arm * 0.25, 0.48), (arm * 0.14, 0.42), (arm * 0.15, 0.7)), fill)
    place(
        ((-0.19, 0.7), (-0.15, 0.92), (-0.09, 0.99), (0.09, 0.99), (0.15, 0.92), (0.19, 0.7)),
        tones.dark,
    )
    for level in (0.74, 0.8, 0.86, 0.92):
        place(
            ((-0.17, level), (-0.16, level + 0.025), (0.16, level + 0.025), (0.17, level)),
            tones.shaded,
        )
    place(((-0.08, 0.77), (-0.1, 0.92), (0.1, 0.92), (0.08, 0.77), (0.0, 0.73)), tones.lit)
    place(
        ((-side * 0.08, 0.77), (-side * 0.1, 0.92), (-side * 0.04, 0.92), (0.0, 0.73)), tones.shaded
    )
    for eye in (-0.05, 0.05):
        place(((eye - 0.025, 0.86), (eye, 0.875), (eye + 0.025, 0.86), (eye, 0.85)), tones.deep)
    place(((-0.03, 0.785), (-0.03, 0.795), (0.03, 0.795), (0.03, 0.785)), tones.dark)
    place(((-0.02, 0.75), (-0.025, 0.64), (0.025, 0.64), (0.02, 0.75)), tones.shaded)
    place(((-0.07, 0.97), (-0.09, 1.1), (0.0, 1.18), (0.09, 1.1), (0.07, 0.97)), tones.lit)


def sphinx(brush: Brush, x: float, high: float, way: int, tones: Tones) -> None:
    """Draw a sphinx from the side, looking along `way`."""

    def place(points: tuple[Point, ...], fill: Colour) -> None:
        brush.polygon([(x + way * u * high, v * high) for u, v in points], fill)

    place(
        (
            (-1.1, 0),
            (-1.12, 0.3),
            (-1.0, 0.46),
            (-0.6, 0.5),
            (0.1, 0.52),
            (0.5, 0.5),
            (0.56, 0.2),
            (0.56, 0),
        ),
        tones.body,
    )
    place(
        ((-1.1, 0), (-1.12, 0.3), (-1.0, 0.46), (-0.7, 0.42), (-0.62, 0.12), (-0.7, 0)),
        tones.shaded,
    )
    place(((0.1, 0), (0.2, 0.22), (1.25, 0.18), (1.3, 0.0)), tones.lit)
    place(((0.1, 0.1), (0.1, 0.52), (0.22, 0.62), (0.62, 0.62), (0.6, 0.16)), tones.lit)
    place(
        (
            (0.02, 0.44),
            (0.1, 0.8),
            (0.22, 0.98),
            (0.42, 1.02),
            (0.56, 0.94),
            (0.62, 0.5),
            (0.5, 0.44),
        ),
        tones.shaded,
    )
    place(
        ((0.36, 0.54), (0.32, 0.88), (0.62, 0.94), (0.68, 0.78), (0.66, 0.6), (0.58, 0.52)),
        tones.bright,
    )
    place(((0.5, 0.8), (0.5, 0.84), (0.6, 0.84), (0.6, 0.8)), tones.deep)
    place(((0.52, 0.62), (0.53, 0.65), (0.66, 0.65), (0.66, 0.62)), tones.dark)
    for level in (0.52, 0.62, 0.72, 0.82):
        brush.line(
            [(x + way * 0.08 * high, level * high), (x + way * 0.34 * high, (level + 0.05) * high)],
            tones.dark,
            high * 0.02,
        )
