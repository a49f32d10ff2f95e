"""What the pipeline bears: `python -m benchmarks.faults [ROW ...]`, all rows by default.

kills    `dvc repro` is killed at twenty random moments and run again
twice    two `dvc repro` on one folder at once
registry two registers and a promote on one registry at once, from three folders
disk     a disk that is full in each stage, in three sizes of what is left (as root, on Linux)
slow     a tracking server that takes ten seconds for an answer, or for all but the first

Each runs a small project of drawn facades in temporary folders, with a store of its own, and
compares with a run that nothing befell. About 40 minutes on two cores.
"""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from archstyle.common.console import run, say, table
from archstyle.errors import ArchstyleError
from benchmarks.pipeline import copy
from tests.network_line import Line

ROOT = Path(__file__).parents[1]
KILLS, ROUND = 20, 4  # all, and how many befall one project before it may finish
TEN = 10.0
STAGES = ("fetch", "prepare", "describe", "augment", "train", "evaluate", "register")
LEFT = (0, 64 * 1024, 1024 * 1024)  # bytes
SMALL = {
    "data: photos": "data: facades",
    "model: efficientnet_lite0 ": "model: cnn ",
    "limit: null": "limit: 24",
    "epochs: null": "epochs: 2",
    "bootstrap_samples: 2000": "bootstrap_samples: 200",
}
# These hold the run's id, which is another's in another project.
OWN = ("models/run.json", "reports/index.html", "reports/model-card.md", "reports/registered.json")
NOTHING: Mapping[str, str] = {}
RUNS = """
import mlflow, os
client = mlflow.MlflowClient(os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"))
[made] = [one for one in client.search_experiments() if one.name == "archstyle"]
print("runs", *sorted(run.info.status for run in client.search_runs([made.experiment_id])))
print("versions", *[one.version for one in client.search_model_versions()])
"""
ALIASES = """
import json
from archstyle.registry.versions import all_versions, champion, changes
told = [one.version for one in changes() if one.alias == "champion"]
numbers = json.dumps([one.version for one in all_versions()])
print("told", champion().version, numbers, json.dumps(told))
"""


@dataclass
class Ended:
    """What a command said and how it ended; status None where it was killed."""

    status: int | None
    said: str


def main(arguments: Sequence[str]) -> None:
    rows: dict[str, Callable[[Path], Iterator[tuple[str, str, bool]]]] = {
        "kills": lambda whole: kills(whole, seconds),
        "twice": twice,
        "registry": registry,
        "disk": disk,
        "slow": slow,
    }
    if unknown := set(arguments) - rows.keys():
        raise ArchstyleError(f"There is no {', '.join(unknown)}: rows are {', '.join(rows)}.")
    found: list[tuple[str, str, bool]] = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        whole = project(Path(folder) / "whole")
        began = time.monotonic()
        expect(repro(whole).status == 0, "a run that nothing befalls must end well")
        seconds = time.monotonic() - began
        say(f"A run that nothing befalls takes {seconds:.0f} s.")
        for name in arguments or rows:
            for row in rows[name](whole):
                say(f"{'ok' if row[2] else 'NOT OK'}: {row[0]}: {row[1]}")
                found.append(row)
    say(
        "\n"
        + table(
            [
                ("fault", "what was seen", "ok?"),
                *((a, b, "ok" if ok else "NO") for a, b, ok in found),
            ]
        )
    )
    if not all(ok for *_, ok in found):
        raise ArchstyleError("Not everything was borne: see the table.")


def project(target: Path) -> Path:
    """A copy of this project that is small enough to be run two dozen times."""
    copy(ROOT, target)
    text = (target / "params.yaml").read_text("utf-8")
    for old, new in SMALL.items():
        expect(old in text, f"params.yaml must have {old!r}")
        text = text.replace(old, new)
    (target / "params.yaml").write_text(text, "utf-8")
    drawn = target / "conf/data/facades.yaml"
    drawn.write_text(drawn.read_text("utf-8").replace("count: 1000", "count: 120"), "utf-8")
    return target


def environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    ours = ("ARCHSTYLE_", "DVC_", "MLFLOW_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    own = {"PYTHONPATH": str(folder / "src"), "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}
    return {**kept, "PATH": path, **own, "MLFLOW_DISABLE_TELEMETRY": "true", **more}


@contextmanager
def started(
    folder: Path, *command: str, log: Path | None = None, more: Mapping[str, str] = NOTHING
) -> Iterator["subprocess.Popen[str]"]:
    """A command in a process group of its own, which is killed at the end."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder, more),
        stdin=subprocess.DEVNULL,
        stdout=log.open("w") if log else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ended(
    folder: Path, *command: str, kill_after: float | None = None, more: Mapping[str, str] = NOTHING
) -> Ended:
    with started(folder, *command, more=more) as process:
        try:
            said = process.communicate(timeout=kill_after)[0]
            return Ended(process.returncode, said)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return Ended(None, process.communicate()[0])


def repro(
    folder: Path, *words: str, kill_after: float | None = None, more: Mapping[str, str] = NOTHING
) -> Ended:
    return ended(folder, "dvc", "repro", *words, kill_after=kill_after, more=more)


def digests(folder: Path) -> dict[str, str]:
    """Return {out: md5} of what does not hold the run's id, as dvc.lock has them."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text("utf-8"))["stages"].values()
    outs = {out["path"]: str(out["md5"]) for stage in stages for out in stage["outs"]}
    metrics = (folder / "reports/metrics.json").read_text("utf-8")
    return {**{path: outs[path] for path in outs if path not in OWN}, "numbers": metrics}


def wrong(folder: Path, whole: Path, at: Mapping[str, str] = NOTHING) -> list[str]:
    """Return what differs from a run that nothing befell, and what is left behind."""
    here, there = digests(folder), digests(whole)
    told = [f"{path} differs" for path in there if here.get(path) != there[path]]
    told += [f"{path} is left" for path in half_written(folder)]
    said = ended(folder, sys.executable, "-c", RUNS, more=at).said
    runs = re.findall(r"^runs (.*)$", said, re.M)
    states = runs[0].split() if runs else []
    if states.count("FINISHED") != 1 or not set(states) <= {"FINISHED", "KILLED", "FAILED"}:
        told.append(f"the runs are {' '.join(states) or said[-300:]}")
    if not re.search(r"^versions 1$", said, re.M):
        told.append(f"not one version: {said[-100:]}")
    if "up to date" not in (again := repro(folder, more=at).said) or "Running" in again:
        told.append("a run of what is finished does something")
    return told


def half_written(folder: Path) -> list[Path]:
    return [
        path.relative_to(folder)
        for pattern in (".*partial-*", ".*.old", ".archstyle/fetch-*")
        for path in folder.rglob(pattern)
    ]


def stage_of(said: str) -> str:
    return (re.findall(r"Running stage '(\w+)'", said) or ["before fetch"])[-1]


def kills(whole: Path, seconds: float) -> Iterator[tuple[str, str, bool]]:
    """Kill all processes at any moment of a run, up to four times a project; let it finish."""
    rng, done, number = random.Random(13), 0, 0
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        while done < KILLS:
            number += 1
            killed = project(Path(folder) / str(number))
            where: list[str] = []
            while len(where) < ROUND:
                end = repro(killed, kill_after=rng.uniform(0.5, seconds))
                if end.status is not None:
                    expect(end.status == 0, end.said[-600:])
                    break  # it was quicker
                where.append(stage_of(end.said))
                say(f"Killed in {where[-1]}.")
            done += len(where)
            last = repro(killed)
            told = wrong(killed, whole) if last.status == 0 else [last.said[-600:]]
            told += [f"{path.name} is left" for path in killed.glob(".archstyle/training/*")]
            name = f"killed in {', '.join(where)}"
            yield name, "; ".join(told) or "as if nothing had been", not told


def twice(whole: Path) -> Iterator[tuple[str, str, bool]]:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        both = project(Path(folder) / "both")
        with started(both, "dvc", "repro") as one, started(both, "dvc", "repro") as other:
            said = [process.communicate()[0] for process in (one, other)]
        states = sorted([one.returncode, other.returncode])
        say(f"They ended with {states}: {[text.strip().splitlines()[-3:] for text in said]}")
        again = repro(both)
        told = wrong(both, whole) if again.status == 0 else [again.said[-600:]]
        yield (
            "two dvc repro at once",
            "; ".join(told) or f"ended with {states}, and again: whole",
            not told,
        )


def registry(whole: Path) -> Iterator[tuple[str, str, bool]]:
    at = {"MLFLOW_TRACKING_URI": f"sqlite:///{whole}/mlflow.db"}
    register, promote = (sys.executable, "-m", "pipeline.register"), ("archstyle", "promote", "1")
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, ExitStack() as stack:
        processes = []
        for number, command in enumerate((register, register, promote)):
            clone = Path(folder) / str(number)
            shutil.copytree(whole, clone, symlinks=True)
            (clone / "models/run.json").write_text(json.dumps({"run_id": f"clone-{number}"}))
            processes.append(stack.enter_context(started(clone, *command, more=at)))
        said = [process.communicate()[0] for process in processes]
        told = [text[-300:] for p, text in zip(processes, said, strict=True) if p.returncode]
        state = ended(whole, sys.executable, "-c", ALIASES).said
        found = re.search(r"^told (\d) (\[.*\]) (\[.*\])$", state, re.M)
        if not found:
            told.append(state[-300:])
        else:
            champion, versions, changes = found.groups()
            if json.loads(versions) != ["1", "2", "3"] or json.loads(changes)[-1] != champion:
                told.append(state)
        seen = "three versions, and the journal ends with the champion"
        yield "two registers and a promote at once", "; ".join(told) or seen, not told


def disk(whole: Path) -> Iterator[tuple[str, str, bool]]:
    expect(not os.geteuid(), "disk needs root, which may mount a small one.")
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, mounted(Path(folder)):
        small = project(Path(folder) / "small")
        (Path(folder) / "tmp").mkdir()
        expect(repro(small).status == 0, "it must end well before the disk is full")
        for stage in STAGES:
            told = []
            for left in LEFT:
                with filled(Path(folder), left):
                    command = (sys.executable, "-m", f"pipeline.{stage}")
                    end = ended(small, *command, more={"TMPDIR": f"{folder}/tmp"})
                full = re.search("disk is full|No space left", end.said)
                one = end.status and full and "Traceback" not in end.said
                if end.status and not one:
                    told.append(f"{left} bytes left: {end.said[-800:]}")
            told += [f"{path} is left" for path in half_written(small)]
            # What was there stays: nothing has to be done again.
            if "Running" in (again := repro(small).said):
                told.append(f"the next repro ran {stage_of(again)}")
            yield (
                f"disk full in {stage}",
                "; ".join(told) or "one sentence, nothing changed",
                not told,
            )
        # What register could not finish it finishes now.
        expect(repro(small, "--force", "--single-item", "register").status == 0, "it must register")
        told = wrong(small, whole)
        yield "and with space again", "; ".join(told) or "as if nothing had been", not told


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Make a folder a drive of its own, in memory."""
    command = ("mount", "-t", "tmpfs", "-o", "size=250m", "tmpfs", str(folder))
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path, left: int) -> Iterator[None]:
    """Leave so many bytes of a drive."""
    found = os.statvfs(folder)
    filler = folder / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - left)
    try:
        yield
    finally:
        filler.unlink()


def slow(whole: Path) -> Iterator[tuple[str, str, bool]]:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        late = project(Path(folder) / "late")
        port = free_port()
        place = ("--backend-store-uri", f"sqlite:///{folder}/store.db", "--port", str(port))
        files = ("--artifacts-destination", f"{folder}/files", "--workers", "1")
        command = (sys.executable, "-m", "mlflow", "server", *place, *files)
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with started(late, *command, log=Path(folder) / "log", more=quiet):
            line = Line(port)
            at = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{line.port}"}
            while ended(late, "curl", "-s", f"http://127.0.0.1:{port}/health").status:
                time.sleep(0.5)
            expect(repro(late, "augment").status == 0, "what needs no server must end well")
            line.slow = TEN
            began = time.monotonic()
            end = repro(late, "train", more=at)
            took = time.monotonic() - began
            good = bool(end.status) and "does not answer in" in end.said
            yield "ten seconds an answer, at start", f"{last_line(end)} ({took:.0f} s)", good
            line.slow = 0.0
            with started(late, "dvc", "repro", "train", more=at) as process:
                assert process.stdout
                said = ""
                while text := process.stdout.readline():
                    said += text
                    if "Epoch 1 of" in text:
                        line.slow = TEN
            lost = re.findall(r"MLflow was lost.*", said)
            good = process.returncode == 0 and len(lost) == 1
            yield "ten seconds an answer, in training", " ".join(lost) or said[-300:], good
            for stage, status in (("evaluate", 0), ("register", 255)):
                end = repro(late, stage, more=at)
                good = bool(end.status) == bool(status) and "Traceback" not in end.said
                yield f"ten seconds an answer, in {stage}", last_line(end), good
            line.slow = 0.0
            expect(repro(late, more=at).status == 0, "it must end well when the server is quick")
            told = wrong(late, whole, at)
            yield (
                "and when it is quick again",
                "; ".join(told) or "as if nothing had been",
                not told,
            )


def last_line(end: Ended) -> str:
    told = [line for line in end.said.splitlines() if line.startswith(("error:", "warning:"))]
    return (told or end.said.strip().splitlines()[-3:])[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def expect(true: bool, told: str) -> None:
    if not true:
        raise ArchstyleError(told)


if __name__ == "__main__":
    run(main)
