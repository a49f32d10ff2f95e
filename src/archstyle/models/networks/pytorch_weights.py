"""Reads PyTorch's old file format (before the zip format of 1.6) without PyTorch.

The file is a run of pickles: magic number, protocol version, system info, the state, the keys of
its storages; then each storage as a count and raw numbers. Only the names that such a state needs
are admitted, so that a tampered file cannot run code.
Source: torch/serialization.py, `_legacy_load`.
"""

import collections
import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from archstyle.errors import ArchstyleError

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Storage:
    """A run of numbers, filled after the pickles have been read."""

    def __init__(self, dtype: np.dtype[Any], count: int):
        self.dtype = dtype
        self.count = count
        self.values: NDArray[Any] = np.empty(0, dtype)


class _Tensor:
    def __init__(self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: Any):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> NDArray[Any]:
        values = self.storage.values[self.offset :]
        reach = sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if self.offset < 0 or min(self.strides, default=0) < 0 or reach >= values.size:
            raise pickle.UnpicklingError("a tensor reaches beyond its numbers")
        steps = tuple(step * values.itemsize for step in self.strides)
        return np.lib.stride_tricks.as_strided(values, self.shape, steps, writeable=False).copy()


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: Any, *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes]):
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not admitted")

    def persistent_load(self, identifier: Any) -> _Storage:
        kind, dtype, key, _location, count, view = identifier
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError("an unknown kind of storage")
        return self.storages.setdefault(key, _Storage(dtype, count))


def read_state(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a state dictionary by name.

    Raises ArchstyleError where the file is something else, damaged, or names anything unknown.
    """
    try:
        with path.open("rb") as file:
            if _load(file) != _MAGIC:
                raise pickle.UnpicklingError("the magic number is another one")
            _load(file)  # protocol version
            if not _load(file)["little_endian"]:
                raise pickle.UnpicklingError("its numbers are big-endian")
            unpickler = _Unpickler(file)
            state = unpickler.load()
            for key in _load(file):
                _fill(unpickler.storages[key], file)
        return {name: tensor.array() for name, tensor in state.items()}
    except FileNotFoundError:
        raise ArchstyleError(f"There are no weights at {path}: run `make setup` again.") from None
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        raise ArchstyleError(
            f"{path.name} is not the weights file that it should be ({error}): "
            "install its package again."
        ) from error


def _load(file: IO[bytes]) -> Any:
    return _Unpickler(file).load()


def _fill(storage: _Storage, file: IO[bytes]) -> None:
    count = int.from_bytes(file.read(8), "little", signed=True)
    content = file.read(count * storage.dtype.itemsize)
    if count != storage.count or len(content) != count * storage.dtype.itemsize:
        raise EOFError("it ends too early")
    storage.values = np.frombuffer(content, storage.dtype)
