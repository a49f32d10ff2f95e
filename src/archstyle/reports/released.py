"""What is told of the released model: its data sheet, and a table in README and docs/results.md."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from archstyle.bundle.card import Card
from archstyle.data.manifest import Row
from archstyle.reports.page import between_markers, render, where_from, write

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


def data_sheet(card: Card, described: str) -> str:
    """Return the data sheet in Markdown; `described` is that of the stage describe."""
    where, used = where_from(card.source), card.source["used"]
    data = card.config.get("data", {})
    configured = [*data.get("sources", []), *data.get("others", [])]
    return render(
        "released.md",
        card=card,
        sources=[(where if k == card.source["location"] else k, n) for k, n in used.items()],
        repositories=[one for one in configured if one["kind"] == "git"],
        described=Markup(described.partition("\n")[2].strip()),  # Markdown already
    )


def tell(
    root: Path, folder: Path, card: Card, test: Mapping[str, Any], rows: Sequence[Row]
) -> None:
    """Write the table between the markers of PAGES, the README's short.

    `test` is what metrics.json says of the model.
    """
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
