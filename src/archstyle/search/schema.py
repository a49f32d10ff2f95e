"""What conf/sweep.yaml can set: everything that a trial can, and the study."""

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from archstyle.config import Config


@dataclass
class Study:
    """Where the trials are kept. The last three are filled in by `pipeline.sweep`."""

    storage: str = MISSING  # SQLAlchemy's address of a database
    prune_after: int = MISSING  # trials that run to their end before any is stopped early
    name: str = ""
    run_id: str = ""  # the parent run in MLflow
    trial: int = -1


@dataclass
class SweepConfig(Config):
    """Names and types of everything that a sweep's command line takes."""

    study: Study = field(default_factory=Study)


def register() -> None:
    """Make the schema known to Hydra, which checks the search space by it."""
    ConfigStore.instance().store("sweep_schema", SweepConfig, provider="archstyle")
