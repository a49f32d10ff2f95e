"""docs/results.md, and the table in the README."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archstyle.common.parallel import cores
from archstyle.metrics.predictions import Labels
from archstyle.reports.results.table import Line, leaky_table, table

REPOSITORY = "https://github.com/Albertojd/architectural-style"


@dataclass(frozen=True)
class Results:
    """All that the page tells."""

    lines: Sequence[Line]
    robustness: Mapping[str, Sequence[Mapping[str, float]]]
    labels: Labels
    summary: Mapping[str, Any]
    leaked: tuple[int, int] | None  # photos of the reference's validation folder
    limit: int | None  # photos of each style, for a quick look
    git: Mapping[str, str]  # commit, and whether there were changes beside it

    @property
    def toy(self) -> str:
        """Why these numbers say nothing about photos; empty where they do."""
        if self.summary["source"]["drawn"]:
            return "drawn facades, not photos"
        return f"only {self.limit} photos of each style" if self.limit else ""

    def most_frequent(self) -> tuple[str, float]:
        """Return the commonest training style and the accuracy of always saying it."""
        counts = self.summary["counts"]
        style = max(sorted(counts), key=lambda name: counts[name]["train"])
        default = next(line for line in self.lines if line.is_default)
        return style, default.metrics["most_frequent_style_accuracy"]


def page(found: Results) -> str:
    """Return docs/results.md."""
    banner = f"> **These are results on {found.toy}. They say nothing.**\n\n" if found.toy else ""
    return f"""# Results

{banner}`make results` trains and measures every recipe and writes this page.
{_measured(found)}

{results_table(found)}

![Accuracy of each recipe with its 95 % interval](results.png)

- **As labelled** is by the folder that a photo lies in; **as corrected** is after the decisions in
  `data/corrections.csv`, each with its reason, made by looking at the photos. Training and
  validation use the corrected labels. Of the test photographs, {found.labels.touched} are
  relabelled, dropped or let in by them.
- **Photographs, not files**: near duplicates count as one, and no photograph is in two splits.
- The interval is the bootstrap's 95 %. Two recipes whose intervals overlap widely are not told
  apart by these photos.
- Every recipe was committed before it was measured. Values were chosen on validation photos, or on
  training photos that a model had not seen, none of them by this table.
- Training is the time of the stage `train` on {cores()} cores, the export of the bundle included.

{_reference(found)}## Photos that are not what they should be

The test photos, changed in four strengths, answered by the default model: how many it gets right,
how many it answers rather than say "not sure", and how many of these are right (as corrected).

![Accuracy and answered share against the strength of each change](robustness.png)

{_robustness_table(found)}

What the strengths look like, on a drawn facade:

![Each change in its four strengths](perturbations.png)
"""


def results_table(found: Results) -> str:
    """Return the table that page and README share."""
    return table(found.lines, found.most_frequent())


def readme_table(found: Results) -> str:
    """Return what stands between the markers in the README."""
    return f"{results_table(found)}\n\n{_measured(found)} {_claim(found)}".rstrip()


def _measured(found: Results) -> str:
    source = found.summary["source"]
    photographs = sum(sum(counts.values()) for counts in found.summary["counts"].values())
    commit = f", at commit {found.git['git.commit'][:10]}" if found.git else ""
    if found.git.get("git.dirty") == "true":
        commit += " with changes"
    return (
        f"Measured on {source['files']:,} files {_place(found)}, of which {photographs:,} "
        f"photographs are used and {len(found.labels.rows)} are the test split{commit}."
    )


def _place(found: Results) -> str:
    source = found.summary["source"]
    if source["drawn"]:
        return "that are drawn"
    if found.leaked:
        return f"of the [reference project]({REPOSITORY})"
    return f"from `{source['location']}`"


def _claim(found: Results) -> str:
    if not found.leaked:
        return ""
    leaked, photos = found.leaked
    [line] = [line for line in found.lines if line.leaks]
    return (
        f"The [reference]({REPOSITORY}) says 0.910 of a validation folder of which {leaked} of "
        f"{photos} photos lie in its training folder too; its own protocol gives "
        f"{line.metrics['accuracy']:.3f} here."
    )


def _reference(found: Results) -> str:
    if not found.leaked:
        return ""
    leaked, photos = found.leaked
    return f"""## The reference's own protocol

The [reference]({REPOSITORY})
trains on its folder `train`, tests on its folder `val` and says 0.910. The same here, with its
network at 64 pixels, its augmentations and twice 30 epochs, as the notebook's 30 go on from earlier
ones. But {leaked} of the {photos} photos of `val` lie in `train` too, byte for byte: it measures
what the network remembers.

{leaky_table(found.lines)}

"""


def _robustness_table(found: Results) -> str:
    [start] = found.robustness["unchanged"]
    lines = [
        "| | none | slight | moderate | strong | severe |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, points in found.robustness.items():
        if name != "unchanged":
            shares = [f"{point['corrected_accuracy']:.3f}" for point in (start, *points)]
            lines.append(f"| {name} | {' | '.join(shares)} |")
    return "\n".join(lines)
