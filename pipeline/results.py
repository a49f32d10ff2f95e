"""results: trains and measures every recipe, and writes docs/results.md and the README's table.

What was measured before is not measured again; what was interrupted goes on. On drawn facades, or
with data.limit, the page goes to reports/results/ instead.
"""

from collections.abc import Sequence
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.common.console import run, say
from archstyle.common.files import read_json
from archstyle.config import Split, compose
from archstyle.data.manifest import read_manifest
from archstyle.metrics.predictions import label_test_photos
from archstyle.photos.store import PhotoStore
from archstyle.reports.results.compare import measure_all
from archstyle.reports.results.page import Results
from archstyle.reports.results.robustness import robustness
from archstyle.reports.results.write import write_results
from archstyle.tracking.facts import git_tags

WORK = Path(".archstyle/results")


def main(arguments: Sequence[str]) -> None:
    """Measure what is missing and write the page."""
    root = Path.cwd()
    config = compose(root, arguments)
    summary = read_json(root / "data/prepared/summary.json", "run `dvc repro prepare`")
    rows = read_manifest(root / "data/prepared/manifest.csv")
    measured = measure_all(root, root / WORK, rows, summary["digest"])
    bundle = Bundle.load(measured.default_bundle)
    labels = label_test_photos(rows, Split(**summary["shares"]), bundle.styles)
    found = Results(
        lines=measured.lines,
        robustness=robustness(bundle, PhotoStore(root / "data/raw"), labels, root / WORK),
        labels=labels,
        summary=summary,
        leaked=measured.leaked,
        limit=config.data.limit,
        git=git_tags(root),
    )
    for path in write_results(root, found):
        say(f"Wrote {path.relative_to(root)}.")
    if found.toy:
        say(f"These are results on {found.toy}: docs/results.md and the README stay as they are.")


if __name__ == "__main__":
    run(main)
