"""data/augmented: the photos as the network sees them, in arrays that can be mapped."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from archstyle.common.files import reserve
from archstyle.common.parallel import parallel_map
from archstyle.config.schema import Augment, Model
from archstyle.data.crops import chance, side_needed, variant
from archstyle.data.manifest import Row, digest, used
from archstyle.photos.reader import Preprocessing, open_photo, read_photo
from archstyle.photos.store import Packed, PhotoStore, read_packed


@dataclass(frozen=True)
class Job:
    """One photo, and where it goes: uint8 [1 + copies, size, size, 3], the whole photo first."""

    images: NDArray[np.uint8]
    photo: Packed


def write_arrays(
    directory: Path,
    store: PhotoStore,
    rows: Sequence[Row],
    model: Model,
    augment: Augment,
    seed: int,
) -> tuple[int, int]:
    """Write the arrays and index.json; return how many photos of train and validation.

    `train_images.npy` is uint8 [1 + copies, n, size, size, 3], the whole photos first, of
    `model.image_size`; `validation_images.npy` uint8 [m, size, size, 3] of `model.read_size`, as
    the server reads photos. Labels are int64 places in the styles.
    """
    size = model.image_size
    train, validation = used(rows, "train"), used(rows, "validation")
    styles = sorted({row.style for row in rows if row.split})
    train_shape = (1 + augment.copies, len(train), size, size, 3)
    train_images = open_memmap(directory / "train_images.npy", "w+", np.uint8, train_shape)
    shape = (len(validation), model.read_size, model.read_size, 3)
    validation_images = open_memmap(directory / "validation_images.npy", "w+", np.uint8, shape)
    reserve(directory / "train_images.npy")
    reserve(directory / "validation_images.npy")
    for split, photos in (("train", train), ("validation", validation)):
        labels = np.array([styles.index(row.style) for row in photos], dtype=np.int64)
        np.save(directory / f"{split}_labels.npy", labels)
    jobs = [Job(train_images[:, n], store.find(row.file)) for n, row in enumerate(train)]
    jobs += [
        Job(validation_images[n : n + 1], store.find(row.file)) for n, row in enumerate(validation)
    ]
    work = partial(_write_photo, store.archive, augment, seed)
    for _ in parallel_map(work, jobs, len(jobs), "augment"):
        pass
    index = {
        "styles": styles,
        "train_files": [row.file for row in train],
        "validation_files": [row.file for row in validation],
        "image_size": size,
        "read_size": model.read_size,
        "drawn": store.source.drawn,
        "digest": digest(rows),
    }
    text = json.dumps(index, indent=1, ensure_ascii=False)
    (directory / "index.json").write_text(text + "\n", encoding="utf-8")
    return len(train), len(validation)


def _write_photo(archive: Path, augment: Augment, seed: int, job: Job) -> None:
    data = read_packed(archive, job.photo)
    size = job.images.shape[1]
    preprocessing = Preprocessing(size)
    job.images[0] = read_photo(data, preprocessing)
    if len(job.images) == 1:
        return
    photo = open_photo(data, preprocessing.max_pixels, at_least=side_needed(size, augment))
    for copy in range(1, len(job.images)):
        random = chance(seed, job.photo.sha256, copy)
        job.images[copy] = variant(photo, size, augment, random)
