"""Writes the page, its figures and the README's table."""

from pathlib import Path

from archstyle.common.console import say
from archstyle.common.files import whole_file
from archstyle.reports.results.figures import draw_all
from archstyle.reports.results.page import Results, page, readme_table
from archstyle.reports.results.table import between_markers


def write_results(root: Path, found: Results) -> list[Path]:
    """Write docs/results.md and the README's table; of a toy's results, reports/results/ only."""
    folder = root / ("reports/results" if found.toy else "docs")
    folder.mkdir(parents=True, exist_ok=True)
    draw_all(folder, found.lines, found.robustness, bool(found.summary["source"]["drawn"]))
    _write(folder / "results.md", page(found))
    if found.toy:
        return [folder / "results.md"]
    readme = root / "README.md"
    text = between_markers(readme.read_text("utf-8"), readme_table(found))
    if text is None:
        say("README.md has no markers for the table, so it stays as it is.")
        return [folder / "results.md"]
    _write(readme, text)
    return [folder / "results.md", readme]


def _write(path: Path, text: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(text, "utf-8")
