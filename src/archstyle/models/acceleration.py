"""Makes training and running a model faster without changing what comes out."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from archstyle.common.parallel import cores
from archstyle.errors import ArchstyleError

PRECISIONS = ("auto", "float32", "bfloat16")
# What stands on the network: cheap, and its outputs are small differences.
HEAD = ("embedding", "dropout", "head")

# Small batches stay in the processor's cache, and one a core at a time leaves none waiting.
BATCH = 8
Seen = Callable[[int], object]

# oneDNN computes the gradient of a depthwise kernel by its depthwise code up to this width; a wider
# one goes through code for dense groups of 16 channels, at a fifth of the speed.
KERNEL_WIDTH = 3


class Depthwise(layers.DepthwiseConv2D):  # type: ignore[misc]
    """A depthwise convolution with the same weights and results, whose gradient is faster."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Convolve [n, h, w, c]."""
        kernel = tf.convert_to_tensor(self.kernel)
        outputs = depthwise(inputs, kernel, self.strides[0], self.padding.upper())
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return self.activation(outputs) if self.activation else outputs


def depthwise(x: tf.Tensor, kernel: tf.Tensor, stride: int, padding: str) -> tf.Tensor:
    """Convolve x [n, h, w, c] with kernel [kh, kw, c, 1]; `padding` is SAME or VALID."""
    strides = (1, stride, stride, 1)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def convolve(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return (
                _input_gradient(x, kernel, dy, stride, padding),
                _kernel_gradient(x, kernel, dy, stride, padding),
            )

        return tf.nn.depthwise_conv2d(x, kernel, strides, padding), gradient

    return convolve(x, kernel)


def _input_gradient(
    x: tf.Tensor, kernel: tf.Tensor, dy: tf.Tensor, stride: int, padding: str
) -> tf.Tensor:
    height, width = kernel.shape[:2]
    if stride == 1 and padding == "SAME" and height % 2 and width % 2:
        # The forward code, which is the fastest, with the kernel turned by half a turn.
        return tf.nn.depthwise_conv2d(dy, kernel[::-1, ::-1], (1, 1, 1, 1), "SAME")
    # With a stride it has fast code for float32 only.
    wide = tf.nn.depthwise_conv2d_backprop_input(
        tf.shape(x),
        tf.cast(kernel, tf.float32),
        tf.cast(dy, tf.float32),
        (1, stride, stride, 1),
        padding,
    )
    return tf.cast(wide, x.dtype)


def _kernel_gradient(
    x: tf.Tensor, kernel: tf.Tensor, dy: tf.Tensor, stride: int, padding: str
) -> tf.Tensor:
    """Give the gradient in strips of KERNEL_WIDTH columns of the kernel."""
    height, width, channels, _ = kernel.shape
    strides = (1, stride, stride, 1)
    if width <= KERNEL_WIDTH:
        return tf.nn.depthwise_conv2d_backprop_filter(x, kernel.shape, dy, strides, padding)
    if padding == "SAME":
        x = tf.pad(x, [[0, 0], *(_same(x, dy, kernel, axis, stride) for axis in (1, 2)), [0, 0]])
    reach = (dy.shape[2] - 1) * stride
    strips = []
    for start in range(0, width, KERNEL_WIDTH):
        columns = min(KERNEL_WIDTH, width - start)
        seen = x[:, :, start : start + reach + columns]
        shape = (height, columns, channels, 1)
        strips.append(tf.nn.depthwise_conv2d_backprop_filter(seen, shape, dy, strides, "VALID"))
    return tf.concat(strips, axis=1)


def _same(x: tf.Tensor, dy: tf.Tensor, kernel: tf.Tensor, axis: int, stride: int) -> Sequence[int]:
    """Return what SAME pads before and after, along an axis of height or width."""
    total = max((dy.shape[axis] - 1) * stride + kernel.shape[axis - 1] - x.shape[axis], 0)
    return total // 2, total - total // 2


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
        plain = type(layer) is layers.DepthwiseConv2D and layer.depth_multiplier == 1
        plain = plain and layer.dilation_rate == (1, 1) and layer.strides[0] == layer.strides[1]
        return (Depthwise if plain else type(layer)).from_config(config)

    made = keras.models.clone_model(model, clone_function=copy)
    made.set_weights(model.get_weights())
    return made


def computed_in(precision: str) -> str:
    """Return float32 or bfloat16 for `train.precision`, where auto asks the processor."""
    if precision not in PRECISIONS:
        raise ArchstyleError(
            f"`train.precision` is {precision!r}; it can be {', '.join(PRECISIONS)}."
        )
    if precision != "auto":
        return precision
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

    def __call__(self, inputs: NDArray[Any], seen: Seen = lambda photos: None) -> NDArray[Any]:
        """Return float32 [n, ...] for `inputs` [n, ...].

        `seen` is called with the number of photos of each batch that is done.
        """
        self.prepare(inputs.shape[1:], inputs.dtype)
        made = self._model.compute_output_shape((BATCH, *inputs.shape[1:]))[1:]
        outputs = np.empty((len(inputs), *made), np.float32)

        def work(start: int) -> int:
            batch = inputs[start : start + BATCH]
            outputs[start : start + len(batch)] = self.run(batch)
            return len(batch)

        with ThreadPoolExecutor(threads()) as pool:
            for photos in pool.map(work, range(0, len(inputs), BATCH)):
                seen(photos)
        return outputs

    def prepare(self, shape: tuple[int, ...], dtype: Any) -> None:
        """Make ready for `run` on inputs [n, *shape]."""
        spec = self._spec(shape, dtype)
        if spec not in self._free:
            self._free[spec] = SimpleQueue()
            # One for each thread: oneDNN's kernels crash, rarely, where two share one.
            for _ in range(threads()):
                self._free[spec].put(self._traced(spec))

    def run(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 [n, ...] for `inputs` [n, ...], computed in the calling thread."""
        spec = self._spec(inputs.shape[1:], inputs.dtype)
        dtype = spec.dtype.as_numpy_dtype
        function = self._free[spec].get()
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
            self._free[spec].put(function)

    def _spec(self, shape: tuple[int, ...], dtype: Any) -> tf.TensorSpec:
        # Half precision is for keeping only: the processor computes in float32.
        return tf.TensorSpec((BATCH, *shape), np.float32 if dtype == np.float16 else dtype)

    def _traced(self, spec: tf.TensorSpec) -> Any:
        # Called by its shape: TensorFlow warns of a function that is made anew for every model.
        return tf.function(
            lambda batch: tf.cast(self._model(batch, training=False), tf.float32), autograph=False
        ).get_concrete_function(spec)
