"""How gunicorn runs the app: `gunicorn -c serving/gunicorn.py`; `python -m serving` does it."""

import math
import select
import socket
import sys
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]
from prometheus_client.multiprocess import mark_process_dead

from archstyle.common.console import say
from archstyle.errors import ArchstyleError

# Imported before the fork, so that it is paid for once; only the model must come after it.
from serving import app  # noqa: F401
from serving.__main__ import end_with_parent
from serving.feedback import store_of
from serving.settings import Settings
from serving.styles import texts
from serving.uploads import UPLOADS

# How long a client may pause, and take for the head and for the body of a request.
PAUSE_SECONDS, HEAD_SECONDS, BODY_SECONDS = 10.0, 10.0, 120.0
# The same for what it still sends after its answer.
LINGER_PAUSE_SECONDS, LINGER_SECONDS = 0.5, 5.0
AGAIN_MILLISECONDS = 4.0
PIECE = 1 << 16  # bytes of a body that are read at once; gunicorn joins 1 kB to 1 kB

_settings = Settings.from_environment()

wsgi_app = "serving.app:create_app()"
bind = _settings.address()
workers = _settings.workers
worker_class = "serving.gunicorn.BoundedWorker"
# Far more than there are cores and than may receive a photo: most wait for a slow client, and some
# must be left to tell how the server is. They are started when they are needed.
threads = 4 * UPLOADS
# Every worker builds its app and loads its model after the fork: a forked interpreter hangs.
preload_app = False
timeout = 60
graceful_timeout = 10
keepalive = 15
loglevel = "warning"
accesslog = "-" if _settings.access_log else None
# The route, not the address: who asks, and what they call their photo, is nobody's business.
access_log_format = (
    '{"time":"%(t)s","method":"%(m)s","route":"%({archstyle.route}e)s","status":%(s)s,'
    '"bytes":%(B)s,"seconds":%(L)s}'
)
control_socket_disable = True
limit_request_fields = 64


class BoundedSocket(socket.socket):
    """A socket to a client that is waited for in bounds: what comes too late counts as the end."""

    deadline, pause = math.inf, PAUSE_SECONDS
    late = False  # whether something was not waited for

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what came, or nothing after too long a pause or past the deadline."""
        left = min(self.pause, self.deadline - time.monotonic())
        if left > 0:
            self.settimeout(left)
            with suppress(TimeoutError):
                return super().recv(size, flags)
        self.late, self.deadline = True, 0.0
        return b""

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all; raises TimeoutError where the client does not take it."""
        rest = memoryview(data)
        deadline = time.monotonic() + BODY_SECONDS
        while rest:
            self.settimeout(max(0.001, min(self.pause, deadline - time.monotonic())))
            rest = rest[self.send(rest, flags) :]


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads wait for as long as clients like; here a request has its time."""

    def handle(self, conn: Any) -> Any:
        """Answer a request, in a thread; the connection is closed after what is falsy."""
        if not isinstance(conn.sock, BoundedSocket):
            conn.sock = BoundedSocket(fileno=conn.sock.detach())
        stays_open, client = True, select.poll()
        client.register(conn.sock, select.POLLIN)
        while stays_open:
            conn.sock.deadline = time.monotonic() + HEAD_SECONDS
            stays_open = super().handle(conn) and not conn.sock.late
            # Who asks again at once is not handed back to the thread that accepts.
            if not (stays_open and self.alive and client.poll(AGAIN_MILLISECONDS)):
                break
        if not stays_open:
            # gunicorn would do this in the thread that accepts, and nobody could come meanwhile.
            linger(conn.sock)
        return stays_open

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head has come."""
        conn.sock.deadline = time.monotonic() + BODY_SECONDS
        conn.parser.unreader.mxchunk, read = PIECE, req.body.reader.read
        req.body.reader.read = lambda _: read(PIECE)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse what is not HTTP; who sent it is not logged."""
        super().handle_error(req, client, ("-", 0), exc)


def linger(connection: BoundedSocket) -> None:
    """Take in what is still coming: who sends to a closed connection sees no answer."""
    connection.pause, connection.deadline = LINGER_PAUSE_SECONDS, time.monotonic() + LINGER_SECONDS
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    connection.deadline = 0.0


def on_starting(_: Any) -> None:
    """End with the parent; read the styles' texts, and tidy the feedback, once for all workers."""
    end_with_parent()
    try:
        texts()
        if _settings.feedback != "off":
            store_of(_settings).sweep()
    except ArchstyleError as error:
        say(str(error))
        sys.exit(1)


def child_exit(_: Any, worker: Any) -> None:
    """Leave the worker out of the metrics of those that live."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def post_worker_init(worker: Any) -> None:
    """Say once, when the first worker can answer, where to look."""
    if worker.age == 1:
        address = _settings.address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(_settings.host))
        say(f"Archstyle answers at http://{address} (Ctrl-C stops it).")
