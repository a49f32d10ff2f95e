"""Ends a process of the server with its parent, whatever ended that."""

import os
import signal
import stat
import threading
import time

STOP_SECONDS = 15.0


def end_with_parent() -> None:
    """End this process once nobody holds the other end of the pipe that is its standard input.

    The parent holds it and never writes: even killed, it lets go. Any other standard input (a
    terminal, /dev/null) is left alone.
    """
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_wait_for_the_end, daemon=True).start()


def _wait_for_the_end() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
