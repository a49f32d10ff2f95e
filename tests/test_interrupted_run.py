"""A training that was interrupted goes on in the run that it had begun."""

from pathlib import Path

import pytest

from archstyle.tracking.runs import start_run
from archstyle.tracking.store import connect
from tests.tracking_project import CONFIG, empty_database, facades, project

__all__ = ["empty_database", "facades", "project"]

ROWS: list[dict[str, float | str]] = [
    {"epoch": 1, "phase": "head", "loss": 1.5, "validation_loss": 1.4},
    {"epoch": 2, "phase": "network", "loss": 1.2, "validation_loss": 1.1},
    {"epoch": 3, "phase": "network", "loss": 0.9, "validation_loss": 1.0},
]


def test_an_interrupted_run_is_gone_on_with_and_logs_no_epoch_twice(project: Path) -> None:
    with pytest.raises(KeyboardInterrupt), start_run(project, CONFIG) as interrupted:
        for row in ROWS[:2]:
            interrupted.epoch(row)
        raise KeyboardInterrupt
    client = connect()
    assert client.get_run(interrupted.run_id).info.status == "KILLED"
    changed = {**CONFIG, "seed": 2}
    with start_run(project, changed, resume=interrupted.run_id) as log:
        assert client.get_run(log.run_id).info.status == "RUNNING"
        for row in ROWS:
            log.epoch(row)
    assert log.run_id == interrupted.run_id
    for metric in ("train/loss", "validation/loss"):
        assert [m.step for m in client.get_metric_history(log.run_id, metric)] == [1, 2, 3]
    run = client.get_run(log.run_id)
    assert (run.data.params["seed"], run.data.tags["changed.seed"]) == ("1", "2")
    assert len(client.search_runs([run.info.experiment_id])) == 1


def test_a_run_that_is_gone_is_begun_anew(project: Path) -> None:
    with start_run(project, CONFIG) as deleted:
        deleted.epoch(ROWS[0])
    connect().delete_run(deleted.run_id)
    for run_id in (deleted.run_id, "f" * 32):
        with start_run(project, CONFIG, resume=run_id) as log:
            log.epoch(ROWS[0])
        assert log.run_id != run_id
        assert len(connect().get_metric_history(log.run_id, "train/loss")) == 1
