"""What augment wrote, as arrays that stay on disk until they are used."""

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
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


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Shuffled batches: epoch e sees one copy of every photo, another one than epoch e - 1.

    `inputs` [1 + copies, n, ...] are photos or what frozen layers made of them, `targets` [n, k].
    `mixup` is the parameter of its beta distribution; 0 mixes nothing. One NumPy gather a batch
    and no Python call a photo.
    """

    def __init__(
        self,
        inputs: NDArray[Any],
        targets: NDArray[np.float32],
        batch_size: int,
        seed: int,
        mixup: float = 0.0,
    ):
        super().__init__(workers=1, use_multiprocessing=False)
        self._inputs = inputs
        self._targets = targets
        self._batch_size = batch_size
        self._seed = seed
        self._mixup = mixup
        self._begin(0)

    def __len__(self) -> int:
        # Without the partial last batch, whose gradients would be noisier and its shape another.
        return max(1, len(self._targets) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[np.float32]]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        inputs, targets = self._inputs[self._copy[chosen], chosen], self._targets[chosen]
        if inputs.dtype == np.float16:
            inputs = inputs.astype(np.float32)
        if not self._mixup:
            return inputs, targets
        # Zhang et al. 2018, arXiv:1710.09412: blend each photo with another one of its batch.
        generator = np.random.default_rng([self._seed, self._epoch, index])
        share = generator.beta(self._mixup, self._mixup, len(chosen)).astype(np.float32)
        share = np.maximum(share, 1 - share)
        other = generator.permutation(len(chosen))
        wide = share.reshape(-1, *[1] * (inputs.ndim - 1))
        blended = inputs * wide + inputs[other] * (1 - wide)
        share = share[:, np.newaxis]
        return blended.astype(inputs.dtype), targets * share + targets[other] * (1 - share)

    def on_epoch_end(self) -> None:
        """Shuffle again and go on to the next copy."""
        self._begin(self._epoch + 1)

    def _begin(self, epoch: int) -> None:
        self._epoch = epoch
        generator = np.random.default_rng([self._seed, epoch])
        photos, copies = len(self._targets), len(self._inputs) - 1
        self._order = generator.permutation(photos)
        # Each photo starts at a copy of its own, so that every epoch mixes all of them.
        start = np.arange(photos) + epoch
        self._copy = 1 + start % copies if copies else np.zeros(photos, np.int64)


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
