"""Draws shapes given in building units through a camera."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from facades.light import Colour, Light, Tones, shade

Point = tuple[float, float]


@dataclass(frozen=True)
class View:
    """Where the camera stands: building units (y up from the ground) to pixels.

    Only exact arithmetic happens here, so that every machine draws the same pixels.
    """

    scale: float  # pixels per unit
    x: float  # pixel column of the building's axis
    y: float  # pixel row of the ground in front of it
    recede: float = 0.0  # above 0 the right end is further away
    lean: float = 0.0  # above 0 verticals converge upwards
    roll: float = 0.0  # slope of the horizon
    eye: float = 0.1  # height of the camera

    @property
    def horizon(self) -> float:
        """Pixel row of the horizon at the building's axis."""
        return self.y - self.scale * self.eye

    def see(self, x: float, y: float) -> Point:
        """Map one point to pixels."""
        depth = 1 + self.recede * x + self.lean * y
        across, up = x / depth, (y - self.eye) / depth + self.eye
        return (
            self.x + self.scale * (across + up * self.roll),
            self.y - self.scale * (up - across * self.roll),
        )


class Brush:
    """Paints on an RGB image; coordinates in building units, widths too."""

    def __init__(self, image: Image.Image, view: View, light: Light) -> None:
        self.image, self.view, self.light = image, view, light
        self.pen = ImageDraw.Draw(image)
        self._glaze = ImageDraw.Draw(image, "RGBA")

    def fine(self, size: float) -> bool:
        """Tell whether something of this size is worth its details."""
        return size * self.view.scale > 12

    def trace(self, points: Iterable[Point]) -> list[Point]:
        """Map points to pixels: `View.see` in one go, for nearly all the time goes here."""
        view = self.view
        left, low, scale, roll, eye = view.x, view.y, view.scale, view.roll, view.eye
        recede, lean = view.recede, view.lean
        return [
            (left + scale * (across + up * roll), low - scale * (up - across * roll))
            for x, y in points
            for depth in (1 + recede * x + lean * y,)
            for across in (x / depth,)
            for up in ((y - eye) / depth + eye,)
        ]

    def polygon(self, points: Iterable[Point], fill: Colour) -> None:
        """Fill a polygon."""
        self.pen.polygon(self.trace(points), fill)

    def shadow(self, points: Iterable[Point], strength: float = 0.35) -> None:
        """Darken a polygon; `strength` 0..1."""
        alpha = int(255 * strength * min(1.0, self.light.contrast))
        self._glaze.polygon(self.trace(points), (18, 16, 34, alpha))

    def box(self, left: float, low: float, right: float, high: float, fill: Colour) -> None:
        """Fill an upright rectangle."""
        self.pen.polygon(self.trace(((left, low), (left, high), (right, high), (right, low))), fill)

    def line(self, points: Iterable[Point], fill: Colour, width: float) -> None:
        """Draw a polyline, at least one pixel wide."""
        self.pen.line(self.trace(points), fill, max(1, round(width * self.view.scale)))

    def shape(
        self, x: float, y: float, wide: float, high: float, unit: Sequence[Point], fill: Colour
    ) -> None:
        """Fill a shape given in units: `unit` is scaled by `wide` and `high`, then moved."""
        self.polygon([(x + u * wide, y + v * high) for u, v in unit], fill)

    def flank(self, left: float, right: float, high: float, deep: float, tones: Tones,
              stripes: tuple[float, Colour] | None = None, windows: int = 4,
              crown: Sequence[Point] = ()) -> None:  # fmt: skip
        """Draw the side wall that the view shows beside a front.

        `stripes` are the height and colour of a second course of masonry, `crown` the unit arch
        of the `windows`.
        """
        recede, eye = self.view.recede, self.view.eye
        if abs(recede) < 0.06:
            return
        near, away = (left, -1) if recede > 0 else (right, 1)
        reach, lit = away * deep * min(1.0, abs(recede) * 5), self.light.side == away
        top, body, low = (
            (tones.bright, tones.lit, tones.shaded)
            if lit
            else (tones.shaded, tones.dark, tones.deep)
        )

        def place(share: float, y: float) -> Point:
            return near + reach * share, eye + (y - eye) * (1 - 0.14 * share)

        def patch(start: float, end: float, below: float, above: float, fill: Colour) -> None:
            self.polygon(
                [place(start, below), place(start, above), place(end, above), place(end, below)],
                fill,
            )

        def window(start: float, end: float, below: float, above: float, fill: Colour) -> None:
            middle, half = (start + end) / 2, (end - start) / 2
            rise = half * abs(reach)
            arch = [
                place(middle + u * half, above + v * rise) for u, v in crown or ((-1, 0), (1, 0))
            ]
            self.polygon([place(start, below), *arch, place(end, below)], fill)

        patch(0, 1, 0, high, body)
        if stripes:
            step, second = stripes
            second, y = shade(second, 1.1 if lit else 0.6), step
            while y < high - step * 0.3:
                patch(0, 1, y, min(high, y + step * 0.55), second)
                y += step * 1.3
        for index in range(windows):
            start, size = (index + 0.3) / windows, 0.4 / windows
            window(start - 0.02, start + size + 0.02, high * 0.3, high * 0.7, top)
            glass = self.light.glass if lit or self.light.glass[0] > 200 else low
            window(start, start + size, high * 0.32, high * 0.69, glass)
        patch(0, 1, high * 0.97, high, top)

    def solid(
        self, x: float, y: float, wide: float, high: float, profile: Sequence[Point], tones: Tones
    ) -> None:
        """Fill a solid of revolution from its profile of (radius, height), lit from the side."""
        side = self.light.side
        for start, end, colour in (
            (-1.0, 1.0, tones.dark),
            (-0.72, 1.0, tones.shaded),
            (-0.3, 1.0, tones.body),
            (0.22, 1.0, tones.lit),
            (0.5, 0.8, tones.bright),
        ):
            first, last = start * wide * side, end * wide * side
            edge = [(x + r * first, y + v * high) for r, v in profile]
            edge += [(x + r * last, y + v * high) for r, v in reversed(profile)]
            self.pen.polygon(self.trace(edge), colour)

    def courses(
        self, left: float, low: float, right: float, high: float, step: float, fill: Colour
    ) -> None:
        """Draw the joints between courses of stone, where they are not too fine to see."""
        if step * self.view.scale < 5:
            return
        y = low + step
        while y < high:
            self.line([(left, y), (right, y)], fill, 0)
            y += step

    def band(self, left: float, right: float, y: float, high: float, tones: Tones) -> None:
        """Draw a moulding: a lit edge with its shadow beneath."""
        self.box(left, y - high * 0.8, right, y, tones.dark)
        self.box(left, y, right, y + high, tones.lit)
        if self.fine(high):
            self.box(left, y + high * 0.7, right, y + high, tones.bright)

    def tinted(self, colour: Colour, factor: float = 1.0) -> Colour:
        """Return how a colour looks in this picture's light."""
        return shade(self.light.on(colour), factor)
