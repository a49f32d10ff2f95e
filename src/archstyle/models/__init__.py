"""Training: the only part that imports TensorFlow."""

import os

from archstyle.bundle.graph import quiet

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Its notes on processors and absent GPUs, some of which come before any log level counts.
with quiet((b"",)):
    import tensorflow  # noqa: F401

    from archstyle.models.acceleration import device
    from archstyle.models.checkpoint import identity, open_checkpoint
    from archstyle.models.fit import validate, write_history
    from archstyle.models.train import train_bundle

__all__ = ["device", "identity", "open_checkpoint", "train_bundle", "validate", "write_history"]
