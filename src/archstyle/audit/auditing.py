"""From fetched and prepared photos to reports/audit.html."""

import csv
from dataclasses import dataclass
from pathlib import Path

from archstyle.audit.features import read_features
from archstyle.audit.findings import Findings, find
from archstyle.audit.graph import find_graph
from archstyle.audit.page import render
from archstyle.audit.photographs import Photograph, photographs
from archstyle.common.console import say
from archstyle.common.files import whole_file
from archstyle.config import Duplicates, stage_config
from archstyle.data.corrections import read_corrections
from archstyle.data.manifest import read_manifest
from archstyle.photos.store import PhotoStore

CACHE = Path(".archstyle/audit")
PAGE, RANKING = Path("reports/audit.html"), Path("reports/audit.csv")
COLUMNS = ("rank", "file", "label", "suggestion", "probability", "of_label", "doubted", "decision")


@dataclass
class AuditConfig:
    """What the audit reads."""

    seed: int
    duplicates: Duplicates


def audit(root: Path, show: int) -> None:
    """Audit the labels of the project in `root` and write the page with `show` suspects."""
    config = stage_config(AuditConfig, [], root)
    store = PhotoStore(root / "data/raw")
    rows = read_manifest(root / "data/prepared/manifest.csv")
    corrections = read_corrections(root / "data/corrections.csv")
    every = photographs(rows, corrections)
    graph = find_graph(root / CACHE)
    features = read_features(
        store, [photograph.row for photograph in every], graph, graph.with_suffix("")
    )
    found = find(every, features, config.seed)
    with whole_file(root / RANKING) as path:
        write_ranking(path, every, found)
    page = render(store, every, features, found, corrections, show)
    with whole_file(root / PAGE) as path:
        path.write_text(page, "utf-8")
    say(in_words(every, found))


def write_ranking(path: Path, every: list[Photograph], found: Findings) -> None:
    """Write all photographs with a label, the least believed first."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for rank, suspect in enumerate(found.ranking, start=1):
            photograph = every[suspect.index]
            writer.writerow(
                [
                    rank,
                    photograph.row.file,
                    suspect.label,
                    suspect.suggestion,
                    f"{suspect.probability:.4f}",
                    f"{suspect.of_label:.4f}",
                    "yes" if suspect.doubted else "",
                    photograph.decision.action if photograph.decision else "",
                ]
            )


def in_words(every: list[Photograph], found: Findings) -> str:
    """Say in a few lines what was found and what to do next."""
    doubted = [suspect for suspect in found.ranking if suspect.doubted]
    undecided = sum(every[suspect.index].decision is None for suspect in doubted)
    decided = sum(photograph.decision is not None for photograph in every)
    return (
        f"audit: {undecided} of {len(found.ranking)} labels look doubtful, {decided} photographs "
        f"are decided, {len(found.conflicts)} lie under two styles. Out-of-fold accuracy "
        f"{found.accuracy:.3f}, by the folders' labels {found.folders_accuracy:.3f}.\n"
        f"Look at {PAGE}; a decision is a row in data/corrections.csv, and `make run` applies it."
    )
