"""What a run is about: the model, its configuration and its data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archstyle.bundle.card import Card
from archstyle.errors import ArchstyleError
from archstyle.tracking.lineage import git_tags


@dataclass(frozen=True)
class Facts:
    """What a run is about, known before training (from prepare) and after (from the card)."""

    model: str
    config: dict[str, Any]
    source: dict[str, Any]
    counts: dict[str, dict[str, int]]  # {style: {split: photos}}
    data_digest: str
    git: dict[str, str] = field(default_factory=dict)

    @property
    def drawn(self) -> bool:
        """Whether these are drawn facades, no photos."""
        return bool(self.source.get("drawn"))

    @property
    def data_name(self) -> str:
        """What to call the data in a sentence."""
        return "drawn facades, not photos" if self.drawn else str(self.source.get("location", "?"))

    def photos(self, split: str | None = None) -> int:
        """Return the number of photos, of one split or of all."""
        return sum(
            number
            for of_style in self.counts.values()
            for name, number in of_style.items()
            if name and split in (None, name)
        )

    def tags(self) -> dict[str, str]:
        """Return the tags by which runs and versions are told apart and found."""
        return {
            "model": self.model,
            "data": self.data_name,
            "data.kind": str(self.source.get("kind", "?")),
            "data.digest": self.data_digest,
            "data.drawn": str(self.drawn).lower(),
            "data.photos": str(self.photos()),
            **self.git,
        }


def facts_from_summary(root: Path, config: Mapping[str, Any]) -> Facts:
    """Read data/prepared/summary.json, for a run that begins."""
    path = root / "data" / "prepared" / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArchstyleError(f"{path} cannot be read: run `dvc repro prepare`.") from error
    return Facts(
        model=str(config["model"]["name"]),
        config=dict(config),
        source=summary["source"],
        counts=summary["counts"],
        data_digest=summary["digest"],
        git=git_tags(root),
    )


def facts_from_card(card: Card, run: Mapping[str, Any]) -> Facts:
    """Read a bundle's card and models/run.json, for a run that is resumed or made again."""
    return Facts(
        model=card.name,
        config=card.config,
        source=card.source,
        counts=card.counts,
        data_digest=card.data_digest,
        git={key: str(value) for key, value in run.items() if key.startswith("git.")},
    )


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return {section.key: value as text}; lists and None as JSON, as MLflow's params are text."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value)
    return flat
