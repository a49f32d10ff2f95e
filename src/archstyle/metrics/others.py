"""How often a bundle takes buildings of other styles for one of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archstyle.bundle import Bundle, Card
from archstyle.data.manifest import Row
from archstyle.metrics.predictions import answer_photos
from archstyle.photos.store import OTHERS, PhotoStore


def measure_others(bundle: Bundle, raw: Path, rows: Sequence[Row]) -> dict[str, Any] | None:
    """Answer the test photos of other styles; None where there are none.

    `photos` is their number, `answered` the share that gets one style, and `styles` both by style.
    """
    if not rows:
        return None
    store, styles = PhotoStore(raw / OTHERS), np.array([row.style for row in rows])
    given = answer_photos(bundle, store, [row.file for row in rows]).answered
    of_styles = {style: given[styles == style] for style in sorted(set(styles.tolist()))}
    return {
        "photos": len(given),
        "answered": float(given.mean()),
        "styles": {style: (len(of), float(of.mean())) for style, of in of_styles.items()},
    }


def other_metrics(others: Mapping[str, Any] | None, card: Card) -> dict[str, float]:
    """Return flat numbers; those of styles left out are of photos that are no test photos."""
    found = {}
    if others:
        found = {f"other_styles_{name}": others[name] for name in ("photos", "answered")}
    if refused := [share for share in card.left_out.values() if share is not None]:
        found["left_out_styles_refused"] = float(np.mean(refused))
    return {name: round(value, 6) for name, value in found.items()}
