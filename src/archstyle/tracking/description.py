"""What a person reads at the top of a run and of a registered version: Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def percent(share: float | str) -> str:
    """Return 0.9134 as `91.3 %`."""
    return f"{100 * float(share):.1f} %"


def accuracy_text(metrics: Mapping[str, Any], kind: str = "accuracy") -> str:
    """Return `91.3 % (88.0 % to 94.1 %)`, as far as it was measured."""
    if kind not in metrics:
        return "not measured"
    low, high = metrics.get(f"{kind}_low"), metrics.get(f"{kind}_high")
    between = "" if low is None or high is None else f" ({percent(low)} to {percent(high)})"
    return percent(metrics[kind]) + between


def listed(words: Sequence[str]) -> str:
    """Return `a, b and c`, or how many styles there are."""
    if len(words) > 8:
        return f"{len(words)} styles"
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def described(template: str, **values: Any) -> str:
    """Fill in a template of templates/."""
    made = Environment(
        loader=PackageLoader("archstyle.tracking"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(accuracy=accuracy_text, listed=listed, percent=percent)
    return made.get_template(template).render(values)
