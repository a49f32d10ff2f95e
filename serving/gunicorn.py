"""How gunicorn runs the app: `gunicorn -c serving/gunicorn.py`; `python -m serving` does it."""

from typing import Any

from archstyle.common.console import say

# Imported before the fork, so that it is paid for once; only the model must come after it.
from serving import api, page  # noqa: F401
from serving.lifeline import end_with_parent
from serving.settings import Settings

_settings = Settings.from_environment()

wsgi_app = "serving:create_app()"
bind = _settings.address()
workers = _settings.workers
worker_class = "gthread"
# More than there are cores: most wait for a slow phone's upload.
threads = 8
# Every worker builds its app and loads its model after the fork: a forked interpreter hangs.
preload_app = False
timeout = 60
graceful_timeout = 10
keepalive = 15
loglevel = "warning"
control_socket_disable = True
limit_request_fields = 64


def on_starting(_: Any) -> None:
    """End with the parent."""
    end_with_parent()


def post_worker_init(worker: Any) -> None:
    """Say once, when the first worker can answer, where to look."""
    if worker.age == 1:
        address = _settings.address({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(_settings.host))
        say(f"Archstyle answers at http://{address} (Ctrl-C stops it).")
