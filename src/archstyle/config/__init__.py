"""One composed, typed and checked configuration."""

from archstyle.config.compose import compose, stage_config
from archstyle.config.schema import (
    Augment,
    Config,
    Data,
    Duplicates,
    Evaluate,
    Model,
    Register,
    Source,
    Split,
    Thresholds,
    Train,
    Use,
)

__all__ = [
    "Augment",
    "Config",
    "Data",
    "Duplicates",
    "Evaluate",
    "Model",
    "Register",
    "Source",
    "Split",
    "Thresholds",
    "Train",
    "Use",
    "compose",
    "stage_config",
]
