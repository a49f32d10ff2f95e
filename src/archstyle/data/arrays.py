"""data/augmented: whole photos as the network sees them, and how crops of them are drawn."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from archstyle.common.files import reserve, write_json
from archstyle.common.parallel import parallel_map
from archstyle.config.schema import Augment, Model
from archstyle.data.crops import chance, side_needed, variant
from archstyle.data.manifest import Row, digest, used
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import Preprocessing, open_photo, read_photo
from archstyle.photos.store import OTHERS, PhotoStore, read_packed

Images = NDArray[np.uint8]
# Draws crops, by their numbers from 1, of the training photo with the given index: uint8
# [len(numbers), image_size, image_size, 3]. Called from many threads.
Draw = Callable[[int, Sequence[int]], Images]


@dataclass(frozen=True)
class Arrays:
    """Training photos uint8 [n, image_size, image_size, 3], each with `copies` crops to `draw`.

    Validation photos are uint8 [m, read_size, read_size, 3], as the server reads photos. Labels are
    int64 [n] and [m], indices into `styles`.
    """

    train_images: Images
    train_labels: NDArray[np.int64]
    validation_images: Images
    validation_labels: NDArray[np.int64]
    styles: tuple[str, ...]
    drawn: bool
    copies: int
    draw: Draw


@dataclass(frozen=True)
class Others:
    """Buildings of other styles, from which train learns what to refuse.

    `read` gives the building with a number, whose style `styles` names; `read_own` the same of the
    `photos` own training photos: uint8 [read_size, read_size, 3], as the server reads photos.
    """

    styles: tuple[str, ...]
    photos: int
    read: Callable[[int], Images]
    read_own: Callable[[int], Images]


def held(crops: Images) -> Draw:
    """Take crops [copies, n, size, size, 3] from an array."""
    return lambda photo, numbers: crops[np.asarray(numbers) - 1, photo]


def write_arrays(
    directory: Path,
    store: PhotoStore,
    rows: Sequence[Row],
    model: Model,
    augment: Augment,
    seed: int,
    *,
    crops: bool = False,
) -> tuple[int, int]:
    """Write the photos of Arrays as .npy, and index.json; return how many of each split.

    Crops are drawn when they are needed; with `crops` they are written too, at many times
    the size, for many trainings that share them.
    """
    styles = sorted({row.style for row in rows if row.split})
    files: dict[str, list[str]] = {}
    for split, size in (("train", model.image_size), ("validation", model.read_size)):
        photos = used(rows, split)
        files[split] = [row.file for row in photos]
        labels = np.array([styles.index(row.style) for row in photos], dtype=np.int64)
        np.save(directory / f"{split}_labels.npy", labels)

        def read(photo: int, split: str = split, size: int = size) -> Images:
            return read_photo(store.read(files[split][photo]), Preprocessing(size))

        _fill(directory / f"{split}_images.npy", (len(photos), size, size, 3), read, split)
    if crops and augment.copies:
        size = model.image_size
        draw = _drawing(store, files["train"], size, augment, seed)
        numbers = range(1, 1 + augment.copies)
        shape = (augment.copies, len(files["train"]), size, size, 3)
        _fill(directory / "crops.npy", shape, lambda photo: draw(photo, numbers), "crops")
    index = {
        "styles": styles,
        "train_files": files["train"],
        "validation_files": files["validation"],
        "image_size": model.image_size,
        "read_size": model.read_size,
        "drawn": store.source.drawn,
        "digest": digest(rows),
        "source": store.source.digest,
        "augment": asdict(augment),
        "seed": seed,
    }
    write_json(directory / "index.json", index)
    return len(files["train"]), len(files["validation"])


def read_arrays(directory: Path, raw: Path) -> Arrays:
    """Open data/augmented, whose crops are drawn from the photos in `raw`, data/raw.

    The arrays stay on disk until they are used. Raises ArchstyleError where one of the folders is
    not whole or they do not belong together.
    """
    store = PhotoStore(raw)
    try:
        index: dict[str, Any] = json.loads((directory / "index.json").read_text(encoding="utf-8"))
        augment, size = Augment(**index["augment"]), index["image_size"]
        parts: dict[str, Any] = {}
        for split in ("train", "validation"):
            parts[f"{split}_images"] = np.load(directory / f"{split}_images.npy", mmap_mode="r")
            parts[f"{split}_labels"] = np.load(directory / f"{split}_labels.npy")
        draw: Draw
        if (directory / "crops.npy").is_file():
            draw = held(np.load(directory / "crops.npy", mmap_mode="r"))
        else:
            draw = _drawing(store, index["train_files"], size, augment, index["seed"])
        if index["source"] != store.source.digest:
            raise ValueError(f"its photos are not those of {raw}")
        facts = {"styles": tuple(index["styles"]), "drawn": index["drawn"]}
        return Arrays(**parts, **facts, copies=augment.copies, draw=draw)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArchstyleError(
            f"{directory} is not whole ({error}): run `dvc repro augment`."
        ) from None


def open_others(
    raw: Path, rows: Sequence[Row], others: Sequence[Row], preprocessing: Preprocessing
) -> Others | None:
    """Open the photos of `others`, and beside them the training photos among `rows`.

    None where there are no others.
    """
    if not others:
        return None
    store, strange, own = PhotoStore(raw), PhotoStore(raw / OTHERS), used(rows, "train")
    return Others(
        styles=tuple(row.style for row in others),
        photos=len(own),
        read=lambda number: read_photo(strange.read(others[number].file), preprocessing),
        read_own=lambda number: read_photo(store.read(own[number].file), preprocessing),
    )


def _drawing(
    store: PhotoStore, files: Sequence[str], size: int, augment: Augment, seed: int
) -> Draw:
    """Draw crops from the photos of data/raw; each depends on seed, photo and number alone."""
    photos, at_least = [store.find(file) for file in files], side_needed(size, augment)

    def draw(photo: int, numbers: Sequence[int]) -> Images:
        # The photo is decoded once for all of them.
        image = open_photo(read_packed(store.archive, photos[photo]), at_least=at_least)
        chances = [chance(seed, photos[photo].sha256, number) for number in numbers]
        return np.stack([variant(image, size, augment, random) for random in chances])

    return draw


def _fill(path: Path, shape: tuple[int, ...], draw: Callable[[int], Images], name: str) -> None:
    """Write an array [..., n, size, size, 3] of what is drawn for each of n photos."""
    images = open_memmap(path, "w+", np.uint8, shape)
    reserve(path)

    def work(photo: int) -> None:
        images[..., photo, :, :, :] = draw(photo)

    for _ in parallel_map(work, range(shape[-4]), shape[-4], name):
        pass
