"""From fetched and prepared photos to reports/audit.html, a page on which decisions are made."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from itertools import chain
from pathlib import Path

from archstyle.audit.features import find_graph, read_features
from archstyle.audit.findings import Findings, Photograph, alike, find, photographs
from archstyle.common.console import say
from archstyle.common.files import whole_file, write_csv
from archstyle.config import compose
from archstyle.data.corrections import COLUMNS, read_corrections
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
    features = read_features(store, [p.row for p in every], graph, graph.with_suffix(""))
    found = find(every, features, seed)
    with whole_file(root / RANKING) as path:
        write_csv(path, RANKED, ranked(every, found))
    open_ones = [suspect for suspect in found.ranking if every[suspect.index].decision is None]
    shown = [*found.conflicts, *open_ones[:show]]
    neighbours = {}
    for suspect in shown:
        labels = [suspect.label] if suspect.label else every[suspect.index].folders
        styles = [*labels, suspect.suggestion]
        neighbours[suspect.index] = alike(every, features, suspect, styles, NEIGHBOURS)
    beside = chain(*(indices for some in neighbours.values() for indices in some.values()))
    decided = [(photograph, p) for photograph in every if (p := photograph.decision)]
    decided.sort(key=lambda both: (ACTIONS.index(both[1].action), both[1].style, both[0].row.file))
    small = {every[i].row.file for i in beside} | {photograph.row.file for photograph, _ in decided}
    told = {
        "drawn": store.source.drawn,
        "source": where_from(vars(store.source)),
        "found": found,
        "every": every,
        "labelled": len(found.ranking),
        "doubtful": sum(suspect.doubted for suspect in open_ones),
        "sections": [
            ("conflicts", "Under two styles", found.conflicts),
            ("suspects", "The least believed labels", open_ones[:show]),
        ],
        "neighbours": neighbours,
        "large": read_thumbnails(store, sorted({every[s.index].row.file for s in shown}), LARGE),
        "small": read_thumbnails(store, sorted(small), SMALL),
        "decided": decided,
        "columns": COLUMNS,
        "rows": [astuple(correction) for correction in corrections],
        "more": len(found.ranking) - len(open_ones[:show]),
    }
    write(root / PAGE, render("audit.html", "archstyle.audit", **told))
    say(
        f"audit: {told['doubtful']} of {told['labelled']} labels look doubtful, {len(decided)} "
        f"photographs are decided, {len(found.conflicts)} lie under two styles. Out-of-fold "
        f"accuracy {found.accuracy:.3f}, by the folders' labels {found.folders_accuracy:.3f}.\n"
        f"Look at {PAGE}; a decision is a row in data/corrections.csv, and `make run` applies it."
    )


def ranked(every: Sequence[Photograph], found: Findings) -> Iterator[tuple[object, ...]]:
    """Yield the rows of reports/audit.csv: all labels, the least believed first."""
    for rank, suspect in enumerate(found.ranking, start=1):
        photograph = every[suspect.index]
        said = f"{suspect.probability:.4f}", f"{suspect.of_label:.4f}"
        marks = "yes" if suspect.doubted else "", getattr(photograph.decision, "action", "")
        yield rank, photograph.row.file, suspect.label, suspect.suggestion, *said, *marks
