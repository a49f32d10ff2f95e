"""What a sweep ends with: a table, a params file to look at, and a plot of what mattered."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from archstyle.common.files import whole_file

HEADER = ("trial", "", "neg. log-lik.", "accuracy", "macro F1", "minutes")


def trial_rows(study: optuna.Study) -> list[tuple[str, ...]]:
    """Return a header and the trials: the best first, then those stopped early and those failed."""
    order = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    ended = [trial for trial in study.trials if trial.state in order]
    ended.sort(key=lambda trial: (order.index(trial.state), trial.value or 0.0, trial.number))
    names = sorted({name for trial in ended for name in trial.params})
    return [(*HEADER, *names), *(_row(trial, names) for trial in ended)]


def write_params(source: Path, target: Path, overrides: Sequence[str], why: str) -> None:
    """Write params.yaml under these overrides; what it says else stays, comments too.

    A key that `source` does not have is added to its section.
    """
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 200
    yaml.representer.add_representer(type(None), _null)
    params = yaml.load(source.read_text("utf-8"))
    for override in overrides:
        name, _, value = override.partition("=")
        section, _, key = name.partition(".")
        if section not in params:
            params[section] = CommentedMap()
        old = params[section].get(key)
        params[section][key] = _plain(value)
        if params[section][key] != old:
            _comment(params[section], key, why)
    with whole_file(target) as path, path.open("w", encoding="utf-8") as file:
        yaml.dump(params, file)


def _comment(section: Any, key: str, why: str) -> None:
    """Say behind a changed value where it comes from, after what was said of it before."""
    comment = section.ca.items.get(key)
    before = comment[2].value.strip("# \n") if comment and comment[2] else ""
    rest = "\n\n" if comment and comment[2] and comment[2].value.endswith("\n\n") else ""
    section.yaml_add_eol_comment(f"{before}; {why}{rest}" if before else why, key, column=29)


def _plain(value: Any) -> Any:
    """Return what an override such as `0.0004511` or `[0.5,1.0]` says; a list stays on its line."""
    said = YAML().load(value)
    return said if said is not None else value


def _null(representer: Any, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _row(trial: FrozenTrial, names: Sequence[str]) -> tuple[str, ...]:
    def measured(name: str, digits: int) -> str:
        return f"{trial.user_attrs[name]:.{digits}f}" if name in trial.user_attrs else ""

    ends = {
        TrialState.PRUNED: "stopped early",
        TrialState.FAIL: "failed",
    }
    values = [trial.params.get(name, "") for name in names]
    return (
        str(trial.number),
        ends.get(trial.state, ""),
        measured("negative_log_likelihood", 4),
        measured("accuracy", 3),
        measured("macro_f1", 3),
        measured("minutes", 1),
        *(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values),
    )
