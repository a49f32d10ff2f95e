"""One run a pipeline execution: started by train, resumed by evaluate and register."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archstyle.bundle.bundle import CARD
from archstyle.bundle.card import Card
from archstyle.console import say
from archstyle.errors import ArchstyleError
from archstyle.tracking import stale
from archstyle.tracking.description import describe_run
from archstyle.tracking.facts import Facts, facts_from_card, facts_from_summary, flattened
from archstyle.tracking.history import epoch_metrics, history_rows
from archstyle.tracking.lineage import dvc_tags, process_tags
from archstyle.tracking.store import EXPERIMENT, prepare_store, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARAMS_PER_CALL = 100  # MLflow's limit
SOURCE_RUN = "archstyle.source_run_id"


class RunLog:
    """Writes to one run. What cannot be sent in mid-training is sent by the next stage."""

    def __init__(self, client: "MlflowClient", run_id: str, facts: Facts):
        self.client = client
        self.run_id = run_id
        self.facts = facts
        self._epochs = 0
        self._lost = False

    def epoch(self, row: Mapping[str, float | str]) -> None:
        """Log one row of models/history.csv, by column; the step is the number of the call.

        Never raises because of the tracking server: it warns once, and the next stage sends what
        is missing from models/history.csv.
        """
        self._epochs += 1
        if self._lost:
            return
        from archstyle.tracking.connection import reachable

        try:
            if not reachable(tracking_uri()):
                raise ConnectionError("it does not answer")
            self._log_metrics(dict(epoch_metrics(row)), self._epochs)
        except Exception as error:  # whatever a server does wrong must not cost a training
            self._lost = True
            say(
                f"MLflow was lost at epoch {self._epochs} ({_first_line(error)}). Training goes "
                "on; the next stage sends the curves."
            )

    def metrics(self, values: Mapping[str, Any], prefix: str = "test") -> None:
        """Log final measurements, as `test/accuracy`; values that are no numbers are left out."""
        numbers = {
            f"{prefix}/{_metric_name(name)}": float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        with self._asking("log metrics"):
            self._log_metrics(numbers, 0)

    def artifacts(self, path: Path, folder: str = "") -> None:
        """Log a file, or what a folder holds, under `folder` of the run's artifacts."""
        with self._asking(f"keep {path.name}"):
            if path.is_dir():
                self.client.log_artifacts(self.run_id, str(path), folder or None)
            else:
                self.client.log_artifact(self.run_id, str(path), folder or None)

    def reports(self, root: Path) -> None:
        """Log reports/: the numbers of metrics.json, the page and the figures; for evaluate."""
        reports = root / "reports"
        values = read_json(reports / "metrics.json")
        self.metrics(values)
        self.artifacts(reports / "metrics.json", "reports")
        for path in (reports / "index.html", reports / "figures"):
            if path.exists():
                self.artifacts(path, "reports/figures" if path.is_dir() else "reports")
        self.describe(values)

    def describe(
        self, test: Mapping[str, Any] | None = None, registered: Mapping[str, Any] | None = None
    ) -> None:
        """Write the description at the top of the run's page."""
        self.note({"mlflow.note.content": describe_run(self.facts, test, registered)})

    def note(self, tags: Mapping[str, object]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        with self._asking("set tags"):
            self.client.log_batch(
                self.run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()]
            )

    def config(self, config: Mapping[str, Any]) -> None:
        """Log the nested configuration as params; what a param was before cannot be changed.

        A stage that runs again with other values in the same run leaves them in tags
        `changed.<key>`.
        """
        from mlflow.entities import Param

        flat = flattened(config)
        with self._asking("log params"):
            known = self.client.get_run(self.run_id).data.params
            new = [Param(key, value) for key, value in flat.items() if key not in known]
            for start in range(0, len(new), PARAMS_PER_CALL):
                self.client.log_batch(self.run_id, params=new[start : start + PARAMS_PER_CALL])
        changed = {k: v for k, v in flat.items() if k in known and known[k] != v}
        if changed:
            self.note({f"changed.{key}": value for key, value in changed.items()})

    def replay(self, rows: list[dict[str, str]], card: Card | None) -> None:
        """Send the epochs and the card's metrics that the store does not have."""
        with self._asking("send the curves"):
            sent: dict[str, set[int]] = {}
            for step, row in enumerate(rows, 1):
                metrics = dict(epoch_metrics(row))
                for key in metrics.keys() - sent.keys():
                    known = self.client.get_metric_history(self.run_id, key)
                    sent[key] = {metric.step for metric in known}
                self._log_metrics({k: v for k, v in metrics.items() if step not in sent[k]}, step)
        for split, values in (card.metrics if card else {}).items():
            self.metrics(values, f"final_{split}")

    def tag(self, key: str) -> str:
        """Return a tag of the run, empty where it has none."""
        with self._asking("read the run"):
            return str(self.client.get_run(self.run_id).data.tags.get(key, ""))

    def new_model(self) -> Any:
        """Make an MLflow logged model of this run, with its configuration as params."""
        with self._asking("log the model"):
            run = self.client.get_run(self.run_id)
            return self.client.create_logged_model(
                run.info.experiment_id,
                name="model",
                source_run_id=self.run_id,
                params=run.data.params,
                tags=self.facts.tags(),
            )

    def as_json(self) -> dict[str, str]:
        """Return the content of models/run.json: run_id, experiment and tracking_uri_scheme."""
        scheme = tracking_uri().partition(":")[0]
        return {"run_id": self.run_id, "experiment": EXPERIMENT, "tracking_uri_scheme": scheme}

    def finish(self) -> None:
        """Set the run FINISHED; only register calls it, as the last stage."""
        with self._asking("finish the run"):
            self.client.set_terminated(self.run_id, "FINISHED")

    def _log_metrics(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        if values:
            now = time.time_ns() // 1_000_000
            metrics = [Metric(key, value, now, step) for key, value in values.items()]
            self.client.log_batch(self.run_id, metrics=metrics)

    @contextmanager
    def _asking(self, doing: str) -> Iterator[None]:
        from archstyle.tracking.connection import mlflow_errors

        with mlflow_errors(doing):
            yield


@contextmanager
def start_run(root: Path, config: Mapping[str, Any], name: str | None = None) -> Iterator[RunLog]:
    """Start the run of this pipeline execution, for the train stage.

    `root` is the folder that the stage runs in: data/prepared/summary.json, dvc.lock and git are
    read there for the dataset input, the tags and the description. `config` is the nested whole
    configuration (`dataclasses.asdict(archstyle.config.compose(root, argv))`); `name` is by
    default its `model.name`. The run stays RUNNING when the block succeeds (register finishes it)
    and becomes FAILED, or KILLED on Ctrl-C, when the block raises.
    """
    from archstyle.tracking.connection import connect

    experiment = prepare_store()
    client = connect()
    stale.end_stale_runs(client, experiment)
    facts = facts_from_summary(root, config)
    tags = facts.tags() | process_tags("train") | dvc_tags(root, "train")
    with _status(_create(client, experiment, facts, tags, name)) as log:
        yield log


@contextmanager
def resume_run(root: Path, stage: str, config: Mapping[str, Any] | None = None) -> Iterator[RunLog]:
    """Take up the run named in models/run.json, for the stages `evaluate` and `register`.

    Sends the epochs of models/history.csv that the store does not have. Where the store does not
    know the run (a stage restored from DVC's cache, a new store) it is made again from the files,
    tagged `archstyle.recreated` and `archstyle.source_run_id`; later stages find it by that tag.
    `config` holds the sections that the stage reads. Status as in start_run.
    """
    from archstyle.tracking.connection import connect

    experiment = prepare_store()
    client = connect()
    source_run = str(read_json(root / "models" / "run.json")["run_id"])
    card = Card.from_dict(read_json(root / "models" / "bundle" / CARD))
    facts = facts_from_card(card)
    run_id = find_run(client, experiment, source_run)
    if run_id is None:
        tags = facts.tags() | {"archstyle.recreated": "true", SOURCE_RUN: source_run}
        log = _create(client, experiment, facts, tags, None)
        say(f"MLflow did not know run {source_run}: made it again as {log.run_id}.")
    else:
        log = RunLog(client, run_id, facts)
    with _status(log):
        client.update_run(log.run_id, status="RUNNING")
        log.note(process_tags(stage) | dvc_tags(root, stage))
        if config:
            log.config(config)
        log.replay(history_rows(root / "models" / "history.csv"), card)
        yield log


def find_run(client: "MlflowClient", experiment: str, source_run: str) -> str | None:
    """Return the id of the run, or of the one made again from it; None where there is neither."""
    from mlflow.exceptions import MlflowException

    from archstyle.tracking.connection import mlflow_errors

    with mlflow_errors("look for the run"):
        try:
            if client.get_run(source_run).info.lifecycle_stage == "active":
                return source_run
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
        found = client.search_runs([experiment], f"tags.`{SOURCE_RUN}` = '{source_run}'")
    return str(found[0].info.run_id) if found else None


def read_json(path: Path) -> dict[str, Any]:
    """Read an object that an earlier stage wrote."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArchstyleError(
            f"{path} cannot be read ({_first_line(error)}): run `dvc repro`."
        ) from error
    return dict(values)


def _create(
    client: "MlflowClient", experiment: str, facts: Facts, tags: Mapping[str, str], name: str | None
) -> RunLog:
    """Create a run with its params, dataset, description and config.yaml."""
    from archstyle.tracking.connection import mlflow_errors
    from archstyle.tracking.dataset import dataset_input

    name = (name or facts.model) + (" (drawn facades)" if facts.drawn else "")
    if "mlflow.source.git.commit" not in tags and "git.commit" in tags:
        tags = {**tags, "mlflow.source.git.commit": tags["git.commit"]}
    with mlflow_errors("start a run"):
        run = client.create_run(experiment, tags=dict(tags), run_name=name)
        log = RunLog(client, run.info.run_id, facts)
        with _status(log):
            log.config(facts.config)
            client.log_inputs(log.run_id, [dataset_input(facts)])
            client.log_dict(log.run_id, facts.config, "config.yaml")
            log.describe()
    return log


@contextmanager
def _status(log: RunLog) -> Iterator[RunLog]:
    """Set the run FAILED or KILLED where the block raises; a lost server hides no error."""
    try:
        yield log
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        try:
            log.client.set_terminated(log.run_id, status)
            log.note({"archstyle.error": _first_line(error)})
        except Exception as second:
            say(f"MLflow could not be told that the run is {status}: {_first_line(second)}")
        raise


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _metric_name(name: str) -> str:
    """MLflow takes letters, digits and a few signs; a style is any folder's name."""
    return "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
