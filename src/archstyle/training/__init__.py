"""Training: the only part that imports TensorFlow."""

import archstyle.training._quiet  # noqa: F401
from archstyle.training.arrays import Arrays, read_arrays
from archstyle.training.checkpoint import identity, open_checkpoint
from archstyle.training.history import write_history
from archstyle.training.train import train_bundle

__all__ = [
    "Arrays",
    "identity",
    "open_checkpoint",
    "read_arrays",
    "train_bundle",
    "write_history",
]
