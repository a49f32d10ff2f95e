"""sweep: searches values of the recipe; what is searched is in conf/sweep/.

python -m pipeline.sweep [sweep=quick] [hydra.sweeper.n_trials=20] [train.epochs=4]
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from archstyle.common.console import run, say
from archstyle.search import schema, study
from archstyle.search.arrays import make_room
from archstyle.search.ending import end_sweep
from archstyle.search.plan import Plan, make_plan
from archstyle.search.trial import ARRAYS, Outcome, run_trial, threads_of
from archstyle.tracking.sweeps import sweep_run

WORK = Path(".archstyle/sweep")


def main(arguments: Sequence[str]) -> None:
    """Run what is left of the sweep, and say what came of it."""
    root = Path.cwd()
    schema.register()
    plan = make_plan(root, arguments)
    with study.only_one(root / WORK / f"{plan.study}.lock"):
        opened = study.open_study(plan.storage, plan.study)
        known = opened.user_attrs.get("run_id")
        with sweep_run(root, asdict(plan.config), plan.sweep, plan.study, known) as log:
            opened.set_user_attr("run_id", log.run_id)
            done = len(study.finished(opened))
            say(f"sweep {plan.study}: {done} of {plan.trials} trials are done.")
            try:
                launch(plan, arguments, log.run_id, len(opened.trials))
            except KeyboardInterrupt:
                say("\nInterrupted. The same command goes on where this one was.")
                raise
            finally:
                make_room(root / ARRAYS, 0)
            end_sweep(root, plan, study.open_study(plan.storage, plan.study), log)


def launch(plan: Plan, arguments: Sequence[str], run_id: str, trials: int) -> None:
    """Hand over to Hydra's multirun."""
    found = {"study.name": plan.study, "study.run_id": run_id}
    if plan.reseed:
        # A sampler that starts from the same seed again would try the same values again.
        found["hydra.sweeper.sampler.seed"] = str(plan.config.seed + trials)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors are told by our own `run`
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    sys.argv[1:] = [*arguments, *(f"{name}={value}" for name, value in found.items())]
    multirun()


@hydra.main(version_base="1.3", config_path=str(Path.cwd() / "conf"), config_name="sweep")
def multirun(config: DictConfig) -> Outcome:
    """Run one trial, in the process that Hydra's launcher gives it."""
    around = HydraConfig.get()
    settings: Any = OmegaConf.to_object(config.study)
    threads = threads_of(around.runtime.choices["hydra/launcher"], around.sweeper.n_jobs)
    return run_trial(Path(around.runtime.cwd), around.overrides.task, settings, threads)


if __name__ == "__main__":
    run(main)
