"""A line to a server of this machine that can be cut or made slow, as networks are."""

import socket
import threading
import time
from contextlib import suppress


class Line:
    """Passes on what comes to `port`; `slow` seconds late, and nothing while it is cut."""

    def __init__(self, to: int, slow: float = 0.0):
        self.to, self.slow = to, slow
        self.held: list[socket.socket] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self.mend()

    def cut(self) -> None:
        """End all connections and take no new ones: who asks is refused."""
        for one in (self.listening, *self.held):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.held.clear()

    def mend(self) -> None:
        """Pass on again, at the same port."""
        if self.listening.fileno() < 0:
            self.listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._take, args=[self.listening], daemon=True).start()

    def _take(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                asked = listening.accept()[0]
                answers = socket.create_connection(("127.0.0.1", self.to))
                self.held += [asked, answers]
                for one, other, late in ((asked, answers, True), (answers, asked, False)):
                    threading.Thread(
                        target=self._pass, args=[one, other, late], daemon=True
                    ).start()

    def _pass(self, one: socket.socket, other: socket.socket, late: bool) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                if late:  # once a request, whose parts come without a pause
                    time.sleep(self.slow)
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)
