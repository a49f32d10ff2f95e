"""Where photos lay before: a photo never changes its split.

The splits are kept by the photos' SHA-256 in a file of the main project that neither DVC nor
`make clean` removes, one for each pair of shares. The last manifest counts as well, which may have
come from elsewhere. What was decided first stays: a trial of other settings decides nothing.
"""

import csv
import errno
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from archstyle.common.files import locked, read_json, whole_file, write_csv
from archstyle.config.schema import Split
from archstyle.data.manifest import SPLITS, Row, digest, read_lines, read_manifest, used
from archstyle.data.splits import split_of
from archstyle.errors import ArchstyleError
from archstyle.photos.names import TRAIN_ONLY

COLUMNS = ("sha256", "split")
MEMORY = Path(".archstyle/splits")  # no out of a stage: splits cannot be found out again


def memory_file(folder: Path, shares: Split) -> Path:
    """Return the file in which the splits of these shares are kept."""
    return folder / f"{shares.validation}-{shares.test}.csv"


def read_previous(memory: Path, prepared: Path, shares: Split) -> dict[str, str]:
    """Return the split of every photo that was split in these shares before, by its SHA-256.

    Raises ArchstyleError where the memory or the manifest in `prepared` is damaged: without them,
    photos that were learned from could become test photos.
    """
    kept = _read_memory(memory)
    try:
        if (prepared / "manifest.csv").exists():
            summary = read_json(prepared / "summary.json")
            rows = read_manifest(prepared / "manifest.csv")
            if digest(rows) != summary.get("digest"):
                raise ArchstyleError(f"{prepared / 'manifest.csv'} was changed")
            if summary.get("shares") == asdict(shares):
                return previous_splits(rows) | kept
    except ArchstyleError as error:
        known = f"the splits of {len(kept):,} photos are kept in {memory.name} all the same"
        anew = "its photos will be split anew"
        reason = str(error).partition(":")[0]
        raise ArchstyleError(
            f"{reason}, so where its photos lay cannot be told: bring it back with `dvc checkout "
            f"--force data/prepared`, or remove data/prepared; {known if kept else anew}."
        ) from None
    return kept


def keep_splits(memory: Path, rows: Sequence[Row], retired: Collection[str] = ()) -> None:
    """Add where photos lie to the memory; photos of `retired` groups are for training now."""
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with locked(memory.parent):
            kept = _read_memory(memory)
            every = previous_splits(rows) | kept
            every |= {row.sha256: "train" for row in rows if row.group in retired}
            if every != kept:
                with whole_file(memory) as partial:
                    write_csv(partial, COLUMNS, sorted(every.items()))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise ArchstyleError(
            f"Where photos lie cannot be kept in {memory} ({error.strerror}): make it writable, or "
            "they may change their splits later."
        ) from None


def renew_test_photos(root: Path) -> str:
    """Retire the test photos that evaluate has shown to training; say what to do next.

    With them go those of their buildings. Raises ArchstyleError where a style would keep no test
    photo that nobody has looked at.
    """
    prepared, answers = root / "data" / "prepared", root / "reports" / "predictions.csv"
    shares = Split(**read_json(prepared / "summary.json")["shares"])
    if not answers.exists():
        raise ArchstyleError("No test photo was looked at yet: `dvc repro` evaluates on them.")
    with answers.open(encoding="utf-8", newline="") as file:
        looked_at = {row["file"] for row in csv.DictReader(file)}
    rows = read_manifest(prepared / "manifest.csv")
    test = used(rows, "test")
    seen = [row for row in test if row.file in looked_at]
    buildings = {row.building for row in seen} - {""}
    retired = {row.group for row in test if row in seen or row.building in buildings}
    fresh = [row for row in test if row.group not in retired]
    if missing := sorted({row.style for row in rows if row.split} - {row.style for row in fresh}):
        raise ArchstyleError(
            f"There is no new test photo of {', '.join(missing)}: add photos of "
            f"{'it' if len(missing) == 1 else 'them'}, `dvc repro prepare`, then try again."
        )
    memory = memory_file(root / MEMORY, shares)
    keep_splits(memory, rows, retired)
    return (
        f"{len(retired)} test photos that were looked at are for training now, {len(fresh)} that "
        f"came since remain. {memory.relative_to(root)} remembers it: keep it (`git add -f`). "
        "Next: `dvc repro --force prepare`, then `dvc repro`."
    )


def previous_splits(rows: Sequence[Row]) -> dict[str, str]:
    """Return the split of each photo's photograph, by the photo's SHA-256."""
    splits = {row.group: row.split for row in rows if row.split}
    return {row.sha256: splits[row.group] for row in rows if row.group in splits}


def held_by_memory(rows: Sequence[Row], shares: Split) -> list[Row]:
    """Return the photos whose split does not follow from the hash of their group or building."""
    return [
        row
        for row in rows
        if row.split
        and not (row.building or TRAIN_ONLY in row.file)
        and row.split != split_of(row.group, shares)
    ]


def _read_memory(path: Path) -> dict[str, str]:
    advice = "bring it back, or remove it to go by data/prepared/manifest.csv alone"
    if not path.exists():
        return {}
    kept = dict(read_lines(path, [COLUMNS], "list of splits", advice))
    if all(len(sha256) == 64 and split in SPLITS for sha256, split in kept.items()):
        return kept
    raise ArchstyleError(f"{path} cannot be read (it is no list of splits): {advice}.")
