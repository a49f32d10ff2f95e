"""Training: the only part that imports TensorFlow."""

import os

# Before TensorFlow's import: its notes on absent GPUs are of no use; what fails raises anyway.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from archstyle.training.arrays import Arrays, read_arrays
from archstyle.training.history import write_history
from archstyle.training.train import train_bundle

__all__ = ["Arrays", "read_arrays", "train_bundle", "write_history"]
