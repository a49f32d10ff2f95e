"""Versions that come from elsewhere, are checked, or go elsewhere."""

import shutil
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archstyle.bundle import Bundle, BundleError
from archstyle.bundle.bundle import GRAPH, bundle_digest, read_seen
from archstyle.common.console import say
from archstyle.common.files import read_json, whole_directory, write_json
from archstyle.errors import ArchstyleError
from archstyle.registry.versions import (
    BUNDLE_DIGEST,
    Version,
    address,
    download_bundle,
    version_named,
)
from archstyle.tracking.store import connect, mlflow_errors

if TYPE_CHECKING:
    from archstyle.config import Config

PREPARED = Path("data/prepared")
PAGES = ("model-card.md", "data-sheet.md")


def register_folder(root: Path, folder: Path, config: "Config") -> dict[str, Any]:
    """Register a bundle that was made elsewhere; the gate judges it like any.

    It is measured on those of this project's test photos that it has not learned from. Returns
    what register_candidate does. Raises ArchstyleError where it cannot be measured truly.
    """
    # What measures is of the pipeline; `verify` and `export` need none of it.
    from archstyle.config import Split
    from archstyle.data.manifest import read_manifest
    from archstyle.metrics.evaluation import flat_metrics, measure
    from archstyle.metrics.predictions import label_test_photos, predict_photos
    from archstyle.photos.store import PhotoStore
    from archstyle.registry.promotion import register_candidate

    if not (folder / GRAPH).is_file():
        raise ArchstyleError(f"{folder} is no bundle: give a folder with a {GRAPH} in it.")
    bundle, seen = Bundle.load(folder), read_seen(folder)
    summary = read_json(root / PREPARED / "summary.json", "run `dvc repro prepare`")
    if seen is None and bundle.card.data_digest != summary["digest"]:
        raise ArchstyleError(
            f"{folder} does not say which photos it was trained on (seen.json), so nothing that is "
            "measured here would be true: export it again with `archstyle export`."
        )
    rows = read_manifest(root / PREPARED / "manifest.csv")
    learned = {row.group for row in rows if row.sha256[:16] in (seen or ())}
    # Dropped photos too: that one may have learned from what was dropped here.
    kept = [row for row in rows if row.style in bundle.styles and row.group not in learned]
    if unknown := sorted({row.style for row in rows if row.style} - set(bundle.styles)):
        say(f"It does not know {', '.join(unknown)}: it is measured on the styles that it knows.")
    labels = label_test_photos(kept, Split(**summary["shares"]), bundle.styles)
    answers = predict_photos(bundle, PhotoStore(root / "data/raw"), labels.rows)
    counts = {style: of["train"] for style, of in bundle.card.counts.items()}
    bootstrap = config.evaluate.bootstrap_samples, config.seed
    by = labels.labelled, labels.corrected
    labelled, corrected = (measure(answers.judged_by(one), counts, *bootstrap) for one in by)
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        project = Path(temporary)  # as evaluate leaves one
        (project / "data").symlink_to((root / "data").resolve())
        shutil.copytree(folder, project / "models/bundle")
        # A run of its own, the same one for the same bundle.
        made = {"run_id": f"elsewhere-{bundle.digest[:20]}"}
        write_json(project / "models/run.json", made)
        (project / "reports").mkdir()
        metrics = flat_metrics(labelled, corrected, labels.touched)
        write_json(project / "reports/metrics.json", metrics)
        return register_candidate(project, config.register.tolerance)


def verify(name: str) -> str:
    """Compare a version's files with their digest at registration, and run its golden photos.

    Returns what was found in a sentence; raises ArchstyleError where something is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        path, found = _downloaded(name, Path(temporary))
        noted = found.tags.get(BUNDLE_DIGEST)
        if noted and bundle_digest(path) != noted:
            raise ArchstyleError(
                f"The files of version {found.version} are not those that were registered: "
                "promote another with `archstyle promote VERSION`, or train again with `make run`."
            )
        try:
            bundle = Bundle.load(path)
        except BundleError as error:
            raise ArchstyleError(f"Version {found.version} is damaged: {error}") from error
        files = "Its files are as registered" if noted else "Nobody noted its files' digest"
        golden = len(list((path / "golden").glob("*.png")))
        return (
            f"Version {found.version} knows {len(bundle.styles)} styles. {files}, and its {golden} "
            "golden photos get the answers that they got when it was made."
        )


def export(name: str, target: Path) -> str:
    """Write a version's bundle, card, data sheet and licence into a folder that is not there."""
    if target.exists():
        raise ArchstyleError(f"{target} is there already: give a folder that is not.")
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        path, found = _downloaded(name, Path(temporary))
        client, run_id = connect(), found.run_id or ""
        with whole_directory(target) as folder, mlflow_errors("read the run's reports"):
            shutil.copytree(path, folder / "bundle")
            there = {one.path for one in client.list_artifacts(run_id, "reports")}
            for page in PAGES:
                if f"reports/{page}" in there:
                    shutil.copy(
                        client.download_artifacts(run_id, f"reports/{page}", temporary), folder
                    )
            licence = distribution("archstyle").read_text("licenses/LICENSE")
            if licence:
                (folder / "LICENSE").write_text(licence, "utf-8")
    return (
        f"Version {found.version} is in {target}. Answer with it by `archstyle predict --model "
        f"{target}/bundle PHOTO`, or take it into another project by `archstyle register "
        f"{target}/bundle`."
    )


def _downloaded(name: str, target: Path) -> tuple[Path, Version]:
    # A folder may be called as a version is.
    place = name if ":" in name else address(version_named(name))
    path, found = download_bundle(place, target)
    return path, found or version_named(name)
