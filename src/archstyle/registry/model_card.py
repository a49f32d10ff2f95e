"""The card of a model for people: what it learned from, how good it is, what it cannot do.

`templates/_card.html` says it once; the server shows it as a page, `archstyle card` as Markdown.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from archstyle.bundle import Bundle, Card
from archstyle.errors import ArchstyleError
from archstyle.registry.cache import RELEASED, load_model, released
from archstyle.registry.journal import champions
from archstyle.registry.versions import BUNDLE_DIGEST, CHAMPION, all_versions, changes
from archstyle.tracking.store import sqlite_file, tracking_uri

TEMPLATES = Path(__file__).with_name("templates")
Z = 1.959964  # of a 95 % interval


def markdown_card(name: str | None) -> str:
    """Return the card of a model, as `load_model` takes it, as Markdown; raises ArchstyleError."""
    from jinja2 import Environment, FileSystemLoader

    bundle = load_model(name)
    version, history = registered(bundle, name)
    environment = Environment(loader=FileSystemLoader(TEMPLATES), extensions=["jinja2.ext.i18n"])
    environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    environment.filters["percent"] = percent
    environment.filters["decimalformat"] = lambda n, form="": f"{n:.1f}" if form else f"{n:,.0f}"
    text = environment.get_template("_card.html").render(
        skin="_skin.md",
        model={"version": version, "run_id": None, "bundle": bundle},
        card=bundle.card,
        label=bundle.label,
        champions=history,
        **figures(bundle.card, bundle.label),
    )
    text = re.sub(r"\s*\n\s*", "\n\n", text.strip()).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"(?m)^([-|].*)\n(?=\n[-|])", r"\1", text)  # items and rows stand together


def registered(bundle: Bundle, name: str | None) -> tuple[str | None, Sequence[Mapping[str, Any]]]:
    """Return the version of a bundle and the champions so far, where there is a registry.

    Of several that have it, the one asked for by its `name`, else the newest.
    """
    box, database = released(), sqlite_file(tracking_uri())
    known = RELEASED if box and box.path == bundle.path.resolve() else None
    if known or (database and not database.is_file()):  # asking would make it
        return known, []
    try:
        run, asked = bundle.card.lineage.get("run_id"), re.split("[@/]", name or CHAMPION)[-1]
        mine = [
            version
            for version in all_versions()
            if bundle.digest == version.tags.get(BUNDLE_DIGEST) or run == version.run_id
        ]
        mine.sort(key=lambda version: asked in (version.version, *version.aliases))
        return (mine[-1].version if mine else None), champions(changes())
    except ArchstyleError as error:
        print(error, file=sys.stderr)
        return None, []


def figures(card: Card, label: Callable[[str], str]) -> dict[str, Any]:
    """Return a row for each style, by label, and the share of other styles that is refused.

    `found` and `right` are (share, low, high): of its test photos, and of the answers that name it.
    """
    rows, test = [], card.metrics.get("test", {})
    for style in sorted(card.styles, key=label):
        recall, precision = test.get(f"recall_{style}"), test.get(f"precision_{style}")
        row = {"style": style, "learned": card.counts.get(style, {}).get("train", 0)}
        if support := int(test.get(f"support_{style}", 0)):
            row |= {"tested": support, "found": interval(recall or 0.0, support)}
            if recall and precision:
                row["right"] = interval(precision, round(recall * support / precision))
        rows.append(row)
    met = [share for share in card.left_out.values() if share is not None]
    return {"rows": rows, "refused": sum(met) / len(met) if met else None}


def interval(share: float, count: int) -> tuple[float, float, float]:
    """Return a share of `count` photos with its 95 % interval by Wilson, 1927."""
    scale = 1 + Z**2 / count
    middle = (share + Z**2 / 2 / count) / scale
    half = Z / scale * sqrt(share * (1 - share) / count + (Z / 2 / count) ** 2)
    return share, max(0.0, middle - half), min(1.0, middle + half)


def percent(share: float) -> str:
    """Return a share as people read it, never 100 % nor 0 % for what is neither."""
    number = str(round(share * 100))
    if 0.995 <= share < 1:
        number = "> 99"
    elif 0 < share <= 0.005:
        number = "< 1"
    return f"{number} %".replace(" ", "\N{NO-BREAK SPACE}")
