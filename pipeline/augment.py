"""augment: lay out the photos for training, and say how crops of the training photos are drawn."""

from collections.abc import Sequence
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.common.files import whole_directory
from archstyle.config import stage_config
from archstyle.data.arrays import write_arrays
from archstyle.data.manifest import read_manifest
from archstyle.photos.store import PhotoStore

RAW, PREPARED, AUGMENTED = map(Path, ("data/raw", "data/prepared", "data/augmented"))

SECTIONS = ("seed", "augment", "model")


def main(arguments: Sequence[str]) -> None:
    """Write data/augmented from data/raw and data/prepared."""
    config = stage_config(SECTIONS, arguments)
    rows = read_manifest(PREPARED / "manifest.csv")
    with whole_directory(AUGMENTED) as directory:
        train, validation = write_arrays(
            directory, PhotoStore(RAW), rows, config.model, config.augment, config.seed
        )
    say(
        f"augment: {train} training photos, of which train draws {config.augment.copies} crops "
        f"each, and {validation} validation photos are in {AUGMENTED}."
    )


if __name__ == "__main__":
    run(main)
