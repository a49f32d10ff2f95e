"""describe: show the state of the photos in pictures, in reports/data.html.

python -m pipeline.describe [section.key=value ...]
"""

from collections.abc import Sequence
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.config import stage_config
from archstyle.data.manifest import read_pairs
from archstyle.data.splits import find_leaks
from archstyle.photos.store import PhotoStore
from archstyle.reports.collection import read_collection
from archstyle.reports.data_report import SIDE, write_report
from archstyle.reports.highlights import choose, pictured
from archstyle.reports.page import read_thumbnails

RAW, PREPARED, REPORTS = Path("data/raw"), Path("data/prepared"), Path("reports")

SECTIONS = ("duplicates",)


def main(arguments: Sequence[str]) -> None:
    """Write data.html, data-sheet.md and data/ into reports/, from data/raw and data/prepared."""
    config = stage_config(SECTIONS, arguments)
    found = read_collection(PREPARED, config.duplicates.distance)
    choices, pairs = choose(found), PREPARED / "pairs.csv"
    pictures = read_thumbnails(PhotoStore(RAW), pictured(choices), SIDE)
    leaks = find_leaks(found.rows, read_pairs(pairs) if pairs.exists() else ())
    told = write_report(REPORTS, found, choices, pictures, leaks)
    say(f"describe: {len(found.rows)} files, {len(pictures)} of them shown.\n{told}")


if __name__ == "__main__":
    run(main)
