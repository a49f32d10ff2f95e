"""What a sweep ends with: a table, a params file to look at, and a plot of what mattered."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization.matplotlib import plot_slice
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from archstyle.common.console import say
from archstyle.common.files import whole_file
from archstyle.errors import ArchstyleError
from archstyle.reports.theme import DRAWN, LIGHT, applied, save
from archstyle.search.plan import Plan, as_overrides
from archstyle.search.trial import ERROR
from archstyle.tracking.runlog import RunLog

REPORTS = Path("reports/sweep")
SHOWN = 15
MEASURED = ("negative_log_likelihood", "accuracy", "macro_f1", "minutes")
ENDS = {TrialState.COMPLETE: "", TrialState.PRUNED: "stopped early", TrialState.FAIL: "failed"}
ENOUGH = 4  # trials that ran to their end, below which nothing can be said


def report(plan: Plan, study: optuna.Study, trials: Sequence[FrozenTrial], log: RunLog) -> None:
    """Say what the trials found, write reports/sweep/ and tell the parent run.

    Raises ArchstyleError where none of them ran to its end.
    """
    table = trial_table(trials)
    left = f"\nand {len(table) - SHOWN} more" if len(table) > SHOWN else ""
    say(f"\n{table.head(SHOWN).to_string(index=False)}{left}\n")
    if not study.get_trials(states=[TrialState.COMPLETE]):
        raise ArchstyleError(
            "No trial ran to its end, so there is nothing to choose from. Why is above; mend it "
            "and ask for more trials."
        )
    best = study.best_trial
    params, plot = (plan.root / REPORTS / name for name in ("params.yaml", "mattered.png"))
    why = f"sweep {plan.sweep}, trial {best.number}"
    values = as_overrides({**plan.fixed, **best.params})
    write_params(plan.root / "params.yaml", params, values, why)
    draw(study, plot, log.facts.drawn)
    log.metrics({name: best.user_attrs[name] for name in MEASURED}, "final_validation")
    log.artifacts(params)
    log.artifacts(plot)
    text = f"A search of values; **trial {best.number}** is the best on the validation photos."
    lines = [table.columns, ["---"] * len(table.columns), *table.to_numpy()]
    note = "\n".join([f"{text}\n", *(f"| {' | '.join(line)} |" for line in lines)])
    log.note({"mlflow.note.content": note, "best.trial": best.number})
    log.rename_to(f"sweep {plan.sweep}, best {best.value:.4f}")
    shown = params.relative_to(plan.root)
    say(
        f"Trial {best.number} is the best on the validation photos; the test photos were not "
        f"looked at.\nWhat mattered is in {plot.relative_to(plan.root)}, its values are in {shown}."
        f" Next:\n  diff params.yaml {shown}\n  cp {shown} params.yaml && make run\n"
        "  make ui      # the trials, below their parent run"
    )


def described(trial: FrozenTrial) -> str:
    """Return how a trial ended."""
    if trial.state == TrialState.FAIL:
        why = trial.user_attrs.get(ERROR, "it was interrupted twice.")
        return f"Trial {trial.number} failed: {why}"
    if trial.state == TrialState.PRUNED:
        return f"Trial {trial.number} was stopped early: it was behind the median."
    told = (f"{name.replace('_', ' ')} {trial.user_attrs[name]:.4g}" for name in MEASURED)
    return f"Trial {trial.number}: {', '.join(told)}"


def trial_table(trials: Sequence[FrozenTrial]) -> pd.DataFrame:
    """Return a row of text for each trial: the best first, then stopped early, then failed."""
    order = list(ENDS)
    rows = [
        {"trial": one.number, "end": ENDS[one.state]}
        | {name.replace("_", " "): one.user_attrs.get(name, "") for name in MEASURED}
        | one.params
        for one in sorted(trials, key=lambda t: (order.index(t.state), t.value or 0.0, t.number))
    ]
    table = pd.DataFrame(rows, dtype=object).fillna("")
    return table.map(lambda value: f"{value:.4g}" if isinstance(value, float) else str(value))


def write_params(source: Path, target: Path, overrides: Sequence[str], why: str) -> None:
    """Write params.yaml under these overrides; what it says else stays, comments too.

    A key that `source` does not have is added to its section. Behind a changed value stands `why`,
    after what was said of it before.
    """
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 200
    yaml.representer.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    params: Any = yaml.load(source.read_text("utf-8"))
    for override in overrides:
        name, _, text = override.partition("=")
        section, _, key = name.partition(".")
        values = params.setdefault(section, CommentedMap())
        value = YAML().load(text)
        if values.get(key) == value:
            continue
        values[key] = value
        comment = values.ca.items.get(key)
        said = comment[2].value if comment and comment[2] else ""
        before, rest = said.strip("# \n"), "\n\n" if said.endswith("\n\n") else ""
        values.yaml_add_eol_comment(f"{before}; {why}{rest}" if before else why, key, column=29)
    with whole_file(target) as path, path.open("w", encoding="utf-8") as file:
        yaml.dump(params, file)


def importances(study: optuna.Study) -> dict[str, float]:
    """Return each value's share in what made the trials differ, by fANOVA; nothing of too few."""
    ended = study.get_trials(states=[TrialState.COMPLETE])
    if len(ended) < ENOUGH or len({trial.value for trial in ended}) < 2:
        return {}
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def draw(study: optuna.Study, path: Path, drawn: bool) -> None:
    """Write a PNG: each value against what it gave, and above it its share in what mattered."""
    found = importances(study)
    about = "what mattered: share of the trials' differences"
    about = about if found else "too few trials to tell what mattered"
    with applied(LIGHT), warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        plt.rcParams.update({"text.parse_math": True, "figure.constrained_layout.use": True})
        made: Any = plot_slice(study, target_name="negative log-likelihood of a trial")
        grid = np.atleast_1d(made)
        for axes in grid:
            axes.set_title(f"{found[axes.get_xlabel()]:.0%}" if found else "")
        figure = grid[0].figure
        figure.suptitle(f"{about} ({DRAWN})" if drawn else about)
        path.parent.mkdir(parents=True, exist_ok=True)
        save(figure, path)
        plt.close(figure)
