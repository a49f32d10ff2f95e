"""One picture: the light, the camera, what stands around, the building, the film."""

from random import Random

import numpy as np
from PIL import Image

from facades import baroque, byzantine, egyptian, egyptian_setting, gothic
from facades.brush import Brush, View
from facades.design import Design
from facades.light import any_light
from facades.sky import sky
from facades.surroundings import before, behind

_OVER = 2  # drawn this many times larger, then averaged down
_STYLES = {
    "baroque": (baroque.design, behind, before),
    "byzantine": (byzantine.design, behind, before),
    "egyptian": (egyptian.design, egyptian_setting.behind, egyptian_setting.before),
    "gothic": (gothic.design, behind, before),
}


def _view(design: Design, wide: int, high: int, chance: Random) -> View:
    """Place the camera: mostly the whole building, sometimes cropped, sometimes a detail."""
    whole = min(wide / design.width, high * 0.86 / design.height)
    recede = chance.choice((0.0, chance.uniform(-0.3, 0.3), chance.uniform(-0.45, 0.45)))
    recede = max(-0.33 / design.width, min(0.33 / design.width, recede))
    lean, roll = chance.uniform(0.0, 0.14) / design.height, chance.uniform(-0.03, 0.03)
    eye = chance.choice((0.05, 0.08, 0.12, chance.uniform(0.12, 0.3)))
    kind = chance.random()
    if kind < 0.72:
        scale = whole * chance.uniform(0.72, 1.06)
        x = wide * (0.5 + chance.uniform(-0.1, 0.1)) - design.middle * scale
        room = high - design.height * scale
        y = high - room * chance.uniform(0.2, 0.75)
    else:
        close = chance.uniform(1.1, 1.45) if kind < 0.9 else chance.uniform(1.45, 1.9)
        scale = max(whole, 0.7 * min(wide / design.width, 1e9)) * close
        u, v = chance.choice(design.details)
        x = wide * (0.5 + chance.uniform(-0.12, 0.12)) - u * scale
        y = high * (0.5 + chance.uniform(-0.1, 0.1)) + v * scale
        y = max(high * 0.9, y)
    return View(scale, x, y, recede, lean, roll, eye)


def _film(image: Image.Image, chance: Random, side: int) -> Image.Image:
    """Shrink to the size asked for; add uneven light, blotches of weather and grain."""
    small = np.asarray(image.reduce(_OVER))
    high, wide, _ = small.shape
    across = np.arange(wide, dtype=np.uint16) * chance.randint(0, 14) // wide
    down = np.arange(high, dtype=np.uint16) * chance.randint(0, 12) // high
    blotches = Image.frombytes("L", (9, 9), chance.randbytes(81))
    weather = np.asarray(blotches.resize((wide, high), Image.Resampling.BICUBIC)) >> 5
    # 128 leaves a pixel as it is; the product of two bytes fits 16 bits.
    gain = weather + (across[::side] + (112 + chance.randint(0, 8)) + down[:, None])
    exposed = small.reshape(high, wide * 3) * np.repeat(gain, 3, axis=1)
    exposed >>= 7
    mask = chance.choice((1, 3, 7, 7))
    grain = np.frombuffer(chance.randbytes(high * wide), np.uint8).reshape(high, wide) & mask
    exposed += np.repeat(grain, 3, axis=1)
    np.clip(exposed, mask // 2, 255 + mask // 2, out=exposed)
    exposed -= mask // 2
    return Image.fromarray(exposed.astype(np.uint8).reshape(high, wide, 3))


def take(style: str, seed: int, width: int, height: int) -> Image.Image:
    """Draw a building of one of the four styles as RGB, `width` x `height` pixels."""
    # Text seeds go through SHA-512: the same stream everywhere, unlike hash().
    chance = Random(f"{style}/{seed}")
    plan, around, ahead = _STYLES[style]
    light = any_light(chance)
    design = plan(chance, light)
    wide, high = width * _OVER, height * _OVER
    view = _view(design, wide, high, chance)
    brush = Brush(sky((wide, high), view, light, chance), view, light)
    around(brush, chance)
    design.paint(brush)
    ahead(brush, chance)
    return _film(brush.image, chance, light.side)
