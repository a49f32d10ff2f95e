"""One run a pipeline execution: started by train, resumed by evaluate and register."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class RunLog:
    """Writes to one run. What cannot be sent in mid-training is kept and sent later."""

    run_id: str

    def epoch(self, row: Mapping[str, float | str]) -> None:
        """Log one row of models/history.csv (its columns by name, `epoch` counted from 1).

        Never raises because of the tracking server: it warns once, and the next stage sends what
        is missing from models/history.csv.
        """
        raise NotImplementedError

    def metrics(self, values: Mapping[str, float], prefix: str = "test") -> None:
        """Log final measurements, as `test/accuracy`; values that are no numbers are left out."""
        raise NotImplementedError

    def artifacts(self, path: Path, folder: str = "") -> None:
        """Log a file, or what a folder holds, under `folder` of the run's artifacts."""
        raise NotImplementedError

    def note(self, tags: Mapping[str, object]) -> None:
        """Set tags."""
        raise NotImplementedError

    def as_json(self) -> dict[str, str]:
        """Return the content of models/run.json: run_id, experiment and tracking_uri_scheme."""
        raise NotImplementedError

    def finish(self) -> None:
        """Set the run FINISHED; only register calls it, as the last stage."""
        raise NotImplementedError


@contextmanager
def start_run(
    root: Path, config: Mapping[str, object], name: str | None = None
) -> Iterator[RunLog]:
    """Start the run of this pipeline execution, for the train stage.

    `root` is the folder that the stage runs in: data/prepared/summary.json, dvc.lock and git are
    read there for the dataset input, the tags and the description. `config` is the nested whole
    configuration (`dataclasses.asdict(archstyle.config.compose(root, argv))`); `name` is by
    default its `model.name`. The run stays RUNNING when the block succeeds (register finishes it)
    and becomes FAILED, or KILLED on Ctrl-C, when the block raises.
    """
    raise NotImplementedError
    yield RunLog()


@contextmanager
def resume_run(
    root: Path, stage: str, config: Mapping[str, object] | None = None
) -> Iterator[RunLog]:
    """Take up the run named in models/run.json, for the stages `evaluate` and `register`.

    Sends the epochs of models/history.csv that the store does not have. Where the store does not
    know the run (a stage restored from DVC's cache, a new store) it is made again from the files,
    tagged `archstyle.recreated` and `archstyle.source_run_id`; later stages find it by that tag.
    Status as in start_run.
    """
    raise NotImplementedError
    yield RunLog()
