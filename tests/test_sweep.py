"""Searching values: the space, the study, what a trial is told, and real sweeps with a kill."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from archstyle.common.files import write_json
from archstyle.config import Config, compose
from archstyle.data.manifest import Row, write_manifest
from archstyle.errors import ArchstyleError
from archstyle.photos.packing import pack
from archstyle.search import sweep as sweep_module
from archstyle.search import trial as trial_module
from archstyle.search.plan import Plan, make_plan, read_space
from archstyle.search.report import draw, importances, report, trial_table, write_params
from archstyle.search.sweep import finished, only_one, run_again, run_trials, sweep
from archstyle.search.trial import augmented, open_study, remove_unused, watch
from tests.conftest import ROOT
from tests.test_pipeline import environment, run, set_params
from tests.tracking_project import Drawn, clean, empty_database, facades  # noqa: F401

COMPLETE, FAIL, PRUNED = TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's configuration with a prepared data set of which only the digest is known."""
    for name in (
        "conf",
        "src",
        "pipeline",
        "dvc.yaml",
        "data/buildings.csv",
        "data/corrections.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "data/prepared").mkdir()
    (tmp_path / "data/prepared/summary.json").write_text('{"digest": "photos"}')
    return tmp_path


@pytest.fixture(scope="module")
def composed() -> Config:
    return compose(ROOT)


@pytest.fixture
def small(tmp_path: Path, composed: Config) -> Plan:
    """A sweep of four trials over the learning rate."""
    space: dict[str, BaseDistribution] = {"train.learning_rate": FloatDistribution(0.1, 0.9)}
    storage = f"sqlite:///{tmp_path}/trials.db"
    return Plan(tmp_path, "small", "small-1", 4, 1, space, {}, composed, storage)


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "conf/sweep").glob("*")))
def test_every_sweep_of_the_project_is_sound(root: Path, name: str) -> None:
    found = make_plan(root, name)
    assert found.sweep == name
    assert found.trials > 1
    assert found.space
    command = (ROOT / f"conf/sweep/{name}.yaml").read_text().splitlines()[0]
    assert command == ("# make sweep" if name == "default" else f"# make sweep SWEEP={name}")


def test_a_space_is_written_in_hydra_s_sweep_syntax() -> None:
    space, fixed = read_space(
        [
            "train.learning_rate=tag(log, interval(0.0001, 0.001))",
            "train.dropout=interval(0, 1)",
            "train.frozen_blocks=range(4, 10, 2)",
            "train.epochs=int(interval(2, 8))",
            "augment.zoom=choice([0.2, 1.0], [0.3, 1.0])",
            "train.batch_size=16,32",
            "augment.copies=3",
        ]
    )
    assert fixed == {"augment.copies": "3"}
    assert space == {
        "train.learning_rate": FloatDistribution(0.0001, 0.001, log=True),
        "train.dropout": FloatDistribution(0, 1),
        "train.frozen_blocks": IntDistribution(4, 10, step=2),
        "train.epochs": IntDistribution(2, 8),
        "augment.zoom": CategoricalDistribution(["[0.2,1.0]", "[0.3,1.0]"]),
        "train.batch_size": CategoricalDistribution([16, 32]),
    }


def test_what_is_typed_goes_before_the_file(root: Path) -> None:
    typed = ["train.learning_rate=0.0003", "train.batch_size=choice(16,32)"]
    found = make_plan(root, overrides=typed)
    assert "train.learning_rate" not in found.space
    assert found.fixed == {"train.learning_rate": "0.0003"}
    assert found.space["train.batch_size"] == CategoricalDistribution([16, 32])
    assert found.config.train.learning_rate == 0.0003


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("train.epoch=3", "train.epoch"),
        ("train.epochs=many", "train.epochs"),
        ("train.epochs=choice(3,many)", "train.epochs"),
        ("train.learning_rate=interval(2,1)", "train.learning_rate"),
        ("train.epochs=interval(2,6)", "train.epochs"),
        ("train.epochs=range(2,6,0.5)", "train.epochs"),
        ("train.epochs=glob(*)", "choice, range and interval can be"),
        ("augment.zoom=choice([0.5,1.0],[2.0,3.0])", "augment.zoom"),
        ("train.epochs", "section.key=value"),
        ("data.limit=5", "which photos there are"),
        ("split.test=choice(0.1,0.2)", "which photos there are"),
        ("hydra/sweeper/sampler=grid", "dvc exp run --queue"),
    ],
)
def test_a_space_that_is_not_sound_stops_before_the_first_trial(
    root: Path, argument: str, message: str
) -> None:
    with pytest.raises(ArchstyleError) as error:
        make_plan(root, overrides=[argument])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_sweep_that_is_not_there_or_not_whole_is_told_in_a_sentence(root: Path) -> None:
    with pytest.raises(ArchstyleError, match="conf/sweep/ has default, quick"):
        make_plan(root, "nothing")
    (root / "conf").unlink()
    (root / "conf/sweep").mkdir(parents=True)
    (root / "conf/sweep/mine.yaml").write_text("trials: many\n")
    with pytest.raises(ArchstyleError, match=r"mine\.yaml must have what .*default\.yaml has"):
        make_plan(root, "mine")


def test_more_workers_than_cores_are_refused(small: Plan) -> None:
    with pytest.raises(ArchstyleError, match="1000 workers are too many"):
        sweep(small, workers=1000)


def test_the_study_is_another_one_where_its_trials_cannot_be_compared(root: Path) -> None:
    first = make_plan(root, "quick").study
    assert make_plan(root, "quick", trials=99).study == first
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["train"]["learning_rate"] = 0.00077  # searched: what is set makes no difference
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    assert make_plan(root, "quick").study == first
    others = [make_plan(root, "quick", ["train.batch_size=8"]).study]
    (root / "data/prepared/summary.json").write_text('{"digest": "other photos"}')
    others.append(make_plan(root, "quick").study)
    assert len({first, *others}) == 3


def test_params_keep_their_comments_and_say_what_the_trial_used(root: Path) -> None:
    overrides = ["augment.zoom=[0.3,1.0]", "train.learning_rate=0.0004511", "train.mixup=0.4"]
    write_params(root / "params.yaml", root / "found/params.yaml", overrides, "sweep x, trial 3")
    before, after = (
        (root / name).read_text().splitlines() for name in ("params.yaml", "found/params.yaml")
    )
    changed = [line for line in after if line not in before]
    assert len(changed) == 3
    assert all("sweep x, trial 3" in line for line in changed)
    gone = [line.split(":")[0].strip() for line in before if line not in after]
    assert gone == ["learning_rate"]
    shutil.copy(root / "found/params.yaml", root / "params.yaml")
    assert compose(root) == compose(ROOT, overrides)


End = TrialState | BaseException


class Worker:
    """Ends trials at once as it is told, by the order in which they start; trains nothing."""

    def __init__(self, plan: Plan, **ends: End):
        self.plan, self.ends = plan, ends
        self.ran: list[int] = []
        self.values: list[float] = []

    def __call__(self, plan: Plan, run_id: str, seed: int) -> Future[tuple[int, str]]:
        study = open_study(plan, seed)
        trial = study.ask(plan.space)
        end = self.ends.get(f"n{len(self.ran)}", COMPLETE)
        self.ran.append(trial.number)
        self.values.append(trial.params["train.learning_rate"])
        if isinstance(end, BaseException):
            raise end
        for name in ("negative_log_likelihood", "accuracy", "macro_f1", "minutes"):
            trial.set_user_attr(name, 1.0)
        if end == FAIL:
            trial.set_user_attr("error", "no memory.")
        study.tell(trial, 1 - trial.number / 100 if end == COMPLETE else None, end)
        future: Future[tuple[int, str]] = Future()
        future.set_result((trial.number, ""))
        return future

    def run(self, workers: int = 1) -> optuna.Study:
        study = open_study(self.plan)
        run_again(study)
        run_trials(study, self.plan, "run", workers, self)
        return study


def states(study: optuna.Study) -> list[TrialState]:
    return [trial.state for trial in study.trials]


def test_failed_and_pruned_trials_do_not_end_a_sweep(
    small: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Worker(replace(small, trials=5), n1=FAIL, n2=FAIL, n3=PRUNED).run()
    assert states(found) == [COMPLETE, FAIL, FAIL, PRUNED, COMPLETE]
    assert "Trial 1 failed: no memory." in capsys.readouterr().out
    table = trial_table(found.trials)
    assert table.trial.tolist() == ["4", "0", "3", "1", "2"]
    assert table.end.tolist() == ["", "", "stopped early", "failed", "failed"]


def test_trials_differ_though_the_seed_is_one(small: Plan) -> None:
    first = Worker(small)
    first.run()
    again = Worker(replace(small, trials=8))
    again.run()
    assert len({*first.values, *again.values}) == 8
    other = Worker(replace(small, storage=f"sqlite:///{small.root}/other.db"))
    other.run()
    assert other.values == first.values


def test_three_failures_in_a_row_end_it_with_their_reason(small: Plan) -> None:
    worker = Worker(replace(small, trials=9), n1=FAIL, n2=FAIL, n3=FAIL)
    with pytest.raises(ArchstyleError, match=r"last 3 trials failed\. Trial 3 failed: no memory\."):
        worker.run()
    assert worker.ran == [0, 1, 2, 3]
    assert len(finished(Worker(replace(small, trials=6)).run())) == 6


def test_an_interrupted_sweep_goes_on_with_the_trial_that_was_running(small: Plan) -> None:
    first = Worker(small, n1=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        first.run()
    again = Worker(small)
    found = again.run()
    assert again.values[0] == first.values[1]
    assert [trial.number for trial in finished(found)] == [0, 2, 3, 4]
    assert [trial.state for trial in finished(found)] == [COMPLETE] * 4
    assert found.trials[2].user_attrs["again"] == 1  # goes on with what trial 1 has left
    nothing = Worker(small)
    nothing.run()
    assert nothing.ran == []


def test_a_trial_that_ends_its_process_twice_has_failed(small: Plan) -> None:
    plan = replace(small, trials=2)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            Worker(plan, n0=KeyboardInterrupt()).run()
    worker = Worker(plan)
    found = worker.run()
    assert worker.ran == [2]
    assert [trial.state for trial in finished(found)] == [FAIL, COMPLETE]
    failed = trial_table(finished(found)).iloc[1]
    assert (failed.trial, failed.end) == ("1", "failed")


def test_no_more_trials_run_at_once_than_there_are_workers(
    small: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_ends(running: set[Any], return_when: str) -> tuple[set[Any], set[Any]]:
        at_once.append(len(running))
        return {running.pop()}, running

    at_once: list[int] = []
    monkeypatch.setattr("archstyle.search.sweep.wait", one_ends)
    found = Worker(replace(small, trials=5)).run(workers=2)
    assert at_once[0] == max(at_once) == 2
    assert len(finished(found)) == 5


def test_a_second_sweep_of_a_study_is_kept_out(small: Plan) -> None:
    with (
        only_one(small),
        pytest.raises(ArchstyleError, match="running already"),
        only_one(small),
    ):
        pass
    with only_one(small):
        pass


def test_a_sweep_of_a_shared_database_is_kept_out_on_other_machines(
    small: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archstyle.search.sweep.PAUSE_SECONDS", 0)
    study, here = open_study(small), socket.gethostname()
    for holder in (["elsewhere", os.getpid()], [here, os.getppid()]):
        study.set_user_attr("holder", holder)
        told = f"process {holder[1]} of {holder[0]} .* --take-over"
        with pytest.raises(ArchstyleError, match=told), only_one(small):
            pass
        assert study.user_attrs["holder"] == holder
    with only_one(small, take_over=True):
        assert study.user_attrs["holder"] == [here, os.getpid()]
    ended = subprocess.Popen(["true"])
    ended.wait()
    study.set_user_attr("holder", [here, ended.pid])
    with only_one(small):
        pass
    assert study.user_attrs["holder"] is None
    # Two begin at once: who wrote last has it.
    monkeypatch.setattr("time.sleep", lambda _: study.set_user_attr("holder", ["another", 1]))
    with pytest.raises(ArchstyleError, match="running already"), only_one(small):
        pass
    assert study.user_attrs["holder"] == ["another", 1]
    folder = small.root / ".archstyle/sweep"
    own = replace(small, storage=f"sqlite:///{folder}/trials.db")
    open_study(own).set_user_attr("holder", ["a container that is gone", 1])
    with only_one(own):
        pass


@pytest.mark.parametrize(
    "storage",
    [
        "nonsense",
        "sqlite:////nowhere/x.db",
        "mysql://u:secret@h/x",
        "foo://u:secret@h/x",
        "postgresql://u:secret@h:port/x",
    ],
)
def test_a_storage_that_cannot_be_used_is_one_sentence(small: Plan, storage: str) -> None:
    with pytest.raises(ArchstyleError, match="see --storage") as error:
        sweep(replace(small, storage=storage))
    assert "\n" not in str(error.value) and "secret" not in str(error.value)


def test_what_ended_a_trial_s_process_is_said(small: Plan) -> None:
    def start(*_: object) -> Future[tuple[int, str]]:
        future: Future[tuple[int, str]] = Future()
        future.set_exception(RuntimeError("The disk is full.\nFree some."))
        return future

    with pytest.raises(ArchstyleError, match=r"\(RuntimeError: The disk is full\.\)"):
        run_trials(open_study(small), small, "run", 1, start)


def test_a_trial_gets_its_share_of_the_cores_of_ray_s_living_machines(
    small: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def machine(cpu: float, alive: bool) -> dict[str, Any]:
        return {"Alive": alive, "Resources": {"CPU": cpu} if cpu else {}}

    @contextmanager
    def connected(_: str) -> Iterator[Any]:
        nodes = [machine(4, True), machine(4, True), machine(64, False), machine(0, True)]
        yield SimpleNamespace(nodes=lambda: nodes, remote=lambda **facts: lambda _: trial(facts))

    def trial(facts: dict[str, Any]) -> Any:
        return SimpleNamespace(
            remote=lambda *job: SimpleNamespace(future=lambda: (facts["num_cpus"], job))
        )

    monkeypatch.setattr(sweep_module, "connected", connected)
    with sweep_module._on_ray("auto", 3) as start:
        told: Any = start(small, "run", 1)
        assert told == (2, (small, "run", 1, 2))
    with sweep_module._on_ray("auto", 1) as start:
        told = start(small, "run", 1)
        assert told[0] == 4


def test_a_sweep_in_which_no_trial_ran_to_its_end_is_an_error(
    small: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Worker(replace(small, trials=2), n0=FAIL, n1=PRUNED).run()
    with pytest.raises(ArchstyleError, match="No trial ran to its end"):
        report(small, found, finished(found), Log())  # type: ignore[arg-type]
    assert "no memory." in capsys.readouterr().out
    assert not (small.root / "reports").exists()


class Log:
    def __init__(self) -> None:
        self.rows: list[Any] = []

    def epoch(self, row: Any) -> None:
        self.rows.append(row)


def watched(plan: Plan, accuracies: Sequence[float]) -> tuple[int, int]:
    """Train a trial whose epochs give these accuracies; return how many epochs it was given."""
    study = open_study(plan)
    trial = study.ask(plan.space)
    log = Log()
    on_epoch = watch(trial, log, len(accuracies))  # type: ignore[arg-type]
    try:
        on_epoch({"phase": "head", "validation_accuracy": 0.1})
        for accuracy in accuracies:
            on_epoch({"phase": "network", "validation_accuracy": accuracy})
        study.tell(trial, 1 - accuracies[-1])
    except optuna.TrialPruned:
        study.tell(trial, state=PRUNED)
    return len(log.rows) - 1, trial.number


def test_a_trial_behind_the_median_is_stopped_at_a_quarter_of_its_epochs(small: Plan) -> None:
    plan = replace(small, prune_after=2)
    assert watched(plan, [0.2, 0.4, 0.6, 0.8])[0] == 4
    assert watched(plan, [0.1, 0.1, 0.1, 0.1])[0] == 4  # too early to judge
    good, number = watched(plan, [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert good == 8
    reported = open_study(plan).trials[number].intermediate_values
    assert reported == pytest.approx({1: 0.7, 2: 0.5, 3: 0.3})
    # Twice as long as the first: its second epoch is compared with their first.
    assert watched(plan, [0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])[0] == 2
    assert states(open_study(plan)) == [COMPLETE, COMPLETE, COMPLETE, PRUNED]


def test_what_mattered_is_found_and_drawn(tmp_path: Path) -> None:
    opened = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space = {
        "train.learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "train.epochs": IntDistribution(2, 8),
        "augment.zoom": CategoricalDistribution(["[0.5,1.0]", "[0.3,1.0]"]),
    }
    for number in range(12):
        trial = opened.ask(space)
        if number == 3:
            draw(opened, tmp_path / "few.png", drawn=True)
            assert importances(opened) == {}
        opened.tell(trial, trial.params["train.epochs"] / 8)
    found = importances(opened)
    assert max(found, key=lambda name: found[name]) == "train.epochs"
    assert sum(found.values()) == pytest.approx(1)
    draw(opened, tmp_path / "first.png", drawn=False)
    draw(opened, tmp_path / "second.png", drawn=False)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert (tmp_path / "few.png").read_bytes() != (tmp_path / "first.png").read_bytes()


def config(root: Path, *overrides: str) -> Config:
    small = ["model.image_size=32", "model.read_size=32", "augment.copies=1"]
    return compose(root, [*small, *overrides])


def test_trials_that_augment_alike_share_their_arrays_and_the_rest_goes(
    root: Path,
    facades: dict[str, bytes],  # noqa: F811
) -> None:
    (root / "data/raw").mkdir()
    pack(Drawn(facades), root / "data/raw", None, 10**9)
    rows = [
        Row(name, "gothic", "0", "0", name, split, "used", "")
        for name, split in zip(facades, ["train", "validation"] * len(facades), strict=False)
    ]
    write_manifest(root / "data/prepared/manifest.csv", rows)
    work = root / "work"
    with augmented(root, work, config(root, "train.epochs=3")) as first:
        made = (first / "index.json").stat().st_mtime_ns
        with augmented(root, work, config(root, "train.epochs=4")) as same:
            assert same == first
        with augmented(root, work, config(root, "augment.zoom=[0.3,1.0]")) as other:
            assert other != first
        remove_unused(work)
        assert first.is_dir()  # in use
        assert not other.is_dir()
    with augmented(root, work, config(root)) as kept:
        assert (kept / "index.json").stat().st_mtime_ns == made
    (work / f".{first.name}.partial-1").mkdir()
    remove_unused(work)
    assert [path.suffix for path in work.iterdir()] == [".lock", ".lock"]
    assert not (root / "data/augmented").exists()


def test_trials_are_children_of_one_run_and_end_as_they_ended(
    small: Plan,
    monkeypatch: pytest.MonkeyPatch,
    empty_database: Path,  # noqa: F811
) -> None:
    import mlflow

    clean(monkeypatch, small.root)
    shutil.copy(empty_database, small.root / "mlflow.db")
    summary = {"source": {"drawn": True}, "counts": {"gothic": {"train": 3}}, "digest": "photos"}
    (small.root / "data/prepared").mkdir(parents=True)
    write_json(small.root / "data/prepared/summary.json", summary)
    ends = iter([None, optuna.TrialPruned(), ArchstyleError("No memory."), KeyboardInterrupt()])

    def validate(*_: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        if end := next(ends, None):
            raise end
        if len(trials := open_study(small).trials) > 4:  # as another sweep would
            open_study(small).tell(trials[-1].number, state=FAIL)
        return ("baroque", "gothic"), np.array([0]), np.array([[0.9, 0.1]])

    monkeypatch.setitem(sys.modules, "archstyle.models", SimpleNamespace(validate=validate))
    monkeypatch.setattr(trial_module, "compose", lambda *_: small.config)
    monkeypatch.setattr(trial_module, "augmented", lambda *_: nullcontext(small.root))
    monkeypatch.setattr(sweep_module, "report", lambda *_: None)
    sweep(replace(small, trials=3))
    client = mlflow.MlflowClient()
    run_id = open_study(small).user_attrs["run_id"]
    assert client.get_run(run_id).info.status == "FINISHED"
    with pytest.raises(KeyboardInterrupt):
        sweep(small)  # one more
    assert open_study(small).user_attrs["run_id"] == run_id
    assert client.get_run(run_id).info.status == "KILLED"
    [experiment] = [one for one in client.search_experiments() if one.name == "archstyle"]
    under = f"tags.`mlflow.parentRunId` = '{run_id}'"
    children = client.search_runs([experiment.experiment_id], under)
    found = {child.info.run_name: child for child in children}
    ended = {
        name: (one.info.status, one.data.tags.get("trial.state")) for name, one in found.items()
    }
    assert ended == {
        "trial 0, 0.1054": ("FINISHED", "complete"),
        "trial 1, stopped early": ("KILLED", "pruned"),
        "trial 2, failed": ("FAILED", "failed"),
        "trial 3 (drawn facades)": ("KILLED", None),
    }
    assert found["trial 0, 0.1054"].data.metrics["final_validation/accuracy"] == 1
    assert found["trial 2, failed"].data.tags["archstyle.error"] == "No memory."
    with pytest.raises(ArchstyleError, match="Another sweep took this one over"):
        sweep(small)


TINY = """
trials: 2
prune_after: 2
space: {train.learning_rate: "tag(log, interval(0.001, 0.01))"}
"""
SWEEP = ["archstyle", "sweep", "--space", "tiny"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with drawn facades prepared and a sweep of the small network."""
    folder = tmp_path_factory.mktemp("sweep")
    for name in ("conf", "src", "pipeline", "data", "params.yaml", "dvc.yaml"):
        source, target = ROOT / name, folder / name
        if name in ("src", "pipeline", "dvc.yaml"):
            target.symlink_to(source)
        elif name == "data":
            target.mkdir()
            for table in source.glob("*.csv"):
                shutil.copy(table, target)
        else:
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    set_params(folder, "use", data="facades", model="cnn")
    set_params(folder, "data", limit=16)
    set_params(folder, "augment", copies=1)
    set_params(folder, "model", image_size=32, read_size=32)
    set_params(folder, "train", epochs=2)
    (folder / "conf/sweep/tiny.yaml").write_text(TINY)
    run(folder, sys.executable, "-m", "pipeline.fetch")
    run(folder, sys.executable, "-m", "pipeline.prepare")
    return folder


def trials_of(folder: Path) -> list[optuna.trial.FrozenTrial]:
    """Return the trials of the only study, as Optuna has them."""
    storage = f"sqlite:///{folder}/.archstyle/sweep/trials.db"
    [name] = optuna.get_all_study_names(storage)
    return optuna.load_study(study_name=name, storage=storage).trials


@pytest.mark.pipeline
def test_a_killed_sweep_goes_on_with_the_same_command(tiny: Path) -> None:
    before = (tiny / "params.yaml").read_text()
    killed = subprocess.Popen(SWEEP, cwd=tiny, env=environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 600  # only a sweep that hangs takes as long
    while not list((tiny / ".archstyle/sweep/arrays").glob("*.lock")):
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert [trial.state for trial in trials_of(tiny)] == [TrialState.RUNNING]
    output = run(tiny, *SWEEP)
    assert "0 of 2 trials are done" in output
    assert "Trial 1 is the best" in output or "Trial 2 is the best" in output
    interrupted, again, other = trials_of(tiny)
    assert [one.state for one in (interrupted, again, other)] == [FAIL, COMPLETE, COMPLETE]
    assert interrupted.params == again.params != other.params
    assert (tiny / "params.yaml").read_text() == before
    found = tiny / "reports/sweep"
    assert (found / "mattered.png").is_file()
    learning_rate = yaml.safe_load((found / "params.yaml").read_text())["train"]["learning_rate"]
    assert 0.001 <= learning_rate <= 0.01
    assert sorted(path.name for path in (tiny / "data").iterdir()) == [
        "buildings.csv",
        "corrections.csv",
        "prepared",
        "raw",
    ]
    assert not (tiny / "models").exists()
    assert list((tiny / "reports").iterdir()) == [tiny / "reports/sweep"]
    assert not [path for path in (tiny / ".archstyle/sweep/arrays").iterdir() if path.is_dir()]
    # The run of the killed attempt is ended, too, and all are below one parent.
    with sqlite3.connect(tiny / "mlflow.db") as database:
        statuses = dict(database.execute("select name, status from runs"))
        parents = database.execute("select value from tags where key = 'mlflow.parentRunId'")
        assert len({value for (value,) in parents}) == 1
    assert sorted(statuses.values()) == ["FINISHED", "FINISHED", "FINISHED", "KILLED"]


@pytest.mark.pipeline
@pytest.mark.parametrize(
    "where",
    [[], pytest.param(["--ray", "local"], marks=pytest.mark.ray)],
    ids=["here", "ray"],
)
def test_trials_run_side_by_side(tiny: Path, where: list[str]) -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core only: trials cannot run side by side")
    start = "import ray; ray.init(address='local', num_cpus=1, include_dashboard=False)"
    tried = subprocess.run([sys.executable, "-c", start if where else ""], capture_output=True)
    if tried.returncode:
        pytest.skip(f"Ray does not start here: {tried.stderr.decode()[-200:]}")
    shutil.rmtree(tiny / ".archstyle/sweep", ignore_errors=True)
    output = run(tiny, *SWEEP, *where, "--workers", "2")
    assert [trial.state for trial in trials_of(tiny)] == [COMPLETE, COMPLETE]
    assert "is the best on the validation photos" in output
    with sqlite3.connect(tiny / "mlflow.db") as database:
        rows = database.execute(
            "select start_time, end_time from runs where name like 'trial %' "
            "order by start_time desc limit 2"
        )
        (later, _), (_, earlier_end) = rows
    assert later < earlier_end, "one after the other"
