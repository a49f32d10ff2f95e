"""Lets LiteRT and its converter work without the lines that they print for each graph."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NOISE = (b"INFO: Created TensorFlow Lite XNNPACK delegate", b"fully_quantize:")

_one_at_a_time = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep these lines from stderr; what anyone else writes meanwhile comes after the block.

    There is no setting for them, and they are written to the file descriptor itself.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            held.seek(0)
            rest = b"".join(line for line in held if not line.startswith(NOISE))
            if rest:
                os.write(stderr, rest)
            os.close(stderr)
