"""Writes to one run of MLflow."""

import csv
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archstyle.bundle import Card
from archstyle.common.console import say
from archstyle.common.files import read_json
from archstyle.tracking.facts import Facts, described, percent
from archstyle.tracking.store import EXPERIMENT, mlflow_errors, reachable, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

CURVES = ("train/", "validation/")
NO_METRIC_NAME = re.compile(r"[^\w\-. /]")  # signs that MLflow takes in none; a style may have any
# What stages lay into reports/.
MEASURED = ("metrics.json", "index.html", "model-card.md", "predictions.csv", "figures", "plots")
DATA = ("data.html", "data-sheet.md", "data")
SLOW_SECONDS = 5.0
MANIFEST = "data/manifest.csv"  # the artifact: data/prepared/manifest.csv


class RunLog:
    """Writes to one run.

    While training (`keep_going`) it never raises because of the tracking server: it warns once and
    sends nothing more. The next stage sends what is missing from models/.
    """

    def __init__(self, client: "MlflowClient", run_id: str, facts: Facts):
        self.client = client
        self.run_id = run_id
        self.facts = facts
        self.keep_going = False
        self._epochs = 0
        self._known: dict[str, set[int]] = {}  # by curve the epochs that the store has already
        self._lost = False

    def epoch(self, row: Mapping[str, float | str]) -> None:
        """Log one row of models/history.csv, by column; the step is the number of the call."""
        self._epochs = step = self._epochs + 1
        found = epoch_metrics(row)
        self._metrics({k: v for k, v in found if step not in self._known.get(k, ())}, step)

    def find_epochs(self) -> None:
        """Ask which epochs the store has, which are not logged again."""
        keys = [key for key in self._run().data.metrics if key.startswith(CURVES)]
        with mlflow_errors("read the curves"):
            for key in keys:
                history = self.client.get_metric_history(self.run_id, key)
                self._known[key] = {metric.step for metric in history}

    def metrics(self, values: Mapping[str, Any], prefix: str = "test") -> None:
        """Log final measurements, as `test/accuracy`; values that are no numbers are left out."""
        numbers = {
            f"{prefix}/{NO_METRIC_NAME.sub('_', name)}": float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        self._metrics(numbers, 0)

    def artifacts(self, path: Path, folder: str = "") -> None:
        """Log a file, or what a folder holds, under `folder` of the run's artifacts."""
        log = self.client.log_artifacts if path.is_dir() else self.client.log_artifact
        self._send(f"keep {path.name}", lambda: log(self.run_id, str(path), folder or None))

    def manifest(self, root: Path) -> None:
        """Log which photos there were, by which versions are compared later."""
        path = root / "data/prepared" / Path(MANIFEST).name
        if path.is_file():
            self.artifacts(path, str(Path(MANIFEST).parent))

    def files(self, root: Path, names: Sequence[str] = DATA) -> None:
        """Log those files and folders of reports/ that are there."""
        for path in (root / "reports" / name for name in names):
            if path.exists():
                self.artifacts(path, f"reports/{path.name}" if path.is_dir() else "reports")

    def reports(self, root: Path) -> None:
        """Log what evaluate measured, its numbers and pages, and say it in name and description."""
        values = read_json(root / "reports" / "metrics.json")
        self.metrics(values)
        self.files(root, MEASURED)
        self.describe(values)
        self.rename_to(f"{run_name(self.facts)}, {percent(values['accuracy'])}")

    def has_result(self, test: Mapping[str, Any]) -> bool:
        """Say whether the run has these measurements: evaluate may have found no server."""
        return bool(self._run().data.metrics.get("test/accuracy") == test["accuracy"])

    def rename_to(self, name: str) -> None:
        """Give the run a name, by which people tell runs apart in a list."""
        self._send("name the run", lambda: self.client.update_run(self.run_id, name=name))

    def describe(
        self, test: Mapping[str, Any] | None = None, registered: Mapping[str, Any] | None = None
    ) -> None:
        """Write the description at the top of the run's page, as far as results are known."""
        text = described("run.md", facts=self.facts, test=test, registered=registered)
        self.note({"mlflow.note.content": text})

    def note(self, tags: Mapping[str, object]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        made = [RunTag(key, str(value)) for key, value in tags.items()]
        self._send("set tags", lambda: self.client.log_batch(self.run_id, tags=made))

    def config(self, config: Mapping[str, Any]) -> None:
        """Log the nested configuration as params; what a param was before cannot be changed.

        A stage that runs again with other values in the same run leaves them in tags
        `changed.<key>`.
        """
        from mlflow.entities import Param

        flat = flattened(config)
        known = self._run().data.params
        new = [Param(key, value) for key, value in flat.items() if key not in known]
        self._send("log params", lambda: self.client.log_batch(self.run_id, params=new))
        changed = {f"changed.{k}": v for k, v in flat.items() if known.get(k, v) != v}
        if changed:
            self.note(changed)

    def replay(self, history: Path, card: Card) -> None:
        """Send what the store does not have of models/history.csv and of the card's metrics."""
        self.find_epochs()
        if history.is_file():
            with history.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    self.epoch(row)
        known = self._run().data.metrics
        for split, values in card.metrics.items():
            if not any(key.startswith(f"final_{split}/") for key in known):
                self.metrics(values, f"final_{split}")

    def as_json(self) -> dict[str, str]:
        """Return the content of models/run.json: the run's id, place and commit."""
        place = {"tracking_uri_scheme": tracking_uri().partition(":")[0]}
        return {"run_id": self.run_id, "experiment": EXPERIMENT, **place, **self.facts.git}

    def finish(self, status: str = "FINISHED") -> None:
        """Set the status of a run that ended; of a pipeline's run only register does, at last."""
        self._send("finish", lambda: self.client.set_terminated(self.run_id, status))

    def fail(self, error: BaseException) -> None:
        """Set the run FAILED, or KILLED on Ctrl-C; a lost server hides no error."""
        self.keep_going, self._lost = True, False
        self.note({"archstyle.error": first_line(error)})
        self.finish("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")

    def _metrics(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        made = [Metric(key, value, now, step) for key, value in values.items()]
        doing = f"log epoch {step}" if step else "log metrics"
        self._send(doing, lambda: self.client.log_batch(self.run_id, metrics=made))

    def _run(self) -> Any:
        with mlflow_errors("read the run"):
            return self.client.get_run(self.run_id)

    def _send(self, doing: str, call: Callable[[], object]) -> None:
        if not self.keep_going:
            with mlflow_errors(doing):
                call()
        elif not self._lost:
            try:
                if not reachable(tracking_uri()):
                    raise ConnectionError("it does not answer")
                began = time.monotonic()
                call()
                if time.monotonic() - began > SLOW_SECONDS:
                    raise TimeoutError("it is slow")
            except Exception as error:  # whatever a server does wrong must not cost a training
                self._lost = True
                say(
                    f"MLflow was lost when it should {doing} ({first_line(error)}). The work goes "
                    "on; the next stage sends what is missing."
                )


def run_name(facts: Facts, name: str | None = None) -> str:
    """Return the name of a run that has no result yet."""
    drawn = "(drawn facades)" if facts.drawn else ""
    return " ".join(filter(None, [name or facts.model, os.environ.get("DVC_EXP_NAME"), drawn]))


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def epoch_metrics(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield (metric, value) of a row of models/history.csv: train/loss, validation/loss, ..."""
    for column, text in row.items():
        try:
            value = float(text)
        except (TypeError, ValueError):
            continue
        if column != "epoch" and value == value:  # not NaN: a phase without validation
            split, _, name = column.partition("_")
            yield (f"validation/{name}" if split == "validation" else f"train/{column}"), value


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return {section.key: value as text}; lists and None as JSON, as MLflow's params are text."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value)
    return flat
