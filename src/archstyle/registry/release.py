"""The released model: a checked int8 bundle in models/released, which git tracks."""

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from archstyle.bundle import Bundle
from archstyle.bundle.bundle import CARD, SEEN
from archstyle.bundle.card import Card
from archstyle.common.files import read_json, whole_directory, write_json
from archstyle.data.manifest import Row, read_manifest, used
from archstyle.data.splits import check_data
from archstyle.errors import ArchstyleError
from archstyle.registry.cache import RELEASED
from archstyle.registry.register import told_in_card

MOST_BYTES = 6_000_000
MANIFEST = Path("data/prepared/manifest.csv")
SHEET, MODEL_CARD = "data-sheet.md", "model-card.md"


def release(root: Path) -> str:
    """Write models/released from models/, data/prepared and reports/; say what it holds.

    It is models/bundle where that is int8, else its int8 variant, with what evaluate measured of it
    in the card. Raises ArchstyleError, and leaves the old one, where it should not be given away.
    """
    served = Bundle.load(root / "models" / "bundle")
    if served.card.drawn:
        raise ArchstyleError(
            "A model of drawings is not released: train on photos (ARCHSTYLE_PHOTOS=folder)."
        )
    if served.card.config.get("data", {}).get("limit") is not None:
        raise ArchstyleError(
            "A quick look is not released: set data.limit to null in params.yaml, then `make run`."
        )
    test, sheet = _reports(root, served)
    chosen = served
    if served.card.precision != "int8":
        chosen, test = Bundle.load(root / "models" / "variants" / "int8"), of_int8(test)
    rows = read_manifest(root / MANIFEST)
    card = _card(chosen.card, test, rows, root)
    with whole_directory(root / "models" / RELEASED) as folder:
        shutil.copytree(chosen.path, folder, dirs_exist_ok=True)
        write_json(folder / CARD, card.as_dict())
        (folder / SHEET).write_text(_data_sheet(card, sheet), "utf-8")
        if chosen is served:  # the card tells of that one
            shutil.copy(root / "reports" / MODEL_CARD, folder)
        if _bytes(folder) > MOST_BYTES:  # the gate, which reads this, never meets a released model
            (folder / SEEN).unlink(missing_ok=True)
        if (size := _bytes(folder)) > MOST_BYTES:
            raise ArchstyleError(
                f"The bundle has {size / 1e6:.1f} MB, and {MOST_BYTES / 1e6:.0f} MB may be "
                "released: choose a smaller network (use.model in params.yaml)."
            )
        Bundle.load(folder)
    told = card.metrics["test"]
    return (
        f"models/{RELEASED} knows {len(card.styles)} styles, has {size / 1e6:.1f} MB and is right "
        f"in {told['accuracy']:.3f} of {told['test_photos']:,.0f} test photos. `git add "
        f"models/{RELEASED}` and a commit release it."
    )


def _reports(root: Path, bundle: Bundle) -> tuple[dict[str, Any], str]:
    """Return the headline of metrics.json and the data sheet; raises where they tell of others."""
    check_data(bundle.card.data_digest, read_json(root / "data/prepared/summary.json")["digest"])
    test = read_json(root / "reports" / "metrics.json", "run `dvc repro evaluate`")
    if not test.get("test_photos"):
        raise ArchstyleError(
            "The bundle was measured on no photos: raise split.test in params.yaml and `make run`."
        )
    text, of_which = "", {MODEL_CARD: bundle.digest, SHEET: bundle.card.data_digest}
    for name, digest in of_which.items():
        page = root / "reports" / name
        text = page.read_text("utf-8") if page.is_file() else ""
        if digest not in text:
            raise ArchstyleError(f"{page} does not tell of models/bundle: run `dvc repro`.")
    return test, text


def _data_sheet(card: Card, described: str) -> str:
    """Return the data sheet in Markdown; `described` is that of the stage describe."""
    from archstyle.reports.page import render, where_from  # with matplotlib

    where, data = where_from(card.source), card.config.get("data", {})
    used, configured = card.source["used"], [*data.get("sources", []), *data.get("others", [])]
    return render(
        "released.md",
        card=card,
        sources=[(where if k == card.source["location"] else k, n) for k, n in used.items()],
        repositories=[one for one in configured if one["kind"] == "git"],
        described=Markup(described.partition("\n")[2].strip()),  # Markdown already
    )


def of_int8(test: Mapping[str, Any]) -> dict[str, Any]:
    """Return what metrics.json says of the int8 variant where float32 is served."""
    if "int8_accuracy" not in test:
        raise ArchstyleError("The int8 variant was not measured: run `dvc repro evaluate`.")
    of_int8 = {k.removeprefix("int8_"): test[k] for k in test if k.startswith("int8_")}
    return {**of_int8, "test_photos": test["test_photos"]}


def _card(card: Card, test: Mapping[str, Any], rows: list[Row], root: Path) -> Card:
    """Return the card with test figures, photos by source and lineage, without places of here."""
    source = _without_places(card.source)
    photos = [row for split in ("train", "validation", "test") for row in used(rows, split)]
    sources = Counter(getattr(row, "source", "") or source["location"] for row in photos)
    run = read_json(root / "models" / "run.json", "run `dvc repro --force train`")
    lineage: dict[str, Any] = {k: run[k] for k in ("run_id", "git.commit", "git.dirty") if k in run}
    return replace(
        card,
        metrics={**card.metrics, "test": told_in_card(test)},
        lineage={**card.lineage, **lineage},
        source={**source, "used": dict(sources.most_common())},
        config=_without_places(card.config),
    )


def _without_places(value: Any) -> Any:
    """Shorten every absolute path to its last part."""
    if isinstance(value, dict):
        return {key: _without_places(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_places(one) for one in value]
    is_place = isinstance(value, str) and value.startswith(("/", "~"))
    return Path(value).name if is_place else value


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
