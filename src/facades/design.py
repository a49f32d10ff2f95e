"""What a style module hands over: a building that is ready to be painted."""

from collections.abc import Callable
from dataclasses import dataclass

from facades.brush import Brush, Point


@dataclass(frozen=True)
class Design:
    """A building: how much room it takes, what is worth a close look, how to paint it."""

    width: float
    height: float
    paint: Callable[[Brush], None]
    details: tuple[Point, ...]
    middle: float = 0.0  # x of its middle
