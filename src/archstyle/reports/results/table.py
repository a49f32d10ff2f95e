"""The table of results, as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

START, END = "<!-- make results writes this -->", "<!-- up to here -->"


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    title: str
    short: str
    metrics: Mapping[str, float]
    train_seconds: float | None = None
    bytes: Mapping[str, int] | None = None
    is_default: bool = False
    leaks: bool = False


def table(lines: Sequence[Line], most_frequent: tuple[str, float]) -> str:
    """Return the results that can be compared, after the accuracy of one constant answer."""
    style, share = most_frequent
    head = (
        "| on photographs that were not trained on | as labelled | as corrected "
        "| macro F1, corrected | training | bundle |\n| --- | --- | --- | --- | --- | --- |\n"
        f'| always saying "{style}" | {share:.3f} | | | | |'
    )
    return "\n".join([head, *(_row(line) for line in lines if not line.leaks)])


def leaky_table(lines: Sequence[Line]) -> str:
    """Return the results whose photos were trained on."""
    head = (
        "| on photos most of which were trained on | as labelled | as corrected "
        "| macro F1, corrected |"
    )
    rows = [
        f"| {line.title} | {accuracy(line, '')} | {accuracy(line, 'corrected_')} "
        f"| {line.metrics['corrected_macro_f1']:.3f} |"
        for line in lines
        if line.leaks
    ]
    return "\n".join([head, "| --- | --- | --- | --- |", *rows])


def accuracy(line: Line, prefix: str) -> str:
    """Return an accuracy with the ends of its 95 % interval."""
    value, low, high = (line.metrics[f"{prefix}accuracy{end}"] for end in ("", "_low", "_high"))
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def megabytes(sizes: Mapping[str, int]) -> str:
    """Return the sizes of a bundle's precisions; that of the one where it has no other."""
    known = {name: size for name, size in sizes.items() if name != "bundle"} or sizes
    names = [] if len(known) == 1 else [f" {name}" for name in known]
    parts = zip(known.values(), names or [""], strict=True)
    return ", ".join(f"{size / 1e6:.1f} MB{name}" for size, name in parts)


def minutes(seconds: float) -> str:
    """Return a time in the unit in which people say it."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def between_markers(text: str, content: str) -> str | None:
    """Return a page with `content` between its markers; None where it has none."""
    before, found, rest = text.partition(START)
    _, end, after = rest.partition(END)
    return f"{before}{START}\n{content}\n{END}{after}" if found and end else None


def _row(line: Line) -> str:
    cells = [
        f"**{line.title}**" if line.is_default else line.title,
        accuracy(line, ""),
        accuracy(line, "corrected_"),
        f"{line.metrics['corrected_macro_f1']:.3f}",
        minutes(line.train_seconds) if line.train_seconds is not None else "",
        megabytes(line.bytes) if line.bytes else "",
    ]
    return f"| {' | '.join(cells)} |"
