"""Whether the format of a photo decides its style: `python -m benchmarks.formats [--split test]`.

Asks models/bundle for the photos in colour of a split of data/prepared, as they are and in other
forms; prints how many are right, get the same answer, and how far a style's share moves.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from archstyle.bundle import Bundle
from archstyle.common.console import say
from archstyle.common.parallel import parallel_map
from archstyle.data.manifest import Row, read_manifest, used
from archstyle.photos.reader import open_photo, to_array
from archstyle.photos.store import PhotoStore

FEW = 128  # pixels a side
COLOURFUL = 8  # of 255: the mean difference of red and blue from which a photo is in colour


def small(photo: Image.Image) -> Image.Image:
    scale = FEW / min(photo.size)
    return photo.resize((round(photo.width * scale), round(photo.height * scale)))


def grey(photo: Image.Image) -> Image.Image:
    return photo.convert("L").convert("RGB")


def middle(photo: Image.Image) -> Image.Image:
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return photo.crop((left, top, left + side, top + side))


FORMS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as they are": lambda photo: photo,
    "grey": grey,
    f"{FEW} pixels a side": small,
    f"grey and {FEW} pixels a side": lambda photo: grey(small(photo)),
    "middle squares": middle,
    f"grey middle squares of {FEW} pixels": lambda photo: grey(small(middle(photo))),
}


def in_colour(photo: Image.Image) -> bool:
    red, _, blue = photo.split()
    return float(np.asarray(ImageChops.difference(red, blue)).mean()) >= COLOURFUL


def answers(
    bundle: Bundle, store: PhotoStore, rows: Sequence[Row]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the styles answered [n, forms] of the photos in colour, and their labels [n]."""
    side = bundle.card.preprocessing.image_size

    def answer(number: int) -> list[int]:
        photo = open_photo(store.read(rows[number].file))
        if not in_colour(photo):
            return []
        arrays = (to_array(form(photo), side)[np.newaxis] for form in FORMS.values())
        return [int(bundle.run(array).probabilities[0].argmax()) for array in arrays]

    every = list(parallel_map(answer, range(len(rows)), len(rows), "photos"))
    labels = [bundle.styles.index(row.style) for row, one in zip(rows, every, strict=True) if one]
    return np.array([one for one in every if one]), np.array(labels)


def largest_moves(given: NDArray[np.int64], styles: int) -> NDArray[np.float64]:
    """Return how far the share of any style is in each form from that as they are [forms]."""
    shares = np.stack([np.bincount(form, minlength=styles) for form in given.T])
    moves: NDArray[np.float64] = np.abs(shares - shares[0]).max(axis=1) / len(given)
    return moves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", default="validation", help="validation (the default) or test")
    rows = used(read_manifest(Path("data/prepared/manifest.csv")), parser.parse_args().split)
    bundle, store = Bundle.load(Path("models/bundle")), PhotoStore(Path("data/raw"))
    given, labels = answers(bundle, store, rows)
    moves = largest_moves(given, len(bundle.styles))
    say(f"{len(given)} photos in colour | right | same answer | largest move of a style's share")
    for number, name in enumerate(FORMS):
        right = (given[:, number] == labels).mean()
        same = (given[:, number] == given[:, 0]).mean()
        say(f"{name} | {right:.3f} | {same:.3f} | {moves[number]:.3f}")


if __name__ == "__main__":
    main()
