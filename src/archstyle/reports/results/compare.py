"""Measures every row of the table, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archstyle.common.console import say
from archstyle.config import compose
from archstyle.data.manifest import Row
from archstyle.reports.results.measure import key_of, measure_recipe, prepare_folder
from archstyle.reports.results.reference import measure_reference, reference_rows
from archstyle.reports.results.rows import REFERENCE, Recipe, published, read_params, recipes
from archstyle.reports.results.table import Line
from archstyle.tracking.store import prepare_store


@dataclass(frozen=True)
class Measured:
    """The rows of the table, and where the default recipe's bundle lies."""

    lines: list[Line]
    leaked: tuple[int, int] | None
    default_bundle: Path


def measure_all(root: Path, work: Path, rows: Sequence[Row], digest: str) -> Measured:
    """Measure what was not measured before; `digest` is that of the prepared photos."""
    prepare_store()
    rest = recipes(root)
    lines, leaked = [], None
    if reference_rows(rows):
        say(f"1 of {len(rest) + 1}: the reference's own protocol")
        line, leaked = _reference(root, work, rows, digest)
        lines.append(line)
    else:
        say("The photos lie in no folders `train` and `val`: the reference's protocol is left out.")
    for number, recipe in enumerate(rest, start=2):
        say(f"{number} of {len(rest) + 1}: {recipe.title}")
        lines.append(_measured(root, work, recipe, digest))
    default = next(recipe.name for recipe in rest if recipe.is_default)
    return Measured(lines, leaked, work / default / "models/bundle")


def _measured(root: Path, work: Path, recipe: Recipe, digest: str) -> Line:
    found = measure_recipe(root, work, recipe, digest)
    return Line(
        title=recipe.title,
        short=recipe.short,
        metrics=found["metrics"],
        train_seconds=found["train_seconds"],
        bytes=found["bytes"],
        is_default=recipe.is_default,
    )


def _reference(
    root: Path, work: Path, rows: Sequence[Row], digest: str
) -> tuple[Line, tuple[int, int]]:
    folder = work / REFERENCE
    prepare_folder(root, folder, published(read_params(root)).params)
    config = compose(folder)
    key = key_of(root, config, digest, "reference")
    found = measure_reference(root, work, rows, config, key)
    title = "the reference's network on its own folders, as published"
    line = Line(title, "reference's protocol", found["metrics"], leaks=True)
    return line, (found["leaked"][0], found["leaked"][1])
