"""What `archstyle results` does: measures every row of the table and writes the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.common.console import say
from archstyle.common.files import read_json
from archstyle.config import Split, compose
from archstyle.data.manifest import Row, read_manifest, used
from archstyle.metrics.predictions import Labels, label_test_photos
from archstyle.photos.store import PhotoStore
from archstyle.reports.results.figures import Line
from archstyle.reports.results.measure import measure_recipe, measure_reference, reference_rows
from archstyle.reports.results.page import Results, write_results
from archstyle.reports.results.recipes import recipes, with_seed
from archstyle.reports.results.robustness import robustness
from archstyle.tracking.facts import git_tags
from archstyle.tracking.store import prepare_store

WORK = Path(".archstyle/results")
TITLE = "the reference's network on its own folders, as published"


def results(root: Path, seeds: int = 1) -> None:
    """Measure what was not measured before and write docs/results.md and the README's table.

    On drawn facades, or with data.limit, the page goes to reports/results/ instead. With `seeds`
    the default recipe is trained with as many seeds, and the spread told.
    """
    config, work, lines, leaked = compose(root), root / WORK, [], None
    summary = read_json(root / "data/prepared/summary.json", "run `dvc repro prepare`")
    rows = read_manifest(root / "data/prepared/manifest.csv")
    prepare_store()
    digest, rest = str(summary["digest"]), recipes(root)
    default = next(recipe for recipe in rest if recipe.is_default)
    others = [with_seed(default, config.seed + more) for more in range(1, seeds)]
    if reference_rows(rows):
        say("The reference's own protocol:")
        found = measure_reference(root, work, rows, digest)
        lines.append(Line(TITLE, "reference's protocol", found["metrics"], leaks=True))
        leaked = (found["leaked"][0], found["leaked"][1])
    else:
        say("The photos lie in no folders `train` and `val`: the reference's protocol is left out.")
    by_seed: dict[int, Mapping[str, float]] = {}
    for number, recipe in enumerate([*rest, *others], start=1):
        say(f"{number} of {len(rest) + len(others)}: {recipe.name}")
        found = measure_recipe(root, work, recipe, digest)
        if recipe in rest:
            time, size = found["train_seconds"], found["bytes"]
            texts = (recipe.title, recipe.short)
            lines.append(Line(*texts, found["metrics"], time, size, recipe.is_default))
        if recipe in (default, *others):
            by_seed[int(recipe.params["seed"])] = found["metrics"]
    bundle, store = (
        Bundle.load(work / default.name / "models/bundle"),
        PhotoStore(root / "data/raw"),
    )
    labels = label_test_photos(rows, Split(**summary["shares"]), bundle.styles)
    both = {"validation": validation_labels(rows), "test": labels}
    told = Results(
        lines=lines,
        robustness={
            split: robustness(bundle, store, one, work, split) for split, one in both.items()
        },
        labels=labels,
        summary=summary,
        leaked=leaked,
        limit=config.data.limit,
        git=git_tags(root),
        seeds=by_seed,
    )
    for path in write_results(root, told):
        say(f"Wrote {path.relative_to(root)}.")
    if told.toy:
        say(f"These are results on {told.toy}: docs/results.md and the README stay as they are.")


def validation_labels(rows: Sequence[Row]) -> Labels:
    """Return the validation photos, whose only labels are the corrected ones."""
    photos = used(rows, "validation")
    styles = {row.file: row.style for row in photos}
    return Labels(photos, styles, styles)
