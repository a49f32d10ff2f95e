"""What a sweep ends with: a table, a params file to look at, and a plot of what mattered."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from optuna.distributions import CategoricalDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from archstyle.common.console import say, table
from archstyle.common.files import whole_file
from archstyle.errors import ArchstyleError
from archstyle.reports.theme import LIGHT, Theme, applied, note_drawn, save
from archstyle.search.plan import Plan, as_overrides
from archstyle.search.trial import ERROR
from archstyle.tracking.runlog import RunLog

REPORTS = Path("reports/sweep")
SHOWN = 15
TWICE = "it was interrupted twice."
HEADER = ("trial", "", "neg. log-lik.", "accuracy", "macro F1", "minutes")
ENDS = {TrialState.COMPLETE: "", TrialState.PRUNED: "stopped early", TrialState.FAIL: "failed"}
MEASURED = {"negative_log_likelihood": 4, "accuracy": 3, "macro_f1": 3, "minutes": 1}
COLUMNS = 3
ENOUGH = 4  # trials that ran to their end, below which nothing can be said


def report(plan: Plan, study: optuna.Study, trials: Sequence[FrozenTrial], log: RunLog) -> None:
    """Say what the trials found, write reports/sweep/ and tell the parent run.

    Raises ArchstyleError where none of them ran to its end.
    """
    rows = trial_rows(trials)
    left = f"\nand {len(rows) - 1 - SHOWN} more" if len(rows) > SHOWN + 1 else ""
    say(f"\n{table(rows[: SHOWN + 1])}{left}\n")
    best = next((one for one in ordered(trials) if one.state == TrialState.COMPLETE), None)
    if best is None:
        raise ArchstyleError(
            "No trial ran to its end, so there is nothing to choose from. Why is above; mend it "
            "and ask for more trials."
        )
    params, plot = (plan.root / REPORTS / name for name in ("params.yaml", "mattered.png"))
    why = f"sweep {plan.sweep}, trial {best.number}"
    values = as_overrides({**plan.fixed, **best.params})
    write_params(plan.root / "params.yaml", params, values, why)
    draw(study, plot, log.facts.drawn)
    log.metrics({name: best.user_attrs[name] for name in MEASURED}, "final_validation")
    log.artifacts(params)
    log.artifacts(plot)
    lines = [f"| {' | '.join(row)} |" for row in rows]
    text = f"A search of values; **trial {best.number}** is the best on the validation photos."
    note = "\n".join([text, "", lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
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
        return f"Trial {trial.number} failed: {trial.user_attrs.get(ERROR, TWICE)}"
    if trial.state == TrialState.PRUNED:
        return f"Trial {trial.number} was stopped early: it was behind the median."
    told = zip(HEADER[2:], _measured(trial), strict=True)
    return f"Trial {trial.number}: {', '.join(f'{name} {value}' for name, value in told)}"


def ordered(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return trials the best first, then those stopped early and those failed."""
    order = list(ENDS)
    return sorted(trials, key=lambda one: (order.index(one.state), one.value or 0.0, one.number))


def trial_rows(trials: Sequence[FrozenTrial]) -> list[tuple[str, ...]]:
    """Return a header and a row of text for each trial that ended."""
    names = sorted({name for trial in trials for name in trial.params})
    rows = [(*HEADER, *names)]
    for trial in ordered(trials):
        values = [trial.params.get(name, "") for name in names]
        told = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
        rows.append((str(trial.number), ENDS[trial.state], *_measured(trial), *told))
    return rows


def _measured(trial: FrozenTrial) -> list[str]:
    found = trial.user_attrs
    return [f"{found[key]:.{n}f}" if key in found else "" for key, n in MEASURED.items()]


def write_params(source: Path, target: Path, overrides: Sequence[str], why: str) -> None:
    """Write params.yaml under these overrides; what it says else stays, comments too.

    A key that `source` does not have is added to its section. Behind a changed value stands `why`,
    after what was said of it before.
    """
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 200
    null = "tag:yaml.org,2002:null"
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar(null, "null")
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


def draw(study: optuna.Study, path: Path, drawn: bool, theme: Theme = LIGHT) -> None:
    """Write a PNG: each value against what it gave, what mattered most first, and its share."""
    found = importances(study)
    trials = study.get_trials(states=[TrialState.COMPLETE])
    names = list(found) or sorted({name for trial in trials for name in trial.params})
    results = [trial.value or 0.0 for trial in trials]
    columns = max(1, min(COLUMNS, len(names)))
    rows = max(1, -(-len(names) // columns))
    with applied(theme):
        figure = Figure(figsize=(0.6 + 2.8 * columns, 1.0 + 2.5 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        figure.supylabel("negative log-likelihood of a trial", fontsize=10)
        about = "what mattered: share of the trials' differences"
        figure.supxlabel(about if found else "too few trials to tell what mattered", fontsize=10)
        for axes, name in zip(grid.flat, names, strict=False):
            axes.set_title(f"{name}: {found[name]:.0%}" if found else name)
            values = [trial.params[name] for trial in trials]
            scale: Any = trials[0].distributions[name]
            if isinstance(scale, CategoricalDistribution):
                axes.set_xticks(range(len(scale.choices)), [str(one) for one in scale.choices])
                axes.set_xlim(-0.5, len(scale.choices) - 0.5)
                values = [scale.choices.index(value) for value in values]
            elif scale.log:
                axes.set_xscale("log")
                axes.set_xlim(scale.low / 1.2, scale.high * 1.2)
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=6))
                axes.xaxis.set_minor_locator(NullLocator())
                axes.xaxis.set_major_formatter("{x:g}")  # the theme shows no formulas
            axes.scatter(values, results, 36, theme.first, alpha=0.85)
            best = int(np.argmin(results))
            axes.scatter(values[best], results[best], 60, theme.second)
        for axes in grid.flat[len(names) :]:
            axes.set_visible(False)
        note_drawn(figure, drawn, theme)
        path.parent.mkdir(parents=True, exist_ok=True)
        save(figure, path)
