"""Hydra's Optuna sweeper with what it lacks: pruned, failed, interrupted and resumed trials."""

from collections.abc import Sequence
from typing import Any

import optuna
from hydra.core.utils import JobReturn
from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl
from optuna.trial import FrozenTrial

from archstyle.common.console import say
from archstyle.errors import ArchstyleError
from archstyle.search import study as studies
from archstyle.search.plan import as_overrides, read_space
from archstyle.search.trial import Outcome


class StudySweeper(OptunaSweeperImpl):
    """Runs trials until the study has `n_trials` finished ones, `n_jobs` at a time.

    Sampler, space and launcher are the plugin's. A job returns an Outcome; the number of its trial
    is its override `study.trial`.
    """

    def sweep(self, arguments: list[str]) -> None:
        """Ask for trials, launch them and tell the study how they ended."""
        params = self._parse_sweeper_params_config()
        space, fixed = read_space([*params, *arguments])
        again = studies.begin_again(self._study())
        while numbers := self._next(again, space):
            self._tell(numbers, self._launch(numbers, arguments, fixed))
            again = again[len(numbers) :]
            studies.check_failures(studies.finished(self._study()))

    def _study(self) -> optuna.Study:
        assert self.storage and self.study_name
        return studies.open_study(self.storage, self.study_name, sampler=self.sampler)

    def _next(self, again: Sequence[int], space: dict[str, Any]) -> list[int]:
        """Return the trials of the next batch: interrupted ones, then new ones."""
        study = self._study()
        left = self.n_trials - len(studies.finished(study))
        numbers = list(again[: self.n_jobs])
        while len(numbers) < min(self.n_jobs, left):
            numbers.append(study.ask(space).number)
        return numbers

    def _launch(
        self, numbers: Sequence[int], arguments: list[str], fixed: dict[str, str]
    ) -> Sequence[JobReturn]:
        trials = self._study().trials
        ours = [argument for argument in arguments if argument.startswith(("sweep=", "study."))]
        for number in numbers:
            values = ", ".join(as_overrides(trials[number].params))
            say(f"\nTrial {number} ({number + 1} of {self.n_trials}): {values}")
        jobs = [
            [*ours, *as_overrides({**fixed, **trials[number].params}), f"study.trial={number}"]
            for number in numbers
        ]
        assert self.launcher
        try:
            return self.launcher.launch(jobs, initial_job_idx=numbers[0])
        except ConnectionError as error:
            raise ArchstyleError(
                f"{error}: start it with `ray start --head`, or leave LAUNCHER=cluster out."
            ) from error

    def _tell(self, numbers: Sequence[int], returns: Sequence[JobReturn]) -> None:
        study = self._study()
        for number, returned in zip(numbers, returns, strict=True):
            outcome: Outcome = returned.return_value
            if outcome.error:
                studies.fail(study, number, outcome.error)
                say(f"{outcome.details}Trial {number} failed: {outcome.error}")
            elif outcome.value is None:
                studies.prune(study, number)
                say(f"Trial {number} was stopped early: it was behind the median.")
            else:
                studies.complete(study, number, outcome.value)
                say(described(study.trials[number]))


def described(trial: FrozenTrial) -> str:
    """Return what a trial that ran to its end reached."""
    found = trial.user_attrs
    return (
        f"Trial {trial.number}: negative log-likelihood {trial.value:.4f}, accuracy "
        f"{found['accuracy']:.3f}, macro F1 {found['macro_f1']:.3f}; "
        f"{found['minutes']:.1f} minutes."
    )
