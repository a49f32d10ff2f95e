"""How far a training is, and how long it will take yet."""

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tqdm import tqdm

from archstyle.common.console import say
from archstyle.models.batches import Batch
from archstyle.models.history import EpochRow

RECENT = 40  # batches


@dataclass
class Spent:
    """Seconds, and multiplications with their additions."""

    seconds: float = 0.0
    work: float = 0.0


class Progress:
    """One bar over the whole training on a terminal; elsewhere a line an epoch.

    Work is counted in multiplications, so that the time left covers all that is still to come.
    `spent` is what each stage has taken.
    """

    def __init__(self, total: float):
        self.spent: dict[str, Spent] = {}
        self._total = total
        self._done = 0.0
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            disable=not self._terminal,
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left{postfix}",
        )
        # When how much was done; what is being done now sets the pace of what is left.
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._stage = Spent()
        self._since = time.monotonic()

    def stage(self, name: str) -> None:
        """Say what is being done."""
        self._account()
        self._stage = self.spent.setdefault(name, Spent())
        self._bar.set_description_str(name, refresh=False)

    def advance(self, work: float) -> None:
        """Count work that is done."""
        self._done += work
        self._stage.work += work
        self._recent.append((time.monotonic(), self._done))
        self._bar.update(work)

    def watch(self, batches: Iterable[Batch], work: float) -> Iterator[Batch]:
        """Yield the batches and count `work` for each once the next one is asked for."""
        for batch in batches:
            yield batch
            self.advance(work)

    def epoch(self, number: int, epochs: int, row: EpochRow) -> None:
        """Tell how an epoch of the network ended."""
        accuracy, macro_f1 = row["validation_accuracy"], row["validation_macro_f1"]
        self._bar.set_postfix_str(f"epoch {number} of {epochs}, validation {accuracy:.3f}")
        if not self._terminal:
            say(
                f"Epoch {number} of {epochs}: validation accuracy {accuracy:.3f}, "
                f"macro F1 {macro_f1:.3f}; {self.left()} left"
            )

    def left(self) -> str:
        """Return the time left, as in 01:30, at the present pace."""
        (start, before), (now, done) = self._recent[0], self._recent[-1]
        seconds = (self._total - self._done) * (now - start) / max(done - before, 1.0)
        return str(tqdm.format_interval(max(0.0, seconds)))

    def close(self) -> None:
        """Leave the bar as it is."""
        self._account()
        self._bar.close()

    def _account(self) -> None:
        now = time.monotonic()
        self._stage.seconds += now - self._since
        self._since = now
