"""One composed, typed and checked configuration."""

from archstyle.config.compose import compose, stage_config
from archstyle.config.schema import Config, Model, Split, Thresholds, Train

__all__ = ["Config", "Model", "Split", "Thresholds", "Train", "compose", "stage_config"]
