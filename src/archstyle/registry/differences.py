"""What differs between two versions: photos, labels, parameters, code, libraries, metrics."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from archstyle.common.console import table
from archstyle.data.manifest import SPLITS, Row, read_manifest, used
from archstyle.registry.versions import Version, version_named
from archstyle.tracking.runlog import MANIFEST
from archstyle.tracking.store import MODEL_NAME, connect, mlflow_errors

FEW = 5  # photos of a kind that are named
PREFIX = "test/"


def differences_text(one: str, other: str) -> str:
    """Return what people want to know before they promote the second version over the first."""
    versions = version_named(one), version_named(other)
    client = connect()
    with mlflow_errors("read the runs"):
        runs = [client.get_run(version.run_id or "") for version in versions]
    tags = [{**run.data.tags, **v.tags} for run, v in zip(runs, versions, strict=True)]
    names = ("data.digest", "git.commit", "git.dirty", "decision")
    measured = [
        {k: f"{v:.4f}" for k, v in run.data.metrics.items() if k.startswith(PREFIX)} for run in runs
    ]
    parts = {
        "photos": _photos(*map(_manifest, versions)),
        "parameters": _table(*(run.data.params for run in runs)),
        "data and code": _table(*({k: of[k] for k in names if k in of} for of in tags)),
        "libraries": _table(*map(_libraries, versions)),
        "metrics": _table(*measured),
    }
    title = f"version {versions[0].version} -> version {versions[1].version}"
    if versions[0].run_id == versions[1].run_id:
        title += ", of one run, which tells what the last of them was measured with"
    return title + "".join(f"\n\n{name}\n{text}" for name, text in parts.items())


def _table(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    keys = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
    return table([(k, before.get(k, "-"), "->", after.get(k, "-")) for k in keys]) or "the same"


def _photos(before: Mapping[str, Row] | None, after: Mapping[str, Row] | None) -> str:
    if before is None or after is None:
        return "not known: they were registered before the manifest was kept"
    both = sorted(before.keys() & after.keys())
    relabelled = [p for p in both if before[p].style != after[p].style]
    moved = [p for p in both if before[p].split != after[p].split]
    told = {
        "came": [f"{after[p].file} ({after[p].style})" for p in after if p not in before],
        "went": [f"{before[p].file} ({before[p].style})" for p in before if p not in after],
        "relabelled": [
            f"{after[p].file}, {before[p].style} -> {after[p].style}" for p in relabelled
        ],
        "in another split": [
            f"{after[p].file}, {before[p].split} -> {after[p].split}" for p in moved
        ],
    }
    lines = []
    for kind, photos in told.items():
        if photos:
            more = [f"and {len(photos) - FEW} more"] if len(photos) > FEW else []
            lines.append((f"{len(photos)} {kind}:", "; ".join(sorted(photos)[:FEW] + more)))
    return table(lines) or "the same"


def _manifest(version: Version) -> dict[str, Row] | None:
    """Return the photos that the version was made and judged with, by SHA-256; None: not kept."""
    client, run_id = connect(), version.run_id or ""
    with (
        mlflow_errors("read the manifest"),
        tempfile.TemporaryDirectory(prefix="archstyle-") as folder,
    ):
        if MANIFEST not in {one.path for one in client.list_artifacts(run_id, "data")}:
            return None
        rows = read_manifest(Path(client.download_artifacts(run_id, MANIFEST, folder)))
    return {row.sha256: row for split in SPLITS for row in used(rows, split)}


def _libraries(version: Version) -> dict[str, str]:
    """Return {library: version} of what the registered model asks for."""
    import mlflow

    place = f"models:/{MODEL_NAME}/{version.version}/requirements.txt"
    with mlflow_errors("read the requirements"):
        lines = mlflow.artifacts.load_text(place).splitlines()
    return dict(line.split("==", 1) for line in lines if "==" in line)
