"""Runs what is left of a sweep: workers ask Optuna for trials, run them and tell how they end."""

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.connection import wait as wait_for
from pathlib import Path

import optuna
from optuna.exceptions import OptunaError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from archstyle.common.cluster import connected
from archstyle.common.console import say
from archstyle.common.files import locked
from archstyle.common.parallel import cores
from archstyle.errors import ArchstyleError
from archstyle.search.plan import Plan
from archstyle.search.report import described, report
from archstyle.search.trial import AGAIN, TAGS, WORK, open_study, remove_unused, run_trial
from archstyle.tracking.facts import is_alive
from archstyle.tracking.runlog import first_line
from archstyle.tracking.runs import start_run

FAILURES_IN_A_ROW = 3
PAUSE_SECONDS = 1.0
HOLDER = "holder"  # attribute of a study: host and process of the sweep that has it
Ended = Future[tuple[int, str]]
Start = Callable[[Plan, str, int], Ended]  # the arguments of run_trial


def sweep(plan: Plan, workers: int = 1, ray: str | None = None, take_over: bool = False) -> None:
    """Run what is left of a sweep, on this machine or on the Ray cluster at an address.

    `take_over` what another process has begun, which must be gone. Raises ArchstyleError where no
    trial ran to its end.
    """
    if not ray and workers > cores():
        raise ArchstyleError(f"{workers} workers are too many for the {cores()} cores here.")
    with only_one(plan, take_over) as study:
        known = study.user_attrs.get("run_id")
        name, tags = f"sweep {plan.sweep}", TAGS | {"sweep": plan.study}
        with start_run(plan.root, asdict(plan.config), name, known, "sweep", tags) as log:
            log.keep_going = False
            study.set_user_attr("run_id", log.run_id)
            run_again(study)
            say(f"sweep {plan.study}: {len(finished(study))} of {plan.trials} trials are done.")
            try:
                with _on_ray(ray, workers) if ray else _here(plan.root, workers) as start:
                    run_trials(study, plan, log.run_id, workers, start)
            except KeyboardInterrupt:
                say("\nInterrupted. The same command goes on where this one was.")
                raise
            finally:
                remove_unused(plan.root / WORK / "arrays")
            report(plan, study, finished(study), log)
            log.finish()


@contextmanager
def only_one(plan: Plan, take_over: bool = False) -> Iterator[optuna.Study]:
    """Open the study and keep a second sweep of it out, here and on machines that share it."""
    mine, folder, who = [socket.gethostname(), os.getpid()], plan.root / WORK, ""
    try:
        with locked(folder / f"{plan.study}.lock", wait=False):
            try:
                study = open_study(plan)
            except (ValueError, ImportError) as error:  # of an address, as of its port; its driver
                raise OptunaError(str(error)) from error
            host, pid = study.user_attrs.get(HOLDER) or mine
            held = host != mine[0] or (pid != mine[1] and is_alive(str(pid)))
            if held and not take_over and str(folder) not in plan.storage:  # which the lock keeps
                who = f", as process {pid} of {host} (where that is gone: --take-over)"
                raise BlockingIOError
            study.set_user_attr(HOLDER, mine)
            if str(folder) not in plan.storage:
                time.sleep(PAUSE_SECONDS)  # of two that begin at once the second stays
            try:
                if study.user_attrs.get(HOLDER) != mine:
                    raise BlockingIOError
                yield study
            finally:
                if study.user_attrs.get(HOLDER) == mine:
                    study.set_user_attr(HOLDER, None)
    except BlockingIOError:
        told = "wait for it, or search something else beside it."
        raise ArchstyleError(f"This sweep is running already{who}: {told}") from None
    except UpdateFinishedTrialError:
        raise ArchstyleError("Another sweep took this one over and goes on with it.") from None
    except (SQLAlchemyError, OptunaError) as error:
        told = "see --storage, an SQLAlchemy address, and its driver, then run this again."
        raise ArchstyleError(f"The trials cannot be kept ({first_line(error)}): {told}") from error


def run_again(study: optuna.Study) -> None:
    """Queue the interrupted trials once more; what was interrupted twice has failed.

    Only one sweep of a study runs, so that what still runs at its start was interrupted. What
    ended its process twice, for example a lack of memory, would do it again for ever.
    """
    queued = {trial.user_attrs.get(AGAIN) for trial in study.trials}
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        if AGAIN not in trial.user_attrs and trial.number not in queued:
            study.enqueue_trial(trial.params, {AGAIN: trial.number})
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that need no further work: failed ones too, but none that runs again."""
    again = {trial.user_attrs.get(AGAIN) for trial in study.trials}
    return [one for one in study.trials if one.state.is_finished() and one.number not in again]


def run_trials(study: optuna.Study, plan: Plan, run_id: str, workers: int, start: Start) -> None:
    """Run trials until the study has as many as planned, `workers` at a time.

    Raises ArchstyleError where the last trials all failed: the next ones would, too.
    """
    seed = plan.config.seed + len(study.trials)
    running: set[Ended] = set()
    while True:
        done = finished(study)
        while len(running) < min(workers, plan.trials - len(done)):
            running.add(start(plan, run_id, seed))
            seed += 1
        if not running:
            return
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            number, fault = _result(future)
            say(f"{fault}{described(study.trials[number])}")
        last = finished(study)[-FAILURES_IN_A_ROW:]
        if [trial.state for trial in last] == [TrialState.FAIL] * FAILURES_IN_A_ROW:
            raise ArchstyleError(
                f"The last {FAILURES_IN_A_ROW} trials failed. {described(last[-1])} Mend that, "
                "then the same command goes on with the trials that are left."
            )


@contextmanager
def _here(root: Path, workers: int) -> Iterator[Start]:
    """Start trials on this machine; the only worker is this process."""
    if workers == 1:

        def at_once(plan: Plan, run_id: str, seed: int) -> Ended:
            future: Ended = Future()
            future.set_result(run_trial(plan, run_id, seed))
            return future

        yield at_once
        return
    log = root / WORK / "workers.log"
    say(f"What the trials say is in {log.relative_to(root)}.")
    processes = multiprocessing.get_context("spawn")
    threads = max(1, cores() // workers)
    with ProcessPoolExecutor(workers, processes, _begin_worker, (log,)) as pool:
        yield lambda plan, run_id, seed: pool.submit(run_trial, plan, run_id, seed, threads)


def _begin_worker(log: Path) -> None:
    """Keep what trials print apart, and end with the sweep, however that ends."""
    with log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

    def follow() -> None:
        wait_for([multiprocessing.parent_process().sentinel])  # type: ignore[union-attr]
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _on_ray(address: str, workers: int) -> Iterator[Start]:
    """Start trials on a cluster, whose cores the workers share; a trial runs on one machine."""
    with connected(address) as ray:
        # The cores that Ray gives to a trial are the threads that it may use.
        nodes = [one["Resources"].get("CPU", 0) for one in ray.nodes() if one["Alive"]]
        share = max(1, int(sum(nodes)) // max(workers, sum(map(bool, nodes))))
        trial = ray.remote(num_cpus=share, max_retries=0)(run_trial)
        yield lambda *job: trial.remote(*job, share).future()


def _result(future: Ended) -> tuple[int, str]:
    try:
        return future.result()
    except (ArchstyleError, OptunaError, SQLAlchemyError) as error:
        raise getattr(error, "cause", error) from None  # Ray adds a traceback to it
    except Exception as error:  # of the pool's or of Ray's
        told = "where memory was lacking, try fewer workers. The same command goes on."
        why = f"{type(error).__name__}: {first_line(error)}"
        raise ArchstyleError(f"A trial's process ended badly ({why}): {told}") from error
