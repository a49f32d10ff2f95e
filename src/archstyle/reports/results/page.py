"""docs/results.md with its figures, and the table in the README."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from archstyle.common.console import say
from archstyle.common.files import whole_file
from archstyle.common.parallel import cores
from archstyle.metrics.predictions import Labels
from archstyle.reports.page import render
from archstyle.reports.results.figures import Line, write_figures
from archstyle.reports.results.robustness import PERTURBATIONS, Points

REPOSITORY = "https://github.com/Albertojd/architectural-style"
START, END = "<!-- make results writes this -->", "<!-- up to here -->"


@dataclass(frozen=True)
class Results:
    """All that the page tells."""

    lines: Sequence[Line]
    robustness: Mapping[str, Points]  # by split
    labels: Labels
    summary: Mapping[str, Any]
    leaked: tuple[int, int] | None  # photos of the reference's validation folder
    limit: int | None  # photos of each style, for a quick look
    git: Mapping[str, str]  # commit, and whether there were changes beside it
    seeds: Mapping[int, Mapping[str, float]] = field(default_factory=dict)  # of the default recipe

    @property
    def toy(self) -> str:
        """Why these numbers say nothing about photos; empty where they do."""
        if self.summary["source"]["drawn"]:
            return "drawn facades, not photos"
        return f"only {self.limit} photos of each style" if self.limit else ""


def write_results(root: Path, found: Results) -> list[Path]:
    """Write docs/results.md and the README's table; of a toy's results, reports/results/ only."""
    folder = root / ("reports/results" if found.toy else "docs")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = bool(found.summary["source"]["drawn"])
    write_figures(folder, found.lines, found.robustness["test"], drawn)
    table, measured, claim = (Markup(part) for part in told(found))
    page = render(
        "results.md",
        found=found,
        table=table,
        leaky=Markup(leaky_table(found.lines)),
        measured=measured,
        spread=Markup(spread(found.seeds)),
        repository=REPOSITORY,
        cores=cores(),
        validation_photos=sum(n.get("validation", 0) for n in found.summary["counts"].values()),
        robust={split: Markup(robust_table(one)) for split, one in found.robustness.items()},
    )
    _write(folder / "results.md", f"{page}\n")
    if found.toy:
        return [folder / "results.md"]
    readme = root / "README.md"
    content = f"{table}\n\n{measured} {claim}".rstrip()
    text = between_markers(readme.read_text("utf-8"), content)
    if text is None:
        say("README.md has no markers for the table, so it stays as it is.")
        return [folder / "results.md"]
    _write(readme, text)
    return [folder / "results.md", readme]


def told(found: Results) -> tuple[str, str, str]:
    """Return what page and README share: the table, what was measured, what the reference says."""
    source, counts = found.summary["source"], found.summary["counts"]
    style = max(sorted(counts), key=lambda name: counts[name]["train"])
    default = next(line for line in found.lines if line.is_default)
    constant = default.metrics["most_frequent_style_accuracy"]
    photographs = sum(sum(splits.values()) for splits in counts.values())
    commit = f", at commit {found.git['git.commit'][:10]}" if found.git else ""
    dirty = " with changes" if found.git.get("git.dirty") == "true" else ""
    place, claim = f"from `{source['location']}`", ""
    if source["drawn"]:
        place = "that are drawn"
    elif found.leaked:
        place = f"of the [reference project]({REPOSITORY})"
        leaked, photos = found.leaked
        accuracy = next(line.metrics["accuracy"] for line in found.lines if line.leaks)
        claim = (
            f"The [reference]({REPOSITORY}) says 0.910 of a validation folder of which {leaked} "
            f"of {photos} photos lie in its training folder too; its own protocol gives "
            f"{accuracy:.3f} here."
        )
    measured = (
        f"Measured on {source['files']:,} files {place}, of which {photographs:,} photographs are "
        f"used{commit}{dirty}: as labelled on {len(found.labels.labelled):,} test photographs, as "
        f"corrected on {len(found.labels.corrected):,}."
    )
    return results_table(found.lines, (style, constant)), measured, claim


def results_table(lines: Sequence[Line], most_frequent: tuple[str, float]) -> str:
    """Return the results that can be compared, after the accuracy of one constant answer."""
    style, share = most_frequent
    rows = [
        "| on photographs that were not trained on | as labelled | as corrected "
        "| macro F1, corrected | training | bundle |",
        "| --- | --- | --- | --- | --- | --- |",
        f'| always saying "{style}" | {share:.3f} | | | | |',
    ]
    for line in lines:
        title = f"**{line.title}**" if line.is_default else line.title
        seconds = minutes(line.train_seconds) if line.train_seconds is not None else ""
        size = megabytes(line.bytes) if line.bytes else ""
        if not line.leaks:
            rows.append(f"| {title} | {_scores(line)} | {seconds} | {size} |")
    return "\n".join(rows)


def leaky_table(lines: Sequence[Line]) -> str:
    """Return the results whose photos were trained on."""
    rows = [
        "| on photos most of which were trained on | as labelled | as corrected "
        "| macro F1, corrected |",
        "| --- | --- | --- | --- |",
    ]
    return "\n".join(
        [*rows, *(f"| {line.title} | {_scores(line)} |" for line in lines if line.leaks)]
    )


def robust_table(points: Points) -> str:
    """Return the accuracy as corrected at each strength of each perturbation."""
    [start] = points["unchanged"]
    rows = [
        "| | none | slight | moderate | strong | severe |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in PERTURBATIONS:
        shares = [f"{at['corrected_accuracy']:.3f}" for at in (start, *points[one.name])]
        rows.append(f"| {one.name} | {' | '.join(shares)} |")
    return "\n".join(rows)


def spread(seeds: Mapping[int, Mapping[str, float]]) -> str:
    """Return what other seeds of the default recipe gave; nothing of one seed."""
    if len(seeds) < 2:
        return ""
    parts = []
    for prefix, name in (("", "as labelled"), ("corrected_", "as corrected")):
        values = [metrics[f"{prefix}accuracy"] for metrics in seeds.values()]
        each = ", ".join(f"{value:.3f}" for value in values)
        parts.append(f"{name} {each} (standard deviation {np.std(values, ddof=1):.3f})")
    named = ", ".join(map(str, seeds))
    return f"The default recipe with the seeds {named}: {'; '.join(parts)}."


def megabytes(sizes: Mapping[str, int]) -> str:
    """Return the sizes of a bundle's precisions; that of the one where it has no other."""
    known = {name: size for name, size in sizes.items() if name != "bundle"} or sizes
    names = [""] if len(known) == 1 else [f" {name}" for name in known]
    parts = zip(known.values(), names, strict=True)
    return ", ".join(f"{size / 1e6:.1f} MB{name}" for size, name in parts)


def minutes(seconds: float) -> str:
    """Return a time in the unit in which people say it."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def between_markers(text: str, content: str) -> str | None:
    """Return a page with `content` between its markers; None where it has none."""
    before, found, rest = text.partition(START)
    _, end, after = rest.partition(END)
    return f"{before}{START}\n{content}\n{END}{after}" if found and end else None


def _scores(line: Line) -> str:
    """Return accuracy with the ends of its 95 % interval by both labels, and macro F1."""
    cells = []
    for prefix in ("", "corrected_"):
        value, low, high = (line.metrics[f"{prefix}accuracy{end}"] for end in ("", "_low", "_high"))
        cells.append(f"{value:.3f} ({low:.3f} to {high:.3f})")
    return f"{' | '.join(cells)} | {line.metrics['corrected_macro_f1']:.3f}"


def _write(path: Path, text: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(text, "utf-8")
