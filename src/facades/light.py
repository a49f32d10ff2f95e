"""Colours, and the light that falls on them."""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

Colour = tuple[int, int, int]


def shade(colour: Colour, factor: float) -> Colour:
    """Return the colour times `factor`, kept within 0..255."""
    red, green, blue = colour
    return (
        min(255, int(red * factor)),
        min(255, int(green * factor)),
        min(255, int(blue * factor)),
    )


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return `first` with a `share` (0..1) of `second` in it."""
    return (
        int(first[0] + (second[0] - first[0]) * share),
        int(first[1] + (second[1] - first[1]) * share),
        int(first[2] + (second[2] - first[2]) * share),
    )


def vary(chance: Random, colour: Colour, amount: int = 10) -> Colour:
    """Return a neighbour of the colour: up to `amount` brighter or darker, its hue nearly kept."""
    step = chance.randint(-amount, amount)
    red, green, blue = (
        max(0, min(255, channel + step + chance.randint(-4, 4))) for channel in colour
    )
    return red, green, blue


class Tones(NamedTuple):
    """One material from its sunny edge to its depths."""

    bright: Colour
    lit: Colour
    body: Colour
    shaded: Colour
    dark: Colour
    deep: Colour


@dataclass(frozen=True)
class Light:
    """A time of day and its weather; factors are multiples, colours RGB."""

    name: str
    sky_top: Colour
    sky_low: Colour
    cloud: Colour
    tint: tuple[float, float, float]
    contrast: float  # 1 for full sun, towards 0 for no shadows at all
    cover: float  # share of the sky under cloud
    glass: Colour
    haze: Colour
    side: int = 1  # the sun stands left (-1) or right (1)

    def on(self, colour: Colour, factor: float = 1.0) -> Colour:
        """Return how a colour looks in this light."""
        red, green, blue = self.tint
        return (
            min(255, int(colour[0] * red * factor)),
            min(255, int(colour[1] * green * factor)),
            min(255, int(colour[2] * blue * factor)),
        )

    def tones(self, colour: Colour) -> Tones:
        """Return the six tones of a material in this light."""
        seen, depth = self.on(colour), self.contrast
        return Tones(
            shade(seen, 1 + 0.18 * depth),
            shade(seen, 1 + 0.08 * depth),
            seen,
            shade(seen, 1 - 0.2 * depth),
            shade(seen, 1 - 0.42 * depth),
            shade(seen, 0.5 - 0.22 * depth),
        )


_DUSK_GLASS, _DAY_GLASS = (255, 206, 120), (44, 54, 70)
_LIGHTS = (
    # name, sky above, sky below (and haze), clouds, tint, contrast, cover
    ("day", (78, 130, 194), (186, 212, 232), (248, 249, 250), (1.0, 0.98, 0.94), 1.0, 0.35),
    ("clear", (52, 106, 182), (156, 196, 226), (250, 250, 255), (1.03, 1.0, 0.95), 1.0, 0.08),
    ("golden", (92, 128, 180), (250, 206, 150), (255, 226, 190), (1.05, 0.92, 0.76), 1.0, 0.35),
    ("dusk", (38, 42, 92), (232, 138, 104), (150, 96, 120), (0.68, 0.56, 0.6), 0.7, 0.45),
    ("blue hour", (34, 52, 104), (128, 146, 190), (84, 98, 140), (0.66, 0.62, 0.66), 0.7, 0.3),
    ("overcast", (170, 178, 188), (212, 216, 220), (236, 238, 240), (0.86, 0.88, 0.9), 0.5, 0.8),
    ("storm", (84, 92, 106), (158, 164, 170), (196, 198, 202), (0.78, 0.79, 0.82), 0.65, 0.7),
    ("hazy", (188, 202, 214), (228, 226, 216), (240, 240, 238), (0.98, 0.96, 0.93), 0.6, 0.25),
    (
        "against the sun",
        (150, 182, 214),
        (248, 240, 222),
        (255, 252, 244),
        (0.66, 0.64, 0.66),
        0.8,
        0.3,
    ),
)
_WEIGHTS = (5, 4, 4, 2, 1, 3, 1, 2, 1)


def any_light(chance: Random) -> Light:
    """Pick a light, with the sun on either side."""
    name, top, low, cloud, tint, contrast, cover = chance.choices(_LIGHTS, _WEIGHTS)[0]
    evening = name in ("dusk", "blue hour")
    return Light(
        name=name,
        sky_top=vary(chance, top, 16),
        sky_low=vary(chance, low, 12),
        cloud=cloud,
        tint=tint,
        contrast=contrast * chance.uniform(0.85, 1.1),
        cover=max(0.0, min(0.9, cover + chance.uniform(-0.2, 0.2))),
        glass=_DUSK_GLASS if evening and chance.random() < 0.85 else _DAY_GLASS,
        haze=low,
        side=chance.choice((-1, 1)),
    )
