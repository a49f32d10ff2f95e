"""How far a training is, and how long it will take yet."""

import sys
import time
from collections.abc import Iterable, Iterator

from tqdm import tqdm

from archstyle.console import say
from archstyle.training.batches import Batch
from archstyle.training.checkpoint import EpochRow


class Progress:
    """One bar over the whole training on a terminal; elsewhere a line an epoch.

    Work is counted in multiplications, so that the time left covers all that is still to come.
    """

    def __init__(self, total: float):
        self._total = total
        self._done = 0.0
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            disable=not self._terminal,
            dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left{postfix}",
        )
        self._start = time.monotonic(), self._done

    def stage(self, name: str) -> None:
        """Say what is being done; its pace is what the time left is reckoned by."""
        self._bar.set_description_str(name)
        self._start = time.monotonic(), self._done

    def advance(self, work: float) -> None:
        """Count work that is done."""
        self._done += work
        self._bar.update(work)

    def watch(self, batches: Iterable[Batch], work: float) -> Iterator[Batch]:
        """Yield the batches and count `work` for each once the next one is asked for."""
        for batch in batches:
            yield batch
            self.advance(work)

    def epoch(self, number: int, epochs: int, row: EpochRow) -> None:
        """Tell how an epoch of the network ended."""
        accuracy, macro_f1 = row["validation_accuracy"], row["validation_macro_f1"]
        self._bar.set_description_str(f"epoch {number} of {epochs}", refresh=False)
        self._bar.set_postfix_str(f"validation {accuracy:.3f}")
        if not self._terminal:
            say(
                f"Epoch {number} of {epochs}: validation accuracy {accuracy:.3f}, "
                f"macro F1 {macro_f1:.3f}; {self.left()} left"
            )

    def left(self) -> str:
        """Return the time left, as in 01:30, at the pace of the present stage."""
        start, before = self._start
        if self._done <= before:
            return "?"
        pace = (time.monotonic() - start) / (self._done - before)
        return str(tqdm.format_interval(max(0.0, (self._total - self._done) * pace)))

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
