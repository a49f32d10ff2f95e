"""Collections of made-up rows, for tests of the report on the data."""

import pandas as pd

from archstyle.data.manifest import Row
from archstyle.reports.collection import Alike, Collection, by_style

SOURCE = {"kind": "folder", "location": "photos", "drawn": False, "files": 0, "digest": "s"}

FACTS = pd.DataFrame({"file": [], "width": [], "height": [], "format": []}).set_index("file")


def row(file: str, group: str = "", split: str = "train", status: str = "used", **more: str) -> Row:
    style = more.get("style", file.split("/")[-2] if "/" in file else "")
    sha256, reason = more.get("sha256", f"sha-{file}"), more.get("reason", "")
    phash = more.get("phash", "0" * 64)
    what = (file, style, sha256, phash, group or file, split, status, reason)
    return Row(*what, source=more.get("source", ""))


def collection(rows: list[Row], facts: pd.DataFrame = FACTS) -> Collection:
    counts = {
        style: {split: found[split] for split in ("train", "validation", "test")}
        for style, found in by_style(rows).items()
        if any(found[split] for split in ("train", "validation", "test"))
    }
    summary = {"styles": list(counts), "counts": counts, "source": SOURCE, "digest": "d"}
    summary["shares"] = {"validation": 0.15, "test": 0.15}
    return Collection(rows, summary, facts, Alike(), 40)
