"""Trains a small bundle on drawn facades, in a process of its own so that tests import no Keras.

python -m tests.make_tiny_bundle FOLDER
"""

import sys
from pathlib import Path

import numpy as np

from archstyle.config import Model, Thresholds, Train
from archstyle.data.arrays import Arrays, held
from archstyle.models import train_bundle
from archstyle.models.checkpoint import Checkpoint
from archstyle.photos.reader import to_array
from facades import STYLES, draw_facade

SIZE = 128


def arrays(train: int, validation: int) -> Arrays:
    def photos(first: int, count: int) -> np.ndarray:
        numbers = range(first, first + count)
        return np.stack(
            [to_array(draw_facade(s, n, 160, 160), SIZE) for s in STYLES for n in numbers]
        )

    return Arrays(
        train_images=photos(1000, train),
        train_labels=np.repeat(np.arange(len(STYLES)), train),
        validation_images=photos(5000, validation),
        validation_labels=np.repeat(np.arange(len(STYLES)), validation),
        styles=STYLES,
        drawn=True,
        copies=0,
        draw=held(np.empty((0, 0, SIZE, SIZE, 3), np.uint8)),
    )


RECIPE = Train(
    head_epochs=60,
    head_learning_rate=0.01,
    epochs=0,
    batch_size=16,
    learning_rate=0.0,
    weight_decay=0.0,
    label_smoothing=0.0,
    mixup=0.0,
    frozen_blocks=0,
    schedule="cosine",
    average=0.0,
)


def main(directory: Path) -> None:
    variants, work = directory.with_name("variants"), directory.with_name("work")
    for folder in (directory, variants, work):
        folder.mkdir(parents=True)
    train_bundle(
        directory,
        arrays(40, 8),
        Model("efficientnet_lite0", SIZE, SIZE, 0.1),
        RECIPE,
        variants=variants,
        seed=7,
        thresholds=Thresholds(target_accuracy=0.9, refused_share=0.02),
        summary={
            "source": {"kind": "facades", "location": "drawn facades", "drawn": True},
            "digest": "0" * 64,
            "counts": {style: {"train": 40, "validation": 8, "test": 0} for style in STYLES},
        },
        config={},
        on_epoch=lambda row: None,
        checkpoint=Checkpoint(work),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
