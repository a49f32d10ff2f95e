"""What an epoch shows the network, in which order."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Batch = tuple[NDArray[Any], NDArray[np.float32]]


class Batches:
    """Shuffled batches: epoch e sees one copy of every photo, another one than epoch e - 1.

    `inputs` [1 + copies, n, ...] are photos or what frozen layers made of them, `targets` [n, k].
    `mixup` is the parameter of its beta distribution; 0 mixes nothing. One NumPy gather a batch
    and no Python call a photo. What an epoch holds depends on the seed and its number alone.
    """

    def __init__(
        self,
        inputs: NDArray[Any],
        targets: NDArray[np.float32],
        batch_size: int,
        seed: int,
        mixup: float = 0.0,
    ):
        self.inputs = inputs
        self._targets = targets
        # A batch is whole: another shape would be another trace of the network.
        self.batch_size = min(batch_size, len(targets))
        self._seed = seed
        self._mixup = mixup

    def __len__(self) -> int:
        # Without the partial last batch, whose gradients would be noisier.
        return len(self._targets) // self.batch_size

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, the next of which is gathered meanwhile."""
        order, copy = self._plan(epoch)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self._batch, epoch, 0, order, copy)
            for index in range(len(self)):
                batch = ahead.result()
                if index + 1 < len(self):
                    ahead = pool.submit(self._batch, epoch, index + 1, order, copy)
                yield batch

    def _plan(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the order of the photos [n], and which copy of each is shown [n]."""
        photos, copies = len(self._targets), len(self.inputs) - 1
        order = np.random.default_rng([self._seed, epoch]).permutation(photos)
        # Each photo starts at a copy of its own, so that every epoch mixes all of them.
        start = np.arange(photos) + epoch
        return order, 1 + start % copies if copies else np.zeros(photos, np.int64)

    def _batch(
        self, epoch: int, index: int, order: NDArray[np.int64], copy: NDArray[np.int64]
    ) -> Batch:
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs, targets = self.inputs[copy[chosen], chosen], self._targets[chosen]
        if inputs.dtype == np.float16:
            inputs = inputs.astype(np.float32)
        if not self._mixup:
            return inputs, targets
        # Zhang et al. 2018, arXiv:1710.09412: blend each photo with another one of its batch.
        generator = np.random.default_rng([self._seed, epoch, index])
        share = generator.beta(self._mixup, self._mixup, len(chosen)).astype(np.float32)
        share = np.maximum(share, 1 - share)
        other = generator.permutation(len(chosen))
        wide = share.reshape(-1, *[1] * (inputs.ndim - 1))
        blended = inputs * wide + inputs[other] * (1 - wide)
        share = share[:, np.newaxis]
        return blended.astype(inputs.dtype), targets * share + targets[other] * (1 - share)
