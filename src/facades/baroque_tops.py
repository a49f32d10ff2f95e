"""Scrolls, gables, towers and domes: what stands over a baroque cornice."""

from facades.baroque_parts import Build
from facades.brush import Brush, Point
from facades.shapes import (
    DRUM,
    HEMISPHERE,
    ONION,
    SPIRAL,
    STILTED,
    cross,
    disc,
    opening,
)


def volute(build: Build, brush: Brush, inner: float, outer: float, low: float, high: float) -> None:
    """Draw the great scroll that leads from a wide storey up to a narrow one."""
    reach, rise = outer - inner, high - low
    curve: list[Point] = [
        (inner, high), (inner + reach * 0.1, high - rise * 0.06),
        (inner + reach * 0.2, high - rise * 0.3), (inner + reach * 0.32, high - rise * 0.52),
        (inner + reach * 0.5, high - rise * 0.66),
        (inner + reach * 0.72, high - rise * 0.62), (inner + reach * 0.92, high - rise * 0.66),
        (inner + reach, high - rise * 0.82), (inner + reach * 0.98, low),
    ]  # fmt: skip
    brush.polygon([*curve, (inner, low)], build.plaster.lit)
    brush.line(curve, build.trim.bright, 0.022)
    size = abs(reach) * 0.26
    x, y = inner + reach * 0.72, low + size * 1.02
    disc(brush, x, y, size * 1.08, build.trim.lit)
    way = 1 if reach > 0 else -1
    brush.line(
        [(x + way * u * size, y + v * size) for u, v in SPIRAL], build.trim.dark, size * 0.16
    )
    size *= 0.5
    x, y = inner + reach * 0.14, high - rise * 0.12
    disc(brush, x, y, size, build.trim.lit)
    brush.line(
        [(x + way * u * size * 0.85, y + v * size * 0.85) for u, v in SPIRAL[:16]],
        build.trim.dark,
        size * 0.2,
    )


def tower(
    build: Build, brush: Brush, x: float, wide: float, start: float, high: float, top: float
) -> None:
    """Draw a bell tower from `start` up, with a clock and a curved helm `top` high."""
    left, right = x - wide / 2, x + wide / 2
    belfry = start + (high - start) * 0.45
    brush.box(left, start, right, high, build.plaster.body)
    for side in (-1, 1):
        build.order(brush, x + side * wide * 0.4, start, wide * 0.14, belfry - start - 0.03)
        build.order(brush, x + side * wide * 0.36, belfry, wide * 0.14, high - belfry)
    build.entablature(brush, left - 0.01, right + 0.01, belfry - 0.04)
    opening(brush, x, belfry + 0.05, wide * 0.5, (high - belfry) * 0.72, build.trim.bright)
    opening(brush, x, belfry + 0.05, wide * 0.38, (high - belfry) * 0.64, build.trim.deep)
    disc(brush, x, (start + belfry) / 2, wide * 0.2, build.trim.bright)
    disc(brush, x, (start + belfry) / 2, wide * 0.15, brush.tinted((64, 66, 80)))
    build.entablature(brush, left - 0.015, right + 0.015, high)
    helmet(build, brush, x, high + 0.065, wide * 0.52, top)


def helmet(build: Build, brush: Brush, x: float, y: float, radius: float, high: float) -> None:
    """Draw a curved helm with a lantern, a small onion, and a gilded cross."""
    main = high * 0.62
    brush.solid(x, y, radius, main, build.helm, build.roof)
    lantern = y + main * 0.9
    brush.solid(x, lantern, radius * 0.28, high * 0.14, DRUM, build.trim)
    opening(brush, x, lantern, radius * 0.22, high * 0.12, build.trim.deep)
    brush.solid(x, lantern + high * 0.14, radius * 0.4, high * 0.2, ONION, build.roof)
    disc(brush, x, lantern + high * 0.35, radius * 0.09, build.gold.lit)
    cross(brush, x, lantern + high * 0.35, high * 0.2, build.gold.lit)


def dome(build: Build, brush: Brush, x: float, y: float, radius: float, drum: float) -> None:
    """Draw a ribbed dome with columns round its drum and a lantern."""
    brush.solid(x, y, radius * 0.94, drum, DRUM, build.plaster)
    for u in (-0.68, -0.23, 0.23, 0.68):
        wide = radius * 0.2 * (1 - abs(u) * 0.4)
        build.framed(brush, x + u * radius * 0.94, y + drum * 0.16, wide, drum * 0.62)
    for u in (-0.95, -0.48, 0.0, 0.48, 0.95):
        build.order(brush, x + u * radius * 0.92, y, radius * 0.09, drum)
    brush.band(x - radius, x + radius, y + drum, radius * 0.08, build.trim)
    rise = y + drum + radius * 0.08
    brush.solid(x, rise, radius * 0.96, radius * 1.12, STILTED, build.roof)
    for u in (-0.78, -0.42, 0.0, 0.42, 0.78):
        brush.line(
            [(x + u * r * radius * 0.96, rise + v * radius * 1.12) for r, v in STILTED],
            build.roof.bright,
            radius * 0.03,
        )
        disc(
            brush,
            x + (u + 0.2) * radius * 0.86,
            rise + radius * 0.34,
            radius * 0.06,
            build.trim.deep,
        )
    top = rise + radius * 1.08
    brush.solid(x, top, radius * 0.2, radius * 0.3, DRUM, build.trim)
    opening(brush, x, top + radius * 0.04, radius * 0.14, radius * 0.24, build.trim.deep)
    brush.solid(x, top + radius * 0.3, radius * 0.24, radius * 0.22, HEMISPHERE, build.roof)
    cross(brush, x, top + radius * 0.5, radius * 0.4, build.gold.lit)


def gable(build: Build, brush: Brush, half: float, y: float, high: float) -> None:
    """Draw a curved gable with scrolls, an oculus and urns."""
    right: list[Point] = [
        (1.0, 0.0), (0.98, 0.16), (0.82, 0.2), (0.66, 0.3), (0.58, 0.46), (0.6, 0.58),
        (0.44, 0.6), (0.4, 0.72), (0.3, 0.84), (0.14, 0.95), (0.0, 1.0),
    ]  # fmt: skip
    edge = [(-u * half, y + v * high) for u, v in right]
    edge += [(u * half, y + v * high) for u, v in reversed(right)]
    brush.polygon(edge, build.plaster.lit)
    brush.line(edge, build.trim.bright, 0.024)
    disc(brush, 0, y + high * 0.4, half * 0.24, build.trim.bright)
    disc(brush, 0, y + high * 0.4, half * 0.17, brush.light.glass)
    for side in (-1, 1):
        x, size = side * half * 0.8, half * 0.13
        disc(brush, x, y + high * 0.12, size, build.trim.lit)
        brush.line(
            [(x + side * u * size, y + high * 0.12 + v * size) for u, v in SPIRAL],
            build.trim.dark,
            size * 0.18,
        )
        build.urn(brush, side * half * 0.92, y + high * 0.16, high * 0.26)
    cross(brush, 0, y + high, high * 0.34, build.gold.body)
