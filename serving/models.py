"""The model in use: watches the cache, warms what is new, swaps it in whole."""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.registry.cache import CachedBundle, cache_directory, candidates, not_used, told
from serving import metrics
from serving.settings import Settings

LOOK_SECONDS = 0.5
RETRY_LOOKS = 60  # looks between two tries of a bundle that was refused

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """A warm bundle with the version it is registered as, or `released`."""

    bundle: Bundle
    version: str
    run_id: str | None


class Models:
    """Holds the model that requests use; `latest` is None while there is none.

    Whatever goes wrong with a new bundle, the old one stays.
    """

    def __init__(self, latest: Model | None = None):
        self.latest = latest
        self._seen: list[CachedBundle] = []
        self._used: CachedBundle | None = None
        self._looks_until_retry = 0

    @classmethod
    def watching(cls, settings: Settings) -> "Models":
        """Load what the cache holds now, then keep watching it from a thread."""
        models, watched = cls(), (cache_directory(), settings.model_threads)
        models.look(*watched)
        threading.Thread(target=models._watch, args=watched, daemon=True).start()
        return models

    def look(self, directory: Path, threads: int) -> None:
        """Swap in the first candidate that loads, where they are others than last time."""
        found = candidates(directory)
        self._looks_until_retry -= 1
        if not found or (found == self._seen and self._looks_until_retry != 0):
            return
        self._seen, self._looks_until_retry = found, 0
        refused = False
        for one in found:
            old = self._used
            if one == old or (refused and old and old.precedence <= one.precedence):
                return
            try:
                # Its golden photos run through it here, which also warms it.
                bundle = Bundle.load(one.path, threads)
            except Exception as error:
                refused, self._looks_until_retry = True, RETRY_LOOKS
                log.error(not_used(one.version, error))
                continue
            if self.latest:
                metrics.MODEL.labels(self.latest.version).set(0)
            metrics.MODEL.labels(one.version).set(1)
            self.latest, self._used = Model(bundle, one.version, one.run_id), one
            log.info("answers with %s", told(one.version))
            return

    def _watch(self, directory: Path, threads: int) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            self.look(directory, threads)
