"""Training: the only part that imports TensorFlow."""

import archstyle.models._quiet  # noqa: F401
from archstyle.models.arrays import Arrays, read_arrays
from archstyle.models.checkpoint import identity, open_checkpoint
from archstyle.models.history import write_history
from archstyle.models.train import train_bundle

__all__ = [
    "Arrays",
    "identity",
    "open_checkpoint",
    "read_arrays",
    "train_bundle",
    "write_history",
]
