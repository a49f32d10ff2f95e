"""The gate: a candidate beside the champion and the reference, on photos that none has seen.

Whatever cannot be measured leaves the candidate a challenger; a person decides with
`archstyle promote`.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import read_seen
from archstyle.common.console import say
from archstyle.data.manifest import Row, never_learned, read_manifest, used
from archstyle.errors import ArchstyleError
from archstyle.metrics.paired import (
    BRIER_SHARE,
    CONFIDENCE,
    Comparison,
    Decision,
    compare,
    decide_on_data,
    score_photos,
)
from archstyle.metrics.predictions import predict_photos
from archstyle.photos.store import PhotoStore
from archstyle.registry.versions import Version, address, download_bundle
from archstyle.tracking.facts import listed

MANIFEST = Path("data/prepared/manifest.csv")
FEWEST_PHOTOS = 2  # that can be compared at all


def judge(
    candidate: Path, version: str, incumbents: Mapping[str, Version], root: Path, tolerance: float
) -> Decision:
    """Say which alias the bundle in `candidate`, registered as `version`, deserves.

    `incumbents` are the present champion and the best one there was, by what to call them. Each is
    measured again, reading the originals in data/raw with its own preprocessing, by the labels as
    corrected.
    """
    if not incumbents:
        return Decision("champion", ("There was no champion yet.",))
    mine = Bundle.load(candidate)
    comparisons: dict[str, Comparison] = {}
    told: list[str] = []
    for role, incumbent in incumbents.items():
        if incumbent.version == version:
            continue
        by_data = decide_on_data(mine.card.drawn, incumbent.tags.get("data.drawn") == "true")
        if by_data is not None and (by_data.alias != "champion" or role == "champion"):
            return by_data
        name = f"the {role}, version {incumbent.version},"
        say(f"Comparing with {name} on the same test photos.")
        try:
            with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
                theirs = Bundle.load(download_bundle(address(incumbent), Path(temporary))[0])
                refused = _refusal(mine, theirs, name)
                if refused:
                    return _challenger(version, refused)
                rows = _fair_rows(root, mine, theirs, name)
                store = PhotoStore(root / "data" / "raw")
                answers = [predict_photos(bundle, store, rows) for bundle in (mine, theirs)]
                scores = [score_photos(one.probabilities, one.labels) for one in answers]
        except ArchstyleError as error:
            return _challenger(version, f"It could not be compared with {name[:-1]}: {error}")
        comparisons[name] = compare(scores[0], scores[1])
        told = told or _told(mine, theirs, rows)
    decision = decide(comparisons, tolerance)
    if decision.alias != "champion":
        return _challenger(version, *told, *decision.reasons, comparisons=comparisons)
    return Decision("champion", (*told, *decision.reasons), comparisons)


def decide(comparisons: Mapping[str, Comparison], tolerance: float) -> Decision:
    """Champion where the candidate passes beside every incumbent, by its name in a sentence.

    The fixed reference, the best champion there was, must be one of them: beside the present
    champion alone, ten promotions can each lose a little.
    """
    from archstyle.reports.page import render  # with matplotlib

    sure = f"{100 * CONFIDENCE:.1f} %"
    told = {"sure": sure, "tolerance": tolerance, "brier_share": BRIER_SHARE}
    text = render("decision.txt", "archstyle.registry", comparisons=comparisons, **told)
    passed = all(found.passes(tolerance) for found in comparisons.values())
    alias = "champion" if passed else "challenger"
    return Decision(alias, tuple(text.splitlines()), comparisons)


def test_digest(root: Path) -> str:
    """Digest the test photos and their styles: versions that bear it were judged by the same."""
    rows = sorted((row.sha256, row.style) for row in used(read_manifest(root / MANIFEST), "test"))
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _refusal(mine: Bundle, theirs: Bundle, name: str) -> str:
    """Say why the candidate is no rival, whatever it gets right; empty where it is one."""
    gone = sorted(set(theirs.styles) - set(mine.styles))
    if gone:
        return f"It does not know {listed(gone)}, which {name} does."
    limit = mine.card.config.get("data", {}).get("limit")
    if limit is not None:
        return f"It is a quick look: it was trained with data.limit={limit}."
    mine_, theirs_ = (one.card.config.get("train", {}).get("epochs") for one in (mine, theirs))
    if mine.card.name == theirs.card.name and mine_ and theirs_ and mine_ < theirs_:
        return f"Its training was cut short: {mine_} epochs, of {name} {theirs_}."
    return ""


def _fair_rows(root: Path, mine: Bundle, theirs: Bundle, name: str) -> list[Row]:
    """Return the test photos of styles that both know, of which neither has seen a duplicate."""
    rows = read_manifest(root / MANIFEST)
    if not used(rows, "test"):
        raise ArchstyleError(
            "there are no test photos; raise `split.test` in params.yaml, then `dvc repro`."
        )
    seen = [read_seen(bundle.path) for bundle in (mine, theirs)]
    for photos, bundle in zip(seen, (mine, theirs), strict=True):
        # A bundle of before these were kept: of the same data it has seen what the manifest says.
        if photos is None and bundle.card.data_digest != mine.card.data_digest:
            raise ArchstyleError(
                "nobody noted which photos that was trained on, and it was other data."
            )
    learned = frozenset().union(*(photos for photos in seen if photos is not None))
    fair = [row for row in never_learned(rows, learned) if row.style in theirs.styles]
    if len(fair) < FEWEST_PHOTOS:
        raise ArchstyleError(
            f"only {len(fair)} test photos are new to both; photos that come later give more."
        )
    return fair


def _challenger(
    version: str, *reasons: str, comparisons: Mapping[str, Comparison] | None = None
) -> Decision:
    by_hand = f"`archstyle promote {version}` makes it champion all the same."
    return Decision("challenger", (*reasons, by_hand), comparisons)


def _told(mine: Bundle, theirs: Bundle, rows: Sequence[Row]) -> list[str]:
    """Say what the candidate knows more, and that labels may be other than the folders'."""
    told = []
    if new := sorted(set(mine.styles) - set(theirs.styles)):
        told += [f"It also knows {listed(new)}; both are judged by the styles that both know."]
    if corrected := sum(row.status == "corrected" for row in rows):
        told += [f"Labels are as corrected: {corrected} of the test photos."]
    return told
