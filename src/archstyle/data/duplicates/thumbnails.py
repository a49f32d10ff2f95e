"""Small grey pictures on disk, so that memory does not grow with the collection."""

import os
import tempfile
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from archstyle.data.duplicates.hash import GREY_SIDE

SIZE = GREY_SIDE * GREY_SIDE


class Greys:
    """Pictures of GREY_SIDE x GREY_SIDE pixels, read by their numbers; gone at the end."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._count = 0

    def append(self, grey: bytes) -> None:
        """Add a picture; without bytes, an empty one."""
        self._file.write(grey or bytes(SIZE))
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return pictures: uint8 [m, GREY_SIDE, GREY_SIDE]."""
        self._file.flush()
        parts = [os.pread(self._file.fileno(), SIZE, number * SIZE) for number in numbers.tolist()]
        return np.frombuffer(b"".join(parts), np.uint8).reshape(-1, GREY_SIDE, GREY_SIDE)

    def __enter__(self) -> "Greys":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
