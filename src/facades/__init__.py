"""Facades drawn from a seed: photos to begin with where no photo can be had."""

import hashlib
import io
import multiprocessing
from collections.abc import Iterator
from random import Random

from PIL import Image

from archstyle.common.parallel import cores
from archstyle.errors import ArchstyleError
from facades.canvas import Camera, Light, film, landscape
from facades.parts import STYLES
from facades.plans import Plan

__all__ = ["STYLES", "draw_facade", "draw_facades"]
_SIZE, _QUALITY = 320, 90
_WORTH_PROCESSES = 48  # starting processes takes as long as drawing about this many


def draw_facade(style: str, seed: int, width: int = 320, height: int = 320) -> Image.Image:
    """Draw a building of `style` as an RGB image; the same seed gives the same pixels.

    Raises ArchstyleError for a style that is not in STYLES, or sides under 16 pixels.
    """
    if style not in STYLES:
        raise ArchstyleError(
            f"No facade can be drawn in the style {style!r}: choose one of {', '.join(STYLES)}."
        )
    if min(width, height) < 16:
        raise ArchstyleError(
            f"A facade of {width} x {height} pixels is too small: ask for at least 16 x 16."
        )
    # Text seeds go through SHA-512: the same stream everywhere, unlike hash().
    chance = Random(f"{style}/{seed}")
    light = Light(chance)
    building, before, behind = (Plan(chance, light, style) for _ in range(3))
    building.draw()
    size = width * 2, height * 2  # averaged down by the film
    camera = Camera(building, building.turn, size)
    behind.grow(camera, 2.5, chance.choice((0, chance.randint(6, 14))))
    before.grow(camera, -0.3, chance.choice((0, 0, 1, 2)))
    image = landscape(size, camera.horizon, chance, light, building.tones["ground"][2])
    for canvas in (behind, building, before):
        canvas.paint(image, camera)
    return film(image, chance)


def draw_facades(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` drawn photos as (name, JPEG bytes), the styles in turn, 320 pixels a side.

    Names are `gothic/gothic-0001.jpg`. A photo depends on the seed and its name alone, so a
    larger count only adds photos. Many are drawn by as many processes as there are cores.
    """
    jobs = [(seed, STYLES[index % len(STYLES)], index // len(STYLES) + 1) for index in range(count)]
    processes = min(cores(), count // _WORTH_PROCESSES)
    if processes < 2:
        yield from map(_photo, jobs)
        return
    # Spawned, not forked: a fork copies the locks of whatever threads the caller runs.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(_photo, jobs, chunksize=8)


def _photo(job: tuple[int, str, int]) -> tuple[str, bytes]:
    seed, style, number = job
    digest = hashlib.sha256(f"{seed}/{style}/{number}".encode()).digest()
    memory = io.BytesIO()
    picture = draw_facade(style, int.from_bytes(digest[:8], "big"), _SIZE, _SIZE)
    picture.save(memory, "JPEG", quality=_QUALITY)
    return f"{style}/{style}-{number:04d}.jpg", memory.getvalue()
