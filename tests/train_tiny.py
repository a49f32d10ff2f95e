"""Trains tiny bundles on drawn facades, in a process of its own that can be made to die.

python -m tests.train_tiny FOLDER cnn efficientnet_lite0:dies-at-2 efficientnet_lite0
"""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from archstyle.config import Model, Thresholds, Train
from archstyle.data.arrays import Arrays, held
from archstyle.models import open_checkpoint, train_bundle, write_history
from archstyle.models.learner import Batch, Batches
from archstyle.photos.reader import to_array
from facades import STYLES, draw_facade

SIZES = {"cnn": 64, "efficientnet_lite0": 64}
FROZEN = {"cnn": 0, "efficientnet_lite0": 11}


def arrays(size: int) -> Arrays:
    def photos(first: int, count: int) -> np.ndarray:
        return np.stack(
            [
                to_array(draw_facade(style, number, 80, 80), size)
                for style in STYLES
                for number in range(first, first + count)
            ]
        )

    whole = photos(1000, 6)
    return Arrays(
        train_images=whole,
        train_labels=np.repeat(np.arange(len(STYLES)), 6),
        validation_images=photos(5000, 2),
        validation_labels=np.repeat(np.arange(len(STYLES)), 2),
        styles=STYLES,
        drawn=True,
        copies=1,
        draw=held(whole[np.newaxis, :, :, ::-1]),
    )


def recipe(name: str) -> Train:
    return Train(
        head_epochs=2,
        head_learning_rate=0.01,
        epochs=3,
        batch_size=8,
        learning_rate=0.001,
        weight_decay=0.0001,
        label_smoothing=0.1,
        mixup=0.2,
        frozen_blocks=FROZEN[name],
        schedule="cosine",
        average=0.9,
        precision="auto",
    )


def die_in(epoch: int) -> None:
    """Kill this process at the second batch of an epoch of the network, as kill -9 does."""
    whole = Batches.epoch

    def dying(self: Batches, number: int) -> Iterator[Batch]:
        for index, batch in enumerate(whole(self, number)):
            if self.inputs.ndim == 5 and (number, index) == (epoch - 1, 1):
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    Batches.epoch = dying  # type: ignore[method-assign, assignment]


def main(folder: Path, *tasks: str) -> None:
    for task in tasks:
        name, _, end = task.partition(":dies-at-")
        if end:
            die_in(int(end))
        model, train, size = Model(name, SIZES[name], SIZES[name], 0.3), recipe(name), SIZES[name]
        directory = folder / name / f"{len(list((folder / name).glob('*')))}"
        directory.mkdir(parents=True)
        what = {"model": asdict(model), "train": asdict(train)}
        with open_checkpoint(folder / "training", **what) as checkpoint:
            resumed = checkpoint.load() is not None
            for part in ("bundle", "variants"):
                (directory / part).mkdir()
            fitted, bundle = train_bundle(
                directory / "bundle",
                arrays(size),
                model,
                train,
                seed=7,
                variants=directory / "variants",
                thresholds=Thresholds(target_accuracy=0.9, refused_share=0.1),
                summary={"source": {"drawn": True}, "digest": "0" * 64, "counts": {}},
                config={},
                on_epoch=lambda row: None,
                checkpoint=checkpoint,
            )
        write_history(directory / "history.csv", fitted.history)
        print(name, "resumed" if resumed else "whole", bundle.digest, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
