"""`python -m serving`: gunicorn and the follower, started and ended together.

Each child's standard input is a pipe whose other end this process holds and never writes to: even
killed, it lets go, and so they end.
"""

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from tempfile import TemporaryDirectory

from archstyle.common.console import run, say
from archstyle.errors import ArchstyleError
from serving.settings import Settings, variable

GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:serving.gunicorn"]
FOLLOWER = [sys.executable, "-m", "serving.follower"]
FOLLOWER_PAUSE, STOP_SECONDS = 5.0, 15.0


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal or until the terminal closes; a follower that ends is started again.

    Raises ArchstyleError for what cannot be served, and when gunicorn ends by itself.
    """
    if arguments:
        say(usage())
        if arguments[0] not in ("-h", "--help"):
            raise ArchstyleError("The server takes no arguments, only the variables above.")
        return
    check_port(Settings.from_environment())
    if os.environ.get("MLFLOW_TRACKING_URI"):  # unset it is always good
        from archstyle.tracking.store import tracking_uri

        tracking_uri()
    if os.environ.pop("GUNICORN_CMD_ARGS", None):
        say("GUNICORN_CMD_ARGS is left aside: the server's settings are the ARCHSTYLE_ variables.")
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup has it ignored
            signal.signal(number, lambda number, _: stopping.append(number))
    counts = TemporaryDirectory(prefix="archstyle-")  # that the workers share
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts.name
    # The follower may be quicker than the workers, and a worker may come an hour later.
    os.environ["SERVER_STARTED"] = str(time.time())
    lifeline, held = os.pipe()
    server, follower = start(GUNICORN, lifeline), start(FOLLOWER, lifeline)
    restart_at: float | None = None
    try:
        while not stopping and server.poll() is None:
            time.sleep(0.1)
            if follower.poll() is not None:
                restart_at = restart_at or time.monotonic() + FOLLOWER_PAUSE
                if time.monotonic() >= restart_at:
                    follower, restart_at = start(FOLLOWER, lifeline), None
    finally:
        end([server, follower])
        os.close(held)
        counts.cleanup()
    if not stopping:
        raise ArchstyleError("gunicorn ended by itself; what it said is above.")


def start(command: Sequence[str], lifeline: int) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own: the signals of a terminal come here alone.

    gunicorn would take the SIGHUP of a terminal that closes for a wish to load its settings again.
    """
    return subprocess.Popen(command, stdin=lifeline, start_new_session=True)


def end_with_parent() -> None:
    """End this process, a child, once its standard input ends.

    Any other standard input than a pipe (a terminal, /dev/null) is left alone.
    """

    def wait() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=wait, daemon=True).start()


def end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Ask all to stop, wait, and stop by force what has not, with what it has started."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def check_port(settings: Settings) -> None:
    """Raise ArchstyleError where the port is taken, before gunicorn tries for five seconds."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        advice = "set ARCHSTYLE_HOST to an address of this machine, or PORT to another"
        if error.errno == errno.EADDRINUSE:
            advice = f"stop what listens there or choose another, PORT={settings.port + 1}"
        raise ArchstyleError(
            f"Port {settings.port} at {settings.host} cannot be used ({error.strerror}): {advice}."
        ) from error


def usage() -> str:
    """Return the settings as a table."""
    lines = ["python -m serving: the page and the API. Settings, as environment variables:"]
    lines += [
        f"  {variable(f.name):24} {f.metadata['help']} [{f.default}]" for f in fields(Settings)
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
