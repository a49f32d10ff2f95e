"""Splits a classifier into what stays as it is, computed once a photo, and what is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from archstyle.common.files import reserve, whole_file
from archstyle.errors import ArchstyleError
from archstyle.models.acceleration import accelerated
from archstyle.models.arrays import Arrays
from archstyle.models.networks import Network
from archstyle.models.predict import Predictor, Seen

FROZEN = "frozen.npy"


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


def kept_inputs(
    parts: Parts,
    arrays: Arrays,
    precision: str,
    seen: Seen,
    validated: Seen,
    directory: Path | None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what the upper part is trained on [1 + copies, n, ...], and validated on [m, ...].

    What frozen layers make of a photo never changes, so it is computed once and kept, in float16,
    which is exact enough for values between 0 and 6 and their sums: in a file in `directory`, of
    which memory holds what is in use, or else in memory. What is trained on may be computed in
    bfloat16, what is validated on never is. `seen` and `validated` are called with the number of
    photos that are done, of training and of validation.
    """
    if parts.lower is None:
        return arrays.train_images, arrays.validation_images
    lower = Predictor(accelerated(parts.lower, precision))
    copies, photos = arrays.train_images.shape[:2]
    flat = arrays.train_images.reshape(copies * photos, *arrays.train_images.shape[2:])
    shape = (len(flat), *parts.lower.compute_output_shape((1, *flat.shape[1:]))[1:])

    def fill(outputs: NDArray[Any]) -> None:
        lower(flat, seen, outputs)

    if directory is None:
        kept = np.empty(shape, np.float16)
        fill(kept)
    else:
        kept = _mapped(directory / FROZEN, shape, fill)
    validation = Predictor(parts.lower)(arrays.validation_images, validated)
    return kept.reshape(copies, photos, *shape[1:]), validation


def _mapped(
    path: Path, shape: tuple[int, ...], fill: Callable[[NDArray[Any]], None]
) -> NDArray[Any]:
    """Map the file, which an interrupted training may have left; else make it."""
    if not path.is_file():
        with whole_file(path) as partial:
            made = open_memmap(partial, "w+", np.float16, shape)
            reserve(partial)
            fill(made)
            made.flush()
    kept: NDArray[Any] = np.load(path, mmap_mode="r")
    return kept
