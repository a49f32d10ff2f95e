"""Writes to one run of MLflow."""

import csv
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archstyle.bundle import Card
from archstyle.common.console import say
from archstyle.common.files import read_json
from archstyle.tracking.description import describe_run, percent
from archstyle.tracking.facts import Facts
from archstyle.tracking.store import EXPERIMENT, mlflow_errors, reachable, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARAMS_PER_CALL = 100  # MLflow's limit


class RunLog:
    """Writes to one run.

    While training (`keep_going`) it never raises because of the tracking server: it warns once and
    sends nothing more. The next stage sends what is missing from models/.
    """

    def __init__(self, client: "MlflowClient", run_id: str, facts: Facts, keep_going: bool = False):
        self.client = client
        self.run_id = run_id
        self.facts = facts
        self.keep_going = keep_going
        self._epochs = 0
        self._known: set[int] = set()  # epochs that an interrupted process has logged
        self._lost = False

    def epoch(self, row: Mapping[str, float | str]) -> None:
        """Log one row of models/history.csv, by column; the step is the number of the call."""
        self._epochs += 1
        metrics, step = dict(epoch_metrics(row)), self._epochs
        if step not in self._known:
            self._send(f"log epoch {step}", lambda: self._log_metrics(metrics, step))

    def go_on(self, tags: Mapping[str, object]) -> None:
        """Take up a run whose process was interrupted in mid-training."""
        with mlflow_errors("go on with the run"):
            self.client.update_run(self.run_id, status="RUNNING")
            history = self.client.get_metric_history(self.run_id, "train/loss")
        self._known = {metric.step for metric in history}
        self.note(tags)
        self.config(self.facts.config)

    def metrics(self, values: Mapping[str, Any], prefix: str = "test") -> None:
        """Log final measurements, as `test/accuracy`; values that are no numbers are left out."""
        numbers = {
            f"{prefix}/{_metric_name(name)}": float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        self._send("log metrics", lambda: self._log_metrics(numbers, 0))

    def artifacts(self, path: Path, folder: str = "") -> None:
        """Log a file, or what a folder holds, under `folder` of the run's artifacts."""
        log = self.client.log_artifacts if path.is_dir() else self.client.log_artifact
        self._send(f"keep {path.name}", lambda: log(self.run_id, str(path), folder or None))

    def reports(self, root: Path) -> None:
        """Log reports/: the numbers of metrics.json, the page, the figures and the plots."""
        reports = root / "reports"
        values = read_json(reports / "metrics.json")
        self.metrics(values)
        files = ("metrics.json", "index.html", "model-card.md", "predictions.csv")
        for name in (*files, "figures", "plots"):
            path = reports / name
            if path.exists():
                self.artifacts(path, f"reports/{name}" if path.is_dir() else "reports")
        self.describe(values)
        self.rename(values)

    def has_result(self, test: Mapping[str, Any]) -> bool:
        """Say whether the run has these measurements: evaluate may have found no server."""
        return bool(self._run().data.metrics.get("test/accuracy") == test["accuracy"])

    def rename(self, test: Mapping[str, Any]) -> None:
        """Put the result into the run's name, by which people tell runs apart in a list."""
        self.rename_to(f"{run_name(self.facts)}, {percent(test['accuracy'])}")

    def rename_to(self, name: str) -> None:
        """Give the run another name."""
        self._send("name the run", lambda: self.client.update_run(self.run_id, name=name))

    def describe(
        self, test: Mapping[str, Any] | None = None, registered: Mapping[str, Any] | None = None
    ) -> None:
        """Write the description at the top of the run's page."""
        self.note({"mlflow.note.content": describe_run(self.facts, test, registered)})

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
        for start in range(0, len(new), PARAMS_PER_CALL):
            some = new[start : start + PARAMS_PER_CALL]
            self._send("log params", partial(self.client.log_batch, self.run_id, params=some))
        changed = {k: v for k, v in flat.items() if k in known and known[k] != v}
        if changed:
            self.note({f"changed.{key}": value for key, value in changed.items()})

    def replay(self, rows: list[dict[str, str]], card: Card) -> None:
        """Send the epochs and the card's metrics that the store does not have."""
        sent: dict[str, set[int]] = {}
        for step, row in enumerate(rows, 1):
            metrics = dict(epoch_metrics(row))
            with mlflow_errors("send the curves"):
                for key in metrics.keys() - sent.keys():
                    known = self.client.get_metric_history(self.run_id, key)
                    sent[key] = {metric.step for metric in known}
                self._log_metrics({k: v for k, v in metrics.items() if step not in sent[k]}, step)
        known_metrics = self._run().data.metrics
        for split, values in card.metrics.items():
            if not any(key.startswith(f"final_{split}/") for key in known_metrics):
                self.metrics(values, f"final_{split}")

    def new_model(self) -> Any:
        """Make an MLflow logged model of this run, with its configuration as params."""
        run = self._run()
        with mlflow_errors("log the model"):
            return self.client.create_logged_model(
                run.info.experiment_id,
                name="model",
                source_run_id=self.run_id,
                params=run.data.params,
                tags=self.facts.tags(),
            )

    def as_json(self) -> dict[str, str]:
        """Return the content of models/run.json: the run's id, place and commit."""
        scheme = tracking_uri().partition(":")[0]
        place = {"experiment": EXPERIMENT, "tracking_uri_scheme": scheme}
        return {"run_id": self.run_id, **place, **self.facts.git}

    def finish(self) -> None:
        """Set the run FINISHED; of a pipeline's run only register does, as the last stage."""
        self.end("FINISHED")

    def end(self, status: str) -> None:
        """Set the status of a run that ended: FINISHED, FAILED or KILLED."""
        self._send("finish", lambda: self.client.set_terminated(self.run_id, status))

    def _log_metrics(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        if values:
            now = time.time_ns() // 1_000_000
            metrics = [Metric(key, value, now, step) for key, value in values.items()]
            self.client.log_batch(self.run_id, metrics=metrics)

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
                call()
            except Exception as error:  # whatever a server does wrong must not cost a training
                self._lost = True
                say(
                    f"MLflow was lost and could not {doing} ({first_line(error)}). Training goes "
                    "on; the next stage sends what is missing."
                )


def run_name(facts: Facts, name: str | None = None) -> str:
    """Return the name of a run that has no result yet."""
    parts = [name or facts.model]
    if experiment := os.environ.get("DVC_EXP_NAME"):
        parts.append(experiment)
    if facts.drawn:
        parts.append("(drawn facades)")
    return " ".join(parts)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _metric_name(name: str) -> str:
    """MLflow takes letters, digits and a few signs; a style is any folder's name."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)


def history_rows(path: Path) -> list[dict[str, str]]:
    """Read models/history.csv; no rows where there is none."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


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
