"""prepare: find out what every file is, and write the manifest."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.common.files import whole_directory, write_csv, write_json
from archstyle.config import stage_config
from archstyle.data.corrections import read_buildings, read_corrections
from archstyle.data.entries import PHOTO_COLUMNS
from archstyle.data.inspection import INSPECTED, Inspected, inspect_all, recipe
from archstyle.data.manifest import SPLITS, write_manifest, write_pairs
from archstyle.data.preparation import make_manifest, summarize
from archstyle.data.previous import MEMORY, held_by_memory, keep_splits, memory_file, read_previous
from archstyle.photos.store import OTHERS, PhotoStore

RAW, PREPARED = Path("data/raw"), Path("data/prepared")
CORRECTIONS, BUILDINGS = Path("data/corrections.csv"), Path("data/buildings.csv")

SECTIONS = ("data", "split", "duplicates")


def main(arguments: Sequence[str]) -> None:
    """Write data/prepared from data/raw."""
    config = stage_config(SECTIONS, arguments)
    corrections, buildings = read_corrections(CORRECTIONS), read_buildings(BUILDINGS)
    store = PhotoStore(RAW)
    others = PhotoStore(RAW / OTHERS) if (RAW / OTHERS).is_dir() else None
    files = store.entries + (others.entries if others else [])
    max_pixels = int(config.data.max_megapixels * 1e6)
    # The project's own folder even where DVC runs an experiment in a copy.
    root = Path(os.environ.get("DVC_ROOT") or Path.cwd())
    memory = memory_file(root / MEMORY, config.split)
    with (
        whole_directory(PREPARED) as directory,
        Inspected(root / INSPECTED, recipe(max_pixels), len(files)) as known,
    ):
        prepared = make_manifest(
            store.entries,
            inspect_all(store, max_pixels, known=known),
            corrections,
            config.duplicates,
            config.split,
            read_previous(memory, PREPARED, config.split),
            buildings,
            (others.entries, inspect_all(others, max_pixels, known=known)) if others else ((), ()),
        )
        facts = map(attrgetter(*PHOTO_COLUMNS), prepared.photos)
        write_csv(directory / "photos.csv", PHOTO_COLUMNS, facts)
        write_pairs(directory / "pairs.csv", prepared.pairs)
        rows = [*prepared.rows, *prepared.others]
        write_manifest(directory / "manifest.csv", rows)
        summary = summarize(prepared.rows, asdict(store.source), config.split, prepared.others)
        write_json(directory / "summary.json", summary, indent=2)
        keep_splits(memory, rows)
    statuses = ", ".join(f"{count} {status}" for status, count in summary["status"].items())
    say(f"prepare: {len(prepared.rows)} files: {statuses}; {known.added} were decoded for it.")
    for style, counts in summary["counts"].items():
        say(f"  {style}: " + ", ".join(f"{counts[split]} {split}" for split in SPLITS))
    if "others" in summary:
        counts = Counter[str]()
        for of_style in summary["others"]["counts"].values():
            counts.update(of_style)
        told = ", ".join(f"{counts[split]} {split}" for split in SPLITS)
        say(f"  buildings of none of these: {told}, of {len(prepared.others)} files")
    if held := held_by_memory(prepared.rows, config.split):
        styles = ", ".join(sorted({row.style for row in held}))
        say(
            f"prepare: where {len(held)} of the photos of {styles} lie does not follow from their "
            f"hash alone: keep {MEMORY / memory.name} (`git add -f`), which remembers it."
        )


if __name__ == "__main__":
    run(main)
