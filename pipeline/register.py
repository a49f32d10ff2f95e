"""register: the bundle becomes a version of the registered model, champion if it is not worse.

Reads models/, data/raw, data/prepared and reports/metrics.json; writes reports/registered.json.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.common.files import whole_file, write_json
from archstyle.config import Register, stage_config
from archstyle.registry.promotion import register_candidate
from archstyle.registry.record import mark_recorded


@dataclass
class RegisterStage:
    """What this stage reads of the configuration."""

    register: Register


def main(argv: Sequence[str]) -> None:
    """Run the stage in the current folder."""
    root = Path.cwd()
    config = stage_config(RegisterStage, argv, root)
    registered = register_candidate(root, config.register.tolerance, asdict(config))
    with whole_file(root / "reports" / "registered.json") as partial:
        write_json(partial, registered)
    mark_recorded(root)
    version, alias = registered["version"], registered["alias"]
    say(f"Version {version} is {alias}: {' '.join(registered['reasons'])}")
    say("Next: `make serve` answers with the champion, `make ui` shows the run.")


if __name__ == "__main__":
    run(main)
