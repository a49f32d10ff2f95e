"""Training: the only part that imports TensorFlow."""

import os

# Before TensorFlow's import: its notes on the processor are of no use to a person.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from archstyle.training.arrays import Arrays, read_arrays
from archstyle.training.history import write_history
from archstyle.training.train import train_bundle

__all__ = ["Arrays", "read_arrays", "train_bundle", "write_history"]
