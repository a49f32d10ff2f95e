"""The card of the model for people: what it learned from, how good it is, what it cannot do."""

from math import sqrt
from typing import Any

from flask import Blueprint, render_template

from archstyle.bundle import Card
from serving.page import facts
from serving.uploads import model_or_refusal

Z = 1.959964  # of a 95 % interval

blueprint = Blueprint("card", __name__)


@blueprint.get("/model")
def model() -> str:
    """Show the card of the model in use."""
    model = model_or_refusal()
    values = facts(model)
    rows = sorted(of_styles(model.bundle.card), key=lambda row: str(values["label"](row["style"])))
    met = [share for share in model.bundle.card.left_out.values() if share is not None]
    refused = sum(met) / len(met) if met else None
    return render_template("model.html", rows=rows, refused=refused, **values)


def of_styles(card: Card) -> list[dict[str, Any]]:
    """Return of each style its training photos and, where measured, its figures.

    `found` and `right` are (share, low, high): of its test photos, and of the answers that name it.
    """
    rows = []
    for style in card.styles:
        test = card.metrics.get("test", {})
        recall, precision = test.get(f"recall_{style}"), test.get(f"precision_{style}")
        row = {"style": style, "learned": card.counts.get(style, {}).get("train", 0)}
        if support := int(test.get(f"support_{style}", 0)):
            row |= {"tested": support, "found": interval(recall or 0.0, support)}
            if recall and precision:
                row["right"] = interval(precision, round(recall * support / precision))
        rows.append(row)
    return rows


def interval(share: float, count: int) -> tuple[float, float, float]:
    """Return a share of `count` photos with its 95 % interval by Wilson, 1927."""
    scale = 1 + Z**2 / count
    middle = (share + Z**2 / 2 / count) / scale
    half = Z / scale * sqrt(share * (1 - share) / count + (Z / 2 / count) ** 2)
    return share, max(0.0, middle - half), min(1.0, middle + half)
