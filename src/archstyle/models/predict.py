"""Runs a model over many photos."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from archstyle.common.parallel import cores
from archstyle.models.arrays import release

# Small batches stay in the processor's cache, and one a core at a time leaves none waiting.
BATCH = 8
Seen = Callable[[int], None]


class Predictor:
    """Runs a model over arrays of one shape, on every core at once."""

    def __init__(self, model: keras.Model):
        self._model = model
        self._functions: dict[Any, list[Any]] = {}  # by the shape and type of a batch

    def __call__(
        self,
        inputs: NDArray[Any],
        seen: Seen = lambda photos: None,
        outputs: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Return float32 [n, ...] for `inputs` [n, ...], or fill `outputs`.

        `seen` is called with the number of photos of each batch that is done.
        """
        # Half precision is for keeping only: the processor computes in float32.
        given_as = np.float32 if inputs.dtype == np.float16 else inputs.dtype
        spec = tf.TensorSpec((BATCH, *inputs.shape[1:]), given_as)
        threads = tf.config.threading.get_inter_op_parallelism_threads() or cores()
        if spec not in self._functions:
            self._functions[spec] = [self._traced(spec) for _ in range(threads)]
        functions = self._functions[spec]
        free: SimpleQueue[Any] = SimpleQueue()
        for function in functions:
            free.put(function)
        if outputs is None:
            made = functions[0].structured_outputs.shape[1:]
            outputs = np.empty((len(inputs), *made), np.float32)

        def work(start: int) -> int:
            batch = inputs[start : start + BATCH]
            # No partial last batch: another shape would be another trace of the network.
            padding = np.repeat(batch[-1:], BATCH - len(batch), axis=0)
            whole = np.concatenate([batch, padding]).astype(given_as, copy=False)
            function = free.get()
            try:
                outputs[start : start + len(batch)] = function(tf.constant(whole))[: len(batch)]
            finally:
                free.put(function)
            return len(batch)

        with ThreadPoolExecutor(len(functions)) as pool:
            for photos in pool.map(work, range(0, len(inputs), BATCH)):
                release(inputs)
                seen(photos)
        return outputs

    def _traced(self, spec: tf.TensorSpec) -> Any:
        """Return a function for one thread: oneDNN's kernels crash, rarely, where two share one."""
        # Called by its shape: TensorFlow warns of a function that is made anew for every model.
        return tf.function(
            lambda batch: tf.cast(self._model(batch, training=False), tf.float32), autograph=False
        ).get_concrete_function(spec)
