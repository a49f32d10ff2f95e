"""What the follower last found at the registry, for the workers and people to read."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from archstyle.common.files import whole_file
from archstyle.registry.cache import cache_directory

FILE = "follower.json"


@dataclass(frozen=True)
class Finding:
    """`state` is following, none (no champion), away or refused; `sentence` is for people."""

    state: str
    sentence: str

    def write(self, directory: Path) -> None:
        """Leave it in the cache folder for the workers."""
        with whole_file(directory / FILE) as partial:
            partial.write_text(json.dumps(asdict(self)) + "\n", "utf-8")


def read_finding() -> dict[str, str] | None:
    """Return what the follower last wrote, or None where it has not written yet."""
    try:
        values: dict[str, str] = json.loads((cache_directory() / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return values
