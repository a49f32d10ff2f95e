"""What augment wrote, as arrays that stay on disk until they are used."""

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archstyle.errors import ArchstyleError


@dataclass(frozen=True)
class Arrays:
    """Training photos uint8 [1 + copies, n, image_size, image_size, 3], the whole photos first.

    Validation's are uint8 [m, read_size, read_size, 3]. Labels are int64 [n] and [m], indices into
    `styles`.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    validation_images: NDArray[np.uint8]
    validation_labels: NDArray[np.int64]
    styles: tuple[str, ...]
    image_size: int
    read_size: int
    drawn: bool
    digest: str


def read_arrays(directory: Path) -> Arrays:
    """Open data/augmented; raises ArchstyleError where it is not whole."""
    try:
        index: dict[str, Any] = json.loads((directory / "index.json").read_text(encoding="utf-8"))
        return Arrays(
            train_images=np.load(directory / "train_images.npy", mmap_mode="r"),
            train_labels=np.load(directory / "train_labels.npy"),
            validation_images=np.load(directory / "validation_images.npy", mmap_mode="r"),
            validation_labels=np.load(directory / "validation_labels.npy"),
            styles=tuple(index["styles"]),
            image_size=index["image_size"],
            read_size=index["read_size"],
            drawn=index["drawn"],
            digest=index["digest"],
        )
    except (OSError, ValueError, KeyError) as error:
        raise ArchstyleError(
            f"{directory} is not whole ({error}): run `dvc repro augment`."
        ) from None


def release(array: NDArray[Any]) -> None:
    """Give back the memory of a file-backed array that has been read; it is read again at need."""
    owner: Any = array
    while owner is not None and not isinstance(owner, mmap.mmap):
        owner = getattr(owner, "base", None)
    if owner is not None and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)


def one_hot(labels: NDArray[np.int64], styles: int) -> NDArray[np.float32]:
    """Return float32 [n, styles] with a 1 at each label."""
    return np.eye(styles, dtype=np.float32)[labels]
