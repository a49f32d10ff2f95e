"""Archstyle tells the architectural style of a building from a photo."""

from importlib.metadata import version

__version__ = version("archstyle")
