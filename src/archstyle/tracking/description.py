"""What a person reads at the top of a run: Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from archstyle.tracking.facts import Facts

DRAWN = "**Trained on drawn facades, not photos: a first look, good for no photo.**"
SPLITS = ("train", "validation", "test")


def percent(share: float | str) -> str:
    """Return 0.9134 as `91.3 %`."""
    return f"{100 * float(share):.1f} %"


def accuracy_text(metrics: Mapping[str, Any], kind: str = "accuracy") -> str:
    """Return `91.3 % (88.0 % to 94.1 %)`, as far as it was measured."""
    if kind not in metrics:
        return "not measured"
    text = percent(metrics[kind])
    low, high = metrics.get(f"{kind}_low"), metrics.get(f"{kind}_high")
    if low is not None and high is not None:
        text += f" ({percent(low)} to {percent(high)})"
    return text


def describe_run(
    facts: Facts, test: Mapping[str, Any] | None = None, registered: Mapping[str, Any] | None = None
) -> str:
    """Describe a run: its data and model, and the result and decision once they are known."""
    lines = [DRAWN, ""] if facts.drawn else []
    right = f" Right on **{accuracy_text(test)}** of the test photos." if test else ""
    lines += [f"`{facts.model}` trained to tell {listed(sorted(facts.counts))}.{right}", ""]
    if registered:
        lines += _decision(registered)
        if looks := registered.get("looks"):
            lines += [
                f"Look {looks} at these test photos: who looks often chooses by them. `archstyle "
                "renew` tests on photos that came later.",
                "",
            ]
    if test:
        lines += _result_table(test)
    lines += _data_table(facts)
    return "\n".join(lines)


def _result_table(test: Mapping[str, Any]) -> list[str]:
    rows = [("accuracy (95 % interval)", accuracy_text(test))]
    for key, name in (
        ("macro_f1", "macro F1"),
        ("answered_share", "answered, not `not sure`"),
        ("answered_accuracy", "accuracy of what is answered"),
    ):
        if key in test:
            rows.append((name, percent(test[key])))
    if "test_photos" in test:
        rows.append(("test photos", str(test["test_photos"])))
    if touched := test.get("corrected_test_photos"):
        rows.append(("accuracy as corrected", accuracy_text(test, "corrected_accuracy")))
        rows.append(("test photos that corrections touch", str(touched)))
    return ["| on test photos | |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows), ""]


def _decision(registered: Mapping[str, Any]) -> list[str]:
    version = registered["version"]
    link = f"[archstyle, version {version}](#/models/archstyle/versions/{version})"
    return [f"Registered as {link}.", *reasons_of(registered)]


def reasons_of(registered: Mapping[str, Any]) -> list[str]:
    """Return the alias of a version and the reasons for it, as a paragraph."""
    title = f"**{str(registered['alias']).capitalize()}**:"
    return [" ".join([title, *registered["reasons"]]), ""]


def _data_table(facts: Facts) -> list[str]:
    lines = [
        f"Data: {facts.data_name}, {facts.photos()} photos used "
        f"(digest `{facts.data_digest[:12]}`).",
        "",
        "| style | " + " | ".join(SPLITS) + " |",
        "|---|" + "--:|" * len(SPLITS),
    ]
    for style, of_style in sorted(facts.counts.items()):
        cells = " | ".join(str(of_style.get(split, 0)) for split in SPLITS)
        lines.append(f"| {style} | {cells} |")
    totals = " | ".join(f"**{facts.photos(split)}**" for split in SPLITS)
    return [*lines, f"| **all** | {totals} |"]


def listed(words: Sequence[str]) -> str:
    """Return `a, b and c`, or how many styles there are."""
    if len(words) > 8:
        return f"{len(words)} styles"
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1] if words else ""]))
