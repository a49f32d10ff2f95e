"""register: the bundle becomes a version of the registered model, champion if it is not worse.

Reads models/, data/raw, data/prepared and what is in reports/; writes reports/registered.json and
reports/promotion.html, which reports/index.html shows.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.common.files import write_json
from archstyle.config import stage_config
from archstyle.registry.cache import answering
from archstyle.registry.promotion import register_candidate
from archstyle.registry.record import mark_recorded
from archstyle.reports.page import render, write

SECTIONS = ("register",)


def main(argv: Sequence[str]) -> None:
    """Run the stage in the current folder."""
    root = Path.cwd()
    config = stage_config(SECTIONS, argv).register
    registered = register_candidate(root, config.tolerance, {"register": asdict(config)})
    write(root / "reports/promotion.html", render("promotion.html", registered=registered))
    write_json(root / "reports" / "registered.json", registered)
    mark_recorded(root)
    version, alias = registered["version"], registered["alias"]
    say(f"Version {version} is {alias}: {' '.join(registered['reasons'])}")
    say(f"Next: `make serve` answers with {answering()}; `make ui` shows the run.")


if __name__ == "__main__":
    run(main)
