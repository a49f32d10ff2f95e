"""From fetched and prepared photos to reports/audit.html, a page on which decisions are made."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path

from archstyle.audit.features import find_graph, read_features
from archstyle.audit.findings import (
    Features,
    Findings,
    Photograph,
    alike,
    find,
    photographs,
)
from archstyle.common.console import say
from archstyle.common.files import whole_file, write_csv
from archstyle.config import compose
from archstyle.data.corrections import COLUMNS, Correction, read_corrections
from archstyle.data.manifest import read_manifest
from archstyle.photos.store import PhotoStore
from archstyle.reports.page import read_thumbnails, render, where_from, write

CACHE = Path(".archstyle/audit")
PAGE, RANKING = Path("reports/audit.html"), Path("reports/audit.csv")
RANKED = ("rank", "file", "label", "suggestion", "probability", "of_label", "doubted", "decision")
ACTIONS = ("relabel", "drop", "keep")
NEIGHBOURS = 4  # of each style
LARGE, SMALL = 360, 120  # pixels of the longer side


def audit(root: Path, show: int) -> None:
    """Audit the labels of the project in `root` and write the page with `show` suspects."""
    seed = compose(root).seed
    store = PhotoStore(root / "data/raw")
    rows = read_manifest(root / "data/prepared/manifest.csv")
    corrections = read_corrections(root / "data/corrections.csv")
    every = photographs(rows, corrections)
    graph = find_graph(root / CACHE)
    shown = [photograph.row for photograph in every]
    features = read_features(store, shown, graph, graph.with_suffix(""))
    found = find(every, features, seed)
    with whole_file(root / RANKING) as path:
        write_csv(path, RANKED, ranked(every, found))
    text = page(store, every, features, found, corrections, show)
    write(root / PAGE, text)
    doubted = [suspect for suspect in found.ranking if suspect.doubted]
    undecided = sum(every[suspect.index].decision is None for suspect in doubted)
    decided = sum(photograph.decision is not None for photograph in every)
    say(
        f"audit: {undecided} of {len(found.ranking)} labels look doubtful, {decided} photographs "
        f"are decided, {len(found.conflicts)} lie under two styles. Out-of-fold accuracy "
        f"{found.accuracy:.3f}, by the folders' labels {found.folders_accuracy:.3f}.\n"
        f"Look at {PAGE}; a decision is a row in data/corrections.csv, and `make run` applies it."
    )


def ranked(every: Sequence[Photograph], found: Findings) -> Iterator[tuple[object, ...]]:
    """Yield the rows of reports/audit.csv: all labels, the least believed first."""
    for rank, suspect in enumerate(found.ranking, start=1):
        photograph = every[suspect.index]
        said = f"{suspect.probability:.4f}", f"{suspect.of_label:.4f}"
        marks = "yes" if suspect.doubted else "", getattr(photograph.decision, "action", "")
        yield rank, photograph.row.file, suspect.label, suspect.suggestion, *said, *marks


def page(
    store: PhotoStore,
    every: Sequence[Photograph],
    features: Features,
    found: Findings,
    corrections: Sequence[Correction],
    show: int,
) -> str:
    """Return the page as HTML with the first `show` suspects and all that is decided."""
    suspects = [s for s in found.ranking if every[s.index].decision is None][:show]
    shown = [*found.conflicts, *suspects]
    neighbours = {}
    for suspect in shown:
        labels = [suspect.label] if suspect.label else every[suspect.index].folders
        styles = [*labels, suspect.suggestion]
        neighbours[suspect.index] = alike(every, features, suspect, styles, NEIGHBOURS)
    beside = {i for some in neighbours.values() for indices in some.values() for i in indices}
    decisions = {i: p.decision for i, p in enumerate(every) if p.decision}

    def files_of(indices: Iterable[int]) -> list[str]:
        return sorted({every[i].row.file for i in indices})

    def order(i: int) -> tuple[int, str, str]:
        return ACTIONS.index(decisions[i].action), decisions[i].style, every[i].row.file

    return render(
        "audit.html",
        "archstyle.audit",
        drawn=store.source.drawn,
        source=where_from({**vars(store.source)}),
        found=found,
        every=every,
        labelled=len(found.ranking),
        doubtful=sum(s.doubted and every[s.index].decision is None for s in found.ranking),
        sections=[
            ("conflicts", "Under two styles", found.conflicts),
            ("suspects", "The least believed labels", suspects),
        ],
        neighbours=neighbours,
        large=read_thumbnails(store, files_of(suspect.index for suspect in shown), LARGE),
        small=read_thumbnails(store, files_of(beside | decisions.keys()), SMALL),
        decided=sorted(decisions, key=order),
        columns=COLUMNS,
        rows=[astuple(correction) for correction in corrections],
        more=len(found.ranking) - len(suspects),
    )
