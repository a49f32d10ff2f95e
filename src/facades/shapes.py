"""Unit shapes that every style draws with, and the openings made of them."""

import math

from facades.brush import Brush, Point
from facades.light import Colour


def _arc(x: float, y: float, radius: float, start: float, end: float, steps: int) -> list[Point]:
    # Rounded, so that a last-bit difference between maths libraries never moves a pixel.
    angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [
        (round(x + radius * math.cos(a), 6), round(y + radius * math.sin(a), 6)) for a in angles
    ]


DISC = _arc(0, 0, 1, 0, 345, 23)
# Arches spring at (-1, 0) and (1, 0).
ROUND = _arc(0, 0, 1, 180, 0, 14)
POINTED = _arc(1, 0, 2, 180, 120, 6) + _arc(-1, 0, 2, 60, 0, 6)[1:]
LANCET = _arc(2, 0, 3, 180, 131.8103, 6) + _arc(-2, 0, 3, 48.1897, 0, 6)[1:]
FLAT: list[Point] = [(-1, 0), (1, 0)]
SEGMENT = _arc(0, -0.75, 1.25, 143.1301, 36.8699, 8)
# Profiles of domes and helms: (radius, height), from the eaves up.
HEMISPHERE = _arc(0, 0, 1, 0, 90, 9)
STILTED = [(1.0, 0.0), (1.0, 0.12), *[(x, 0.12 + 0.88 * y) for x, y in HEMISPHERE[1:]]]
ONION = [
    (0.62, 0.0), (0.84, 0.08), (0.98, 0.2), (1.0, 0.32), (0.92, 0.44), (0.74, 0.56),
    (0.5, 0.67), (0.28, 0.77), (0.13, 0.87), (0.05, 1.0),
]  # fmt: skip
BELL = [
    (1.0, 0.0), (0.94, 0.1), (0.86, 0.26), (0.76, 0.4), (0.58, 0.52), (0.36, 0.6),
    (0.3, 0.68), (0.34, 0.74), (0.3, 0.84), (0.14, 0.92), (0.04, 1.0),
]  # fmt: skip
HELM = [
    (1.0, 0.0), (0.99, 0.08), (0.92, 0.22), (0.8, 0.34), (0.6, 0.44), (0.4, 0.5),
    (0.27, 0.56), (0.2, 0.66), (0.14, 0.8), (0.03, 1.0),
]  # fmt: skip
CONE: list[Point] = [(1.0, 0.0), (0.0, 1.0)]
DRUM: list[Point] = [(1.0, 0.0), (1.0, 1.0)]


def spiral(turns: float, steps: int, tight: float = 0.12) -> list[Point]:
    """Return a unit spiral from its outside at (1, 0) inwards."""
    points = []
    for step in range(steps + 1):
        share = step / steps
        angle, radius = share * turns * 2 * math.pi, 1 - (1 - tight) * share
        points.append((round(radius * math.cos(angle), 6), round(radius * math.sin(angle), 6)))
    return points


SPIRAL = spiral(1.75, 22)


def opening(
    brush: Brush,
    x: float,
    y: float,
    wide: float,
    high: float,
    fill: Colour,
    crown: list[Point] = ROUND,
) -> None:
    """Fill an arched opening with its foot at `y`, `high` in all, `crown` its unit arch."""
    half = wide / 2
    if len(crown) > 2 and not brush.fine(half):
        crown = crown[::2]  # an odd number of points: the ends and the tip stay
    top = max(v for _, v in crown) * half
    spring = y + max(high - top, 0.0)
    arch = [(x + u * half, spring + v * half) for u, v in crown]
    brush.polygon([(x - half, y), *arch, (x + half, y)], fill)


def disc(brush: Brush, x: float, y: float, radius: float, fill: Colour) -> None:
    """Fill a disc."""
    brush.shape(x, y, radius, radius, DISC, fill)


def cross(brush: Brush, x: float, y: float, high: float, fill: Colour) -> None:
    """Draw a cross on a finial."""
    thick = high * 0.1
    brush.line([(x, y), (x, y + high)], fill, thick)
    brush.line(
        [(x - high * 0.28, y + high * 0.68), (x + high * 0.28, y + high * 0.68)], fill, thick
    )


def repeat(left: float, right: float, count: int) -> list[float]:
    """Return the centres of `count` equal bays between two ends."""
    bay = (right - left) / count
    return [left + bay * (index + 0.5) for index in range(count)]
