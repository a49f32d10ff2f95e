"""describe: show the state of the photos in pictures, in reports/data.html.

python -m pipeline.describe [section.key=value ...]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.config import Duplicates, stage_config
from archstyle.data.manifest import read_pairs
from archstyle.data.splits import find_leaks
from archstyle.photos.store import PhotoStore
from archstyle.reports.collection import read_collection
from archstyle.reports.data_report import SIDE, DataReport, in_words, write_report
from archstyle.reports.highlights import choose
from archstyle.reports.page import read_thumbnails

RAW, PREPARED, REPORTS = Path("data/raw"), Path("data/prepared"), Path("reports")


@dataclass
class DescribeConfig:
    """What describe reads."""

    duplicates: Duplicates


def main(arguments: Sequence[str]) -> None:
    """Write data.html, data-sheet.md and data/ into reports/, from data/raw and data/prepared."""
    config = stage_config(DescribeConfig, arguments, Path.cwd())
    found = read_collection(PREPARED, config.duplicates.distance)
    pairs = PREPARED / "pairs.csv"
    choices = choose(found)
    report = DataReport(
        found=found,
        choices=choices,
        pictures=read_thumbnails(PhotoStore(RAW), choices.files(), SIDE),
        leaks=find_leaks(found.rows, read_pairs(pairs) if pairs.exists() else ()),
    )
    write_report(REPORTS, report)
    say(f"describe: {len(found.rows)} files, {len(report.pictures)} of them shown.")
    say(in_words(report))


if __name__ == "__main__":
    run(main)
