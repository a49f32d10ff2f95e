"""Ends a sweep: prints the table, writes the params file and the plot, and tells the parent run."""

from collections.abc import Sequence
from pathlib import Path

import optuna

from archstyle.common.console import say
from archstyle.registry.listing import table
from archstyle.search import study as studies
from archstyle.search.plan import Plan, as_overrides
from archstyle.search.plot import draw
from archstyle.search.report import trial_rows, write_params
from archstyle.tracking.runlog import RunLog

REPORTS = Path("reports/sweep")
SHOWN = 15
MEASURED = ("negative_log_likelihood", "accuracy", "macro_f1")


def end_sweep(root: Path, plan: Plan, study: optuna.Study, log: RunLog) -> None:
    """Say what the trials found, and what to do with it."""
    rows = trial_rows(study)
    left = f"\nand {len(rows) - 1 - SHOWN} more" if len(rows) > SHOWN + 1 else ""
    say(f"\n{table(rows[: SHOWN + 1])}{left}\n")
    best = studies.best(study)
    if best is None:
        say("No trial ran to its end, so there is nothing to choose from.")
        return
    params, plot = (root / REPORTS / name for name in ("params.yaml", "mattered.png"))
    why = f"sweep {plan.sweep}, trial {best.number}"
    write_params(root / "params.yaml", params, as_overrides({**plan.fixed, **best.params}), why)
    draw(study, plot, log.facts.drawn)
    log.metrics({name: best.user_attrs[name] for name in MEASURED}, "final_validation")
    for path in (params, plot):
        log.artifacts(path)
    log.note({"mlflow.note.content": _markdown(rows, best.number), "best.trial": best.number})
    shown = params.relative_to(root)
    log.rename_to(f"sweep {plan.sweep}, best {best.value:.4f}")
    say(
        f"Trial {best.number} is the best on the validation photos; the test photos were not "
        f"looked at.\nWhat mattered is in {plot.relative_to(root)}, its values are in {shown}. "
        f"Next:\n  diff params.yaml {shown}\n  cp {shown} params.yaml && make run\n"
        "  make ui      # the trials, below their parent run"
    )


def _markdown(rows: Sequence[Sequence[str]], best: int) -> str:
    lines = [f"A search of values; **trial {best}** is the best on the validation photos.", ""]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(3, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)
