"""Tells of models/released in a table in README and docs/results.md, for `make release`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from archstyle.bundle.bundle import CARD
from archstyle.bundle.card import Card
from archstyle.common.console import run
from archstyle.common.files import read_json
from archstyle.data.manifest import read_manifest
from archstyle.registry.cache import RELEASED
from archstyle.registry.release import MANIFEST, of_int8
from archstyle.reports.page import render, where_from, write

PACKAGE = "benchmarks.results"  # of the template
BY = "make release"
PAGES = (Path("README.md"), Path("docs/results.md"))
CONFUSED = 8
ROWS = {
    "top_3_accuracy": "one of the three likeliest is",
    "macro_f1": "macro F1",
    "answered_share": "answered with one style",
    "answered_accuracy": "of these right",
    "set_coverage": "prediction sets that hold the style",
    "mean_set_size": "styles in a set, in the mean",
}


def tell(root: Path) -> None:
    """Write the table between the markers of PAGES, the README's short."""
    folder = root / "models" / RELEASED
    card = Card.from_dict(read_json(folder / CARD))
    test = read_json(root / "reports/metrics.json")
    if read_json(root / "models/bundle" / CARD)["precision"] != card.precision:
        test = of_int8(test)
    rows = read_manifest(root / MANIFEST)
    texts = {page: (root / page).read_text("utf-8") for page in PAGES if (root / page).is_file()}
    if not any(between_markers(text, BY, " ") for text in texts.values()):
        return
    answers = pd.read_csv(root / "reports/predictions.csv", dtype=str, keep_default_na=False)
    judged = answers[answers.corrected != ""]
    source_of = {row.file: row.source or where_from(card.source) for row in rows}
    source, right = judged.file.map(source_of), judged.predicted == judged.corrected
    share, wrong = right.groupby(source).mean(), judged[~right]
    confused = Counter(zip(wrong.corrected, wrong.predicted, strict=True))
    for page, text in texts.items():
        table = render(
            "released-table.md",
            PACKAGE,
            card=card,
            test=test,
            rows=ROWS.items(),
            labelled=int((answers["style"] != "").sum()),
            corrected=len(judged),
            by_source=[(name, share[name], n) for name, n in Counter(source).most_common()],
            confused=[(*pair, n) for pair, n in confused.most_common(CONFUSED)],
            megabytes=(folder / "model.tflite").stat().st_size / 1e6,
            whole=page != PAGES[0],
            has_card=(folder / "model-card.md").is_file(),
            folder="../" * (len(page.parts) - 1) + folder.relative_to(root).as_posix(),
        )
        if filled := between_markers(text, BY, table):
            write(root / page, filled)


def between_markers(text: str, command: str, new: str | None = None) -> str:
    """Return `text` with `new` between the markers of a command; without `new`, what is there.

    Empty where the markers are not there.
    """
    start, end = f"<!-- {command} writes this -->", "<!-- up to here -->"
    before, found, rest = text.partition(start)
    old, closed, after = rest.partition(end)
    if not (found and closed):
        return ""
    return old.strip() if new is None else f"{before}{start}\n{new}\n{end}{after}"


def main(_: Sequence[str]) -> None:
    tell(Path.cwd())


if __name__ == "__main__":
    run(main)
