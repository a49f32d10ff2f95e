"""Searching values: the space, the study, what a trial is told, and real sweeps with a kill."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from hydra.core.utils import JobReturn, JobStatus
from optuna.distributions import CategoricalDistribution, UniformDistribution
from optuna.trial import TrialState

from archstyle.common.files import write_json
from archstyle.config import Config, compose
from archstyle.data.manifest import Row, write_manifest
from archstyle.errors import ArchstyleError
from archstyle.photos.packing import pack
from archstyle.search import arrays, schema, study
from archstyle.search.plan import Plan, as_overrides, make_plan
from archstyle.search.plot import draw, importances
from archstyle.search.report import trial_rows, write_params
from archstyle.search.sweeper import StudySweeper
from archstyle.search.trial import Outcome, Watch
from archstyle.tracking.sweeps import end_trial, sweep_run, trial_run
from tests.conftest import ROOT
from tests.test_pipeline import environment, run, set_params
from tests.tracking_project import Drawn, clean, empty_database, facades  # noqa: F401

SPACE = {"train.learning_rate": UniformDistribution(0.1, 0.9)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project's configuration with a prepared data set of which only the digest is known."""
    for name in ("conf", "src", "pipeline", "dvc.yaml", "data/corrections.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "data/prepared").mkdir()
    (tmp_path / "data/prepared/summary.json").write_text('{"digest": "photos"}')
    return tmp_path


def plan(root: Path, *arguments: str) -> Plan:
    schema.register()
    return make_plan(root, arguments)


@pytest.mark.parametrize("sweep", sorted(path.stem for path in (ROOT / "conf/sweep").glob("*")))
def test_every_sweep_of_the_project_is_sound(root: Path, sweep: str) -> None:
    found = plan(root, f"sweep={sweep}")
    assert found.sweep == sweep
    assert found.trials > 1
    assert found.space
    command = (ROOT / f"conf/sweep/{sweep}.yaml").read_text().splitlines()[1]
    assert command == ("# make sweep" if sweep == "default" else f"# make sweep SWEEP={sweep}")


def test_what_is_typed_goes_before_the_file(root: Path) -> None:
    found = plan(root, "train.learning_rate=0.0003", "train.batch_size=choice(16,32)")
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
        ("augment.zoom=choice([0.5,1.0],[2.0,3.0])", "augment.zoom"),
        ("sweep=nothing", "conf/sweep/ has default, quick"),
        ("data.limit=5", "which photos there are"),
        ("split.test=choice(0.1,0.2)", "which photos there are"),
        ("hydra/sweeper/sampler=grid", "dvc exp run --queue"),
    ],
)
def test_a_space_that_is_not_sound_stops_before_the_first_trial(
    root: Path, argument: str, message: str
) -> None:
    with pytest.raises(ArchstyleError) as error:
        plan(root, argument)
    assert message in str(error.value)


def test_more_workers_than_cores_are_refused(root: Path) -> None:
    with pytest.raises(ArchstyleError, match="1000 workers are too many"):
        plan(root, "hydra/launcher=workers", "hydra.sweeper.n_jobs=1000")


def test_the_study_is_another_one_where_its_trials_cannot_be_compared(root: Path) -> None:
    first = plan(root, "sweep=quick").study
    assert plan(root, "sweep=quick", "hydra.sweeper.n_trials=99").study == first
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["train"]["learning_rate"] = 0.00077  # searched: what is set makes no difference
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    assert plan(root, "sweep=quick").study == first
    others = [plan(root, "sweep=quick", "train.batch_size=8").study]
    (root / "data/prepared/summary.json").write_text('{"digest": "other photos"}')
    others.append(plan(root, "sweep=quick").study)
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


def storage(folder: Path) -> str:
    return f"sqlite:///{folder}/work/studies.db"


def test_a_study_is_made_once_and_keeps_what_another_process_reports(tmp_path: Path) -> None:
    opened = study.open_study(storage(tmp_path), "s")
    number = opened.ask(SPACE).number
    study.trial_of(study.open_study(storage(tmp_path), "s"), number).report(0.25, 2)
    study.prune(study.open_study(storage(tmp_path), "s"), number)
    trial = study.open_study(storage(tmp_path), "s").trials[number]
    assert (trial.state, trial.value, trial.intermediate_values) == (
        TrialState.PRUNED,
        0.25,
        {2: 0.25},
    )
    assert study.best(study.open_study(storage(tmp_path), "s")) is None


class Launcher:
    """Ends trials as it is told, by their numbers; runs nothing."""

    def __init__(self, ends: dict[int, Outcome | BaseException]):
        self.ends = ends
        self.storage = ""
        self.batches: list[list[int]] = []
        self.jobs: list[list[str]] = []

    def launch(self, jobs: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        numbers = [int(job[-1].removeprefix("study.trial=")) for job in jobs]
        self.batches.append(numbers)
        self.jobs += [list(job) for job in jobs]
        returns = []
        opened = study.open_study(self.storage, "s")
        for number in numbers:
            study.count_attempt(study.trial_of(opened, number))
            end = self.ends.get(number, Outcome(value=1 - number / 100))
            if isinstance(end, BaseException):
                raise end
            returns.append(JobReturn(status=JobStatus.COMPLETED))
            returns[-1].return_value = end
        return returns


def sweep(folder: Path, launcher: Launcher, trials: int, jobs: int = 1) -> optuna.Study:
    sweeper = StudySweeper(
        optuna.samplers.RandomSampler(seed=1),
        "minimize",
        storage(folder),
        "s",
        trials,
        jobs,
        0.0,
        None,
        None,
        {"train.learning_rate": "interval(0.1,0.9)", "use.model": "cnn"},
    )
    sweeper.launcher = launcher
    launcher.storage = storage(folder)
    sweeper.sweep(["sweep=quick", "study.name=s"])
    return study.open_study(storage(folder), "s")


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a trial that ran would have noted of itself."""
    monkeypatch.setattr("archstyle.search.sweeper.described", lambda trial: str(trial.number))


def test_failed_and_pruned_trials_do_not_end_a_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    launcher = Launcher({1: Outcome(error="it broke"), 2: Outcome(error="again"), 3: Outcome()})
    found = sweep(tmp_path, launcher, 5)
    states = [trial.state.name for trial in found.trials]
    assert states == ["COMPLETE", "FAIL", "FAIL", "PRUNED", "COMPLETE"]
    assert "Trial 1 failed: it broke" in capsys.readouterr().out
    best = study.best(found)
    assert best and best.number == 4
    assert [row[1] for row in trial_rows(found)[1:]] == [
        "",
        "",
        "stopped early",
        "failed",
        "failed",
    ]
    [*names, last] = launcher.jobs[0]
    assert last == "study.trial=0"
    assert names[:3] == ["sweep=quick", "study.name=s", "use.model=cnn"]
    assert as_overrides(found.trials[0].params) == names[3:]


def test_three_failures_in_a_row_end_it_with_their_reason(tmp_path: Path) -> None:
    launcher = Launcher({number: Outcome(error="no memory.") for number in (1, 2, 3)})
    with pytest.raises(ArchstyleError, match=r"last 3 trials failed, trial 3 with: no memory\."):
        sweep(tmp_path, launcher, 9)
    assert launcher.batches == [[0], [1], [2], [3]]
    assert len(study.finished(sweep(tmp_path, Launcher({}), 6))) == 6


def test_an_interrupted_sweep_goes_on_with_the_trial_that_was_running(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, Launcher({1: KeyboardInterrupt()}), 4)
    again = Launcher({})
    found = sweep(tmp_path, again, 4)
    assert again.batches == [[1], [2], [3]]
    assert [trial.state.name for trial in found.trials] == ["COMPLETE"] * 4
    nothing = Launcher({})
    sweep(tmp_path, nothing, 4)
    assert nothing.batches == []


def test_a_trial_that_ends_its_process_twice_has_failed(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            sweep(tmp_path, Launcher({0: KeyboardInterrupt()}), 2)
    launcher = Launcher({})
    found = sweep(tmp_path, launcher, 2)
    assert launcher.batches == [[1]]
    assert found.trials[0].state == TrialState.FAIL
    assert found.trials[0].user_attrs["error"] == "it was interrupted 2 times"


def test_workers_get_batches(tmp_path: Path) -> None:
    launcher = Launcher({})
    sweep(tmp_path, launcher, 5, jobs=2)
    assert launcher.batches == [[0, 1], [2, 3], [4]]


def test_a_second_sweep_of_a_study_is_kept_out(tmp_path: Path) -> None:
    with (
        study.only_one(tmp_path / "s.lock"),
        pytest.raises(ArchstyleError, match="running already"),
        study.only_one(tmp_path / "s.lock"),
    ):
        pass
    with study.only_one(tmp_path / "s.lock"):
        pass


class Log:
    def __init__(self) -> None:
        self.rows: list[Any] = []

    def epoch(self, row: Any) -> None:
        self.rows.append(row)


def watched(folder: Path, accuracies: Sequence[float], prune_after: int) -> tuple[int, int]:
    """Train a trial whose epochs give these accuracies; return how many epochs it was given."""
    opened = study.open_study(storage(folder), "s", prune_after)
    trial = opened.ask(SPACE)
    log = Log()
    watch = Watch(trial, log, len(accuracies))  # type: ignore[arg-type]
    try:
        watch({"phase": "head", "validation_accuracy": 0.1})
        for accuracy in accuracies:
            watch({"phase": "network", "validation_accuracy": accuracy})
        study.complete(opened, trial.number, 1 - accuracies[-1])
    except optuna.TrialPruned:
        study.prune(opened, trial.number)
    return len(log.rows) - 1, trial.number


def test_a_trial_behind_the_median_is_stopped_at_a_quarter_of_its_epochs(tmp_path: Path) -> None:
    assert watched(tmp_path, [0.2, 0.4, 0.6, 0.8], 2)[0] == 4
    assert watched(tmp_path, [0.1, 0.1, 0.1, 0.1], 2)[0] == 4  # too early to judge
    good, number = watched(tmp_path, [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], 2)
    assert good == 8
    reported = study.open_study(storage(tmp_path), "s").trials[number].intermediate_values
    assert reported == pytest.approx({1: 0.7, 2: 0.5, 3: 0.3})
    # Twice as long as the first: its second epoch is compared with their first.
    assert watched(tmp_path, [0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9], 2)[0] == 2
    states = [trial.state.name for trial in study.open_study(storage(tmp_path), "s").trials]
    assert states == ["COMPLETE", "COMPLETE", "COMPLETE", "PRUNED"]


def test_what_mattered_is_found_and_drawn(tmp_path: Path) -> None:
    opened = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space = {
        "train.learning_rate": optuna.distributions.LogUniformDistribution(1e-4, 1e-2),
        "train.epochs": optuna.distributions.IntUniformDistribution(2, 8),
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
    assert (tmp_path / "few.png").stat().st_size > 10_000


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
    with arrays.augmented(root, work, config(root, "train.epochs=3")) as first:
        made = (first / "index.json").stat().st_mtime_ns
        with arrays.augmented(root, work, config(root, "train.epochs=4")) as same:
            assert same == first
        with arrays.augmented(root, work, config(root, "augment.zoom=[0.3,1.0]")) as other:
            assert other != first
        arrays.make_room(work, 0)
        assert first.is_dir()  # in use
        assert not other.is_dir()
    with arrays.augmented(root, work, config(root)) as kept:
        assert (kept / "index.json").stat().st_mtime_ns == made
    (work / f".{first.name}.partial-1").mkdir()
    arrays.make_room(work, 0)
    assert [path.suffix for path in work.iterdir()] == [".lock", ".lock"]
    assert not (root / "data/augmented").exists()


def test_trials_are_children_of_one_run_and_end_as_they_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    empty_database: Path,  # noqa: F811
) -> None:
    import mlflow

    clean(monkeypatch, tmp_path)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    summary = {"source": {"drawn": True}, "counts": {"gothic": {"train": 3}}, "digest": "photos"}
    (tmp_path / "data/prepared").mkdir(parents=True)
    write_json(tmp_path / "data/prepared/summary.json", summary)
    settings = {"model": {"name": "tiny"}, "train": {"epochs": 2}}
    with sweep_run(tmp_path, settings, "quick", "quick-1", None) as parent:
        for number, (state, values) in enumerate(
            [("complete", {"accuracy": 0.9}), ("pruned", {}), ("failed", {})]
        ):
            with trial_run(tmp_path, settings, "quick-1", number, parent.run_id) as log:
                log.epoch({"epoch": 1, "phase": "network", "loss": 0.5})
                end_trial(log, state, f"trial {number}", values)
    with (
        pytest.raises(KeyboardInterrupt),
        sweep_run(tmp_path, settings, "quick", "quick-1", parent.run_id) as again,
    ):
        raise KeyboardInterrupt
    client = mlflow.MlflowClient()
    assert again.run_id == parent.run_id
    assert client.get_run(parent.run_id).info.status == "KILLED"
    [experiment] = [one for one in client.search_experiments() if one.name == "archstyle"]
    under = f"tags.`mlflow.parentRunId` = '{parent.run_id}'"
    children = client.search_runs([experiment.experiment_id], under)
    found = {child.info.run_name: child for child in children}
    ended = {
        name: (child.info.status, child.data.tags["trial.state"]) for name, child in found.items()
    }
    assert ended == {
        "trial 0": ("FINISHED", "complete"),
        "trial 1": ("KILLED", "pruned"),
        "trial 2": ("FAILED", "failed"),
    }
    assert found["trial 0"].data.metrics["final_validation/accuracy"] == 0.9


TINY = """# @package _global_
hydra: {sweeper: {n_trials: 2, params: {train.learning_rate: "tag(log, interval(0.001, 0.01))"}}}
"""
SWEEP = [sys.executable, "-m", "pipeline.sweep", "sweep=tiny"]


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
            shutil.copy(source / "corrections.csv", target)
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


def trials_of(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return how each trial of the only study stands, and what is noted of it."""
    database = folder / ".archstyle/sweep/studies.db"
    with sqlite3.connect(database) as connection:
        [(name,)] = connection.execute("select study_name from studies")
    trials = study.open_study(f"sqlite:///{database}", name).trials
    return [(trial.state.name, trial.user_attrs) for trial in trials]


@pytest.mark.pipeline
def test_a_killed_sweep_goes_on_with_the_same_command(tiny: Path) -> None:
    before = (tiny / "params.yaml").read_text()
    killed = subprocess.Popen(SWEEP, cwd=tiny, env=environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 180
    while not list((tiny / ".archstyle/sweep/arrays").glob("*.lock")):
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert [state for state, _ in trials_of(tiny)] == ["RUNNING"]
    output = run(tiny, *SWEEP)
    assert "0 of 2 trials are done" in output
    assert "Trial 1 is the best" in output or "Trial 0 is the best" in output
    (first, noted), (second, _) = trials_of(tiny)
    assert (first, second, noted["attempts"]) == ("COMPLETE", "COMPLETE", 2)
    assert (tiny / "params.yaml").read_text() == before
    found = tiny / "reports/sweep"
    assert (found / "mattered.png").is_file()
    learning_rate = yaml.safe_load((found / "params.yaml").read_text())["train"]["learning_rate"]
    assert 0.001 <= learning_rate <= 0.01
    assert sorted(path.name for path in (tiny / "data").iterdir()) == [
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
def test_trials_run_side_by_side_with_ray(tiny: Path) -> None:
    if not os.environ.get("ARCHSTYLE_TEST_RAY"):
        pytest.skip("ARCHSTYLE_TEST_RAY is unset: Ray takes minutes where the cores are busy")
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core only: trials cannot run side by side")
    start = "import ray; ray.init(address='local', num_cpus=1, include_dashboard=False)"
    tried = subprocess.run([sys.executable, "-c", start], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"Ray does not start here: {tried.stderr.decode()[-200:]}")
    shutil.rmtree(tiny / ".archstyle/sweep", ignore_errors=True)
    side_by_side = ["hydra/launcher=workers", "hydra.sweeper.n_jobs=2"]
    output = run(tiny, *SWEEP, *side_by_side)
    assert [state for state, _ in trials_of(tiny)] == ["COMPLETE", "COMPLETE"]
    assert "is the best on the validation photos" in output
    with sqlite3.connect(tiny / "mlflow.db") as database:
        rows = database.execute(
            "select start_time, end_time from runs where name like 'trial %' "
            "order by start_time desc limit 2"
        )
        (later, _), (_, earlier_end) = rows
    assert later < earlier_end, "one after the other"
