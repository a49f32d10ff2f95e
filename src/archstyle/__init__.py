"""Archstyle tells the architectural style of a building from a photo."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("archstyle")
except PackageNotFoundError:  # the copy of the code that a registered model carries
    __version__ = "unknown"
