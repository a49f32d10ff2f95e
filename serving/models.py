"""The model in use: watches the cache, warms what is new, swaps it in whole."""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.registry.cache import CachedBundle, cache_directory, current
from serving.settings import Settings

LOOK_SECONDS = 0.5
RETRY_LOOKS = 60  # looks between two tries of a bundle that was refused

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """A warm bundle with the version it is registered as."""

    bundle: Bundle
    version: str
    run_id: str | None


class Models:
    """Holds the model that requests use; `latest` is None while there is none.

    Whatever goes wrong with a new bundle, the old one stays.
    """

    def __init__(self, latest: Model | None = None):
        self.latest = latest
        self._seen: CachedBundle | None = None
        self._looks_until_retry = 0

    @classmethod
    def watching(cls, settings: Settings) -> "Models":
        """Load what the cache holds now, then keep watching it from a thread."""
        models = cls()
        directory = cache_directory()
        models.look(directory, settings.model_threads)
        watched = directory, settings.model_threads
        threading.Thread(target=models._watch, args=watched, daemon=True).start()
        return models

    def look(self, directory: Path, threads: int) -> None:
        """Swap in the cache's current bundle where it is another one than last time."""
        cached = current(directory)
        self._looks_until_retry -= 1
        if cached is None or (cached == self._seen and self._looks_until_retry != 0):
            return
        self._seen, self._looks_until_retry = cached, 0
        try:
            # Its golden photos run through it here, which also warms it.
            bundle = Bundle.load(cached.path, threads)
        except Exception as error:
            self._looks_until_retry = RETRY_LOOKS
            log.error("version %s is not used: %s", cached.version, error)
            return
        self.latest = Model(bundle, cached.version, cached.run_id)
        log.info("answers with version %s", cached.version)

    def _watch(self, directory: Path, threads: int) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            self.look(directory, threads)
