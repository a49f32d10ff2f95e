"""Makes `archstyle.search.sweeper` known to Hydra, which looks for sweepers in this package only.

Hydra reads this at the start of every stage: nothing heavy is imported, and without the extra
`sweep` there is nothing to make known.
"""

from importlib.util import find_spec
from typing import Any

if find_spec("hydra_plugins.hydra_optuna_sweeper"):
    from hydra_plugins.hydra_optuna_sweeper.optuna_sweeper import OptunaSweeper

    class ArchstyleSweeper(OptunaSweeper):  # type: ignore[misc]
        """The Optuna sweeper, with pruned and resumed trials."""

        def __init__(self, **settings: Any) -> None:
            from archstyle.search.sweeper import StudySweeper

            self.sweeper = StudySweeper(**settings)
