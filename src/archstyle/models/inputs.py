"""What a network is trained on: crops, or what its frozen layers make of them, in batches."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from archstyle.common.files import reserve, whole_file
from archstyle.data.arrays import Arrays
from archstyle.errors import ArchstyleError
from archstyle.models.acceleration import BATCH, Predictor, Seen, accelerated, threads
from archstyle.models.networks import Network

Batch = tuple[NDArray[Any], NDArray[np.float32]]


@dataclass(frozen=True)
class Parts:
    """A classifier cut in two. `upper` is trained; its part below the head gives the embedding.

    `lower` is None where nothing is frozen.
    """

    lower: keras.Model | None
    upper: keras.Model
    embedding: keras.Model


def cut(network: Network, whole: keras.Model, frozen_blocks: int) -> Parts:
    """Cut a classifier above its first `frozen_blocks` blocks."""
    features = whole.get_layer("dropout").input
    if not frozen_blocks:
        return Parts(None, whole, keras.Model(whole.input, features, name="embedder"))
    if frozen_blocks > len(network.cuts):
        raise ArchstyleError(
            f"`train.frozen_blocks` is {frozen_blocks}, but the network has "
            f"{len(network.cuts)} blocks that can be frozen."
        )
    middle = whole.get_layer(network.cuts[frozen_blocks - 1]).output
    return Parts(
        keras.Model(whole.input, middle, name="lower"),
        keras.Model(middle, whole.output, name="upper"),
        keras.Model(middle, features, name="embedder"),
    )


def training_inputs(
    parts: Parts, arrays: Arrays, precision: str, seen: Seen, path: Path
) -> NDArray[Any]:
    """Return what the upper part is trained on, [1 + copies, n, ...], the whole photos first.

    Crops are drawn once, in the threads that put them through the frozen layers, and what these
    make of them is kept: in float16, which is exact enough for values between 0 and 6 and their
    sums. Where nothing is frozen the crops themselves are kept. All is kept in the file `path`,
    which an interrupted training may have left. `seen` is called with the number of pictures that
    are done.
    """
    if not path.is_file():
        pictures, photos, size = 1 + arrays.copies, len(arrays.train_labels), arrays.image_size
        shape, through = (size, size, 3), None
        if parts.lower is not None:
            through = Predictor(accelerated(parts.lower, precision)).run
            shape = parts.lower.compute_output_shape((1, *shape))[1:]
        with whole_file(path) as partial:
            dtype: Any = np.float16 if through else np.uint8
            kept = open_memmap(partial, "w+", dtype, (pictures, photos, *shape))
            reserve(partial)

            def work(start: int) -> int:
                some = range(start, min(start + BATCH, photos))
                made = np.concatenate([_pictures(arrays, photo) for photo in some])
                made = through(made) if through else made
                kept[:, some] = made.reshape(len(some), pictures, *shape).swapaxes(0, 1)
                return len(made)

            with ThreadPoolExecutor(threads()) as pool:
                for number in pool.map(work, range(0, photos, BATCH)):
                    seen(number)
            kept.flush()
    inputs: NDArray[Any] = np.load(path, mmap_mode="r")
    return inputs


def _pictures(arrays: Arrays, photo: int) -> NDArray[np.uint8]:
    """Return the whole photo and its crops [1 + copies, size, size, 3]."""
    whole = arrays.train_images[photo : photo + 1]
    numbers = range(1, 1 + arrays.copies)
    return np.concatenate([whole, arrays.draw(photo, numbers)]) if numbers else whole


class Batches:
    """Shuffled batches: epoch e sees one copy of every photo, another one than epoch e - 1.

    `inputs` [1 + copies, n, ...] are photos or what frozen layers made of them, `targets` [n, k].
    `mixup` is the parameter of its beta distribution; 0 mixes nothing. One NumPy gather a batch
    and no Python call a photo. What an epoch holds depends on the seed and its number alone.
    """

    def __init__(self, inputs: NDArray[Any], targets: Any, size: int, seed: int, mixup: float = 0):
        self.inputs, self._targets = inputs, targets
        # A batch is whole: another shape would be another trace of the network.
        self._size = min(size, len(targets))
        self._seed, self._mixup = seed, mixup

    def __len__(self) -> int:
        # Without the partial last batch, whose gradients would be noisier.
        return len(self._targets) // self._size

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, the next of which is gathered meanwhile."""
        photos, copies = len(self._targets), len(self.inputs) - 1
        order = np.random.default_rng([self._seed, epoch]).permutation(photos)
        # Each photo starts at a copy of its own, so that every epoch mixes all of them.
        start = np.arange(photos) + epoch
        copy = 1 + start % copies if copies else np.zeros(photos, np.int64)
        chosen = order[: len(self) * self._size].reshape(len(self), self._size)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self._batch, [epoch, 0], chosen[0], copy)
            for index in range(len(self)):
                batch = ahead.result()
                if index + 1 < len(self):
                    ahead = pool.submit(self._batch, [epoch, index + 1], chosen[index + 1], copy)
                yield batch

    def _batch(
        self, number: list[int], chosen: NDArray[np.int64], copy: NDArray[np.int64]
    ) -> Batch:
        inputs, targets = self.inputs[copy[chosen], chosen], self._targets[chosen]
        if inputs.dtype == np.float16:
            inputs = inputs.astype(np.float32)
        if not self._mixup:
            return inputs, targets
        # Zhang et al. 2018, arXiv:1710.09412: blend each photo with another one of its batch.
        generator = np.random.default_rng([self._seed, *number])
        share = generator.beta(self._mixup, self._mixup, len(chosen)).astype(np.float32)
        share = np.maximum(share, 1 - share)
        other = generator.permutation(len(chosen))
        wide = share.reshape(-1, *[1] * (inputs.ndim - 1))
        blended = inputs * wide + inputs[other] * (1 - wide)
        share = share[:, np.newaxis]
        return blended.astype(inputs.dtype), targets * share + targets[other] * (1 - share)
