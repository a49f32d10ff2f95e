"""Makes training and running a model faster without changing what comes out."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from archstyle.common.console import progress
from archstyle.common.parallel import cores

# What stands on the network: cheap, and its outputs are small differences.
HEAD = ("embedding", "dropout", "head")

# Small batches stay in the processor's cache, and one a core at a time leaves none waiting.
BATCH = 8

# oneDNN computes the gradient of a depthwise kernel by its depthwise code up to this width; a wider
# one goes through code for dense groups of 16 channels, at a fifth of the speed.
KERNEL_WIDTH = 3


class Depthwise(layers.DepthwiseConv2D):  # type: ignore[misc]
    """A depthwise convolution with the same weights and results, whose gradient is faster.

    For odd kernels, padding "same" and equal strides.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Convolve [n, h, w, c]."""
        outputs = _depthwise(inputs, tf.convert_to_tensor(self.kernel), self.strides[0])
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return self.activation(outputs) if self.activation else outputs


def _depthwise(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Convolve x [n, h, w, c] with kernel [kh, kw, c, 1]."""
    strides = (1, stride, stride, 1)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return _input_gradient(x, kernel, dy, strides), _kernel_gradient(x, kernel, dy, strides)

        return tf.nn.depthwise_conv2d(x, kernel, strides, "SAME"), gradient

    return convolve(x, kernel)


def _input_gradient(
    x: tf.Tensor, kernel: tf.Tensor, dy: tf.Tensor, strides: tuple[int, ...]
) -> tf.Tensor:
    if strides[1] == 1:
        # The forward code, which is the fastest, with the kernel turned by half a turn.
        return tf.nn.depthwise_conv2d(dy, kernel[::-1, ::-1], strides, "SAME")
    # With a stride it has fast code for float32 only.
    wide = (tf.cast(values, tf.float32) for values in (kernel, dy))
    given = tf.nn.depthwise_conv2d_backprop_input(tf.shape(x), *wide, strides, "SAME")
    return tf.cast(given, x.dtype)


def _kernel_gradient(
    x: tf.Tensor, kernel: tf.Tensor, dy: tf.Tensor, strides: tuple[int, ...]
) -> tf.Tensor:
    """Give the gradient in strips of KERNEL_WIDTH columns of the kernel."""
    height, width, channels, _ = kernel.shape
    if width <= KERNEL_WIDTH:
        return tf.nn.depthwise_conv2d_backprop_filter(x, kernel.shape, dy, strides, "SAME")
    reach = [(size - 1) * strides[1] for size in dy.shape[1:3]]
    added = [max(reach[i] + kernel.shape[i] - x.shape[1 + i], 0) for i in (0, 1)]
    x = tf.pad(x, [[0, 0], *([total // 2, total - total // 2] for total in added), [0, 0]])
    strips = []
    for start in range(0, width, KERNEL_WIDTH):
        columns = min(KERNEL_WIDTH, width - start)
        seen = x[:, :, start : start + reach[1] + columns]
        shape = (height, columns, channels, 1)
        strips.append(tf.nn.depthwise_conv2d_backprop_filter(seen, shape, dy, strides, "VALID"))
    return tf.concat(strips, axis=1)


def accelerated(model: keras.Model, precision: str) -> keras.Model:
    """Return a copy of a model to train or run in its place: same weights, same outputs, faster.

    In "bfloat16" the layers of the network compute with 8 bits of mantissa, in half the memory
    and with twice the multiplications a second, while the weights, the head and the gradients
    that reach them stay float32 (Kalamkar et al. 2019, arXiv:1905.12322).
    """

    def copy(layer: Any) -> Any:
        config = layer.get_config()
        if not isinstance(layer, layers.Layer):  # an operation such as x / 127.5
            return type(layer).from_config(config)
        if precision == "bfloat16" and layer.name not in HEAD:
            config["dtype"] = "mixed_bfloat16"
        faster = not graphics() and _plain(layer)  # around oneDNN, which a GPU does without
        return (Depthwise if faster else type(layer)).from_config(config)

    made = keras.models.clone_model(model, clone_function=copy)
    made.set_weights(model.get_weights())
    return made


def _plain(layer: layers.Layer) -> bool:
    if type(layer) is not layers.DepthwiseConv2D or layer.padding != "same":
        return False
    odd = all(side % 2 for side in layer.kernel_size) and layer.strides[0] == layer.strides[1]
    return odd and layer.depth_multiplier == 1 and layer.dilation_rate == (1, 1)


def graphics() -> list[dict[str, Any]]:
    """Return what TensorFlow tells of each GPU that it can use; empty on a CPU."""
    found = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(one) for one in found]


def device(precision: str) -> str:
    """Return what a network is trained on, for people, and its precision."""
    names = [str(one.get("device_name", "GPU")) for one in graphics()]
    return f"{', '.join(names) or f'CPU, {cores()} cores'}, {computed_in(precision)}"


def computed_in(precision: str) -> str:
    """Return float32 or bfloat16 for `train.precision`, where auto asks the GPU or processor."""
    if precision != "auto":
        return precision
    if cards := graphics():  # since Ampere
        fast = all(one.get("compute_capability", (0, 0)) >= (8, 0) for one in cards)
        return "bfloat16" if fast else "float32"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "float32"
    return "bfloat16" if re.search(r"\b(avx512_bf16|amx_bf16)\b", flags) else "float32"


def threads() -> int:
    """Return how many batches are to be computed at a time."""
    return tf.config.threading.get_inter_op_parallelism_threads() or cores()


class Predictor:
    """Runs a model over arrays, on every core at once."""

    def __init__(self, model: keras.Model):
        self._model = model
        self._free: dict[Any, SimpleQueue[Any]] = {}  # functions, by what a batch looks like
        self._tracing = Lock()

    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, ...] for `inputs` [n, ...]."""
        batches = (inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH))
        with ThreadPoolExecutor(threads()) as pool:
            made = pool.map(self.run, batches)
            return np.concatenate([*progress(made, "network", -(-len(inputs) // BATCH))])

    def run(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, ...] for `inputs` [n, ...], computed in the calling thread."""
        # Half precision is for keeping only: the processor computes in float32.
        dtype = np.float32 if inputs.dtype == np.float16 else inputs.dtype
        free = self._functions(tf.TensorSpec((BATCH, *inputs.shape[1:]), dtype))
        function = free.get()
        try:
            made = []
            for start in range(0, len(inputs), BATCH):
                batch = inputs[start : start + BATCH]
                # No partial last batch: another shape would be another trace of the network.
                padding = np.repeat(batch[-1:], BATCH - len(batch), axis=0)
                whole = np.concatenate([batch, padding]).astype(dtype, copy=False)
                made.append(function(tf.constant(whole))[: len(batch)])
            return np.concatenate(made)
        finally:
            free.put(function)

    def _functions(self, spec: tf.TensorSpec) -> SimpleQueue[Any]:
        with self._tracing:
            if spec not in self._free:
                self._free[spec] = SimpleQueue()
                # One for each thread: oneDNN's kernels crash, rarely, where two share one.
                for _ in range(threads()):
                    self._free[spec].put(self._traced(spec))
            return self._free[spec]

    def _traced(self, spec: tf.TensorSpec) -> Any:
        # Called by its shape: TensorFlow warns of a function that is made anew for every model.
        return tf.function(
            lambda batch: tf.cast(self._model(batch, training=False), tf.float32), autograph=False
        ).get_concrete_function(spec)
