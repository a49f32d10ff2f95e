"""The card: what a person and a server need to know of a bundle."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from archstyle.images import Preprocessing


@dataclass(frozen=True)
class Card:
    """Travels in the bundle as card.json.

    `temperature` is already inside the graph. A photo is answered when the probability of its best
    style is at least `threshold`. `drawn` says that drawn facades, not photos, were trained on.
    """

    name: str
    styles: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float
    threshold: float
    drawn: bool
    source: dict[str, Any]
    data_digest: str
    counts: dict[str, dict[str, int]]
    config: dict[str, Any]
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what card.json holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Card":
        """Build a card from card.json; raises KeyError or TypeError where it does not fit."""
        known = {f.name: values[f.name] for f in fields(cls)}
        known["styles"] = tuple(known["styles"])
        known["preprocessing"] = Preprocessing(**known["preprocessing"])
        return cls(**known)
