"""Archstyle tells the architectural style of a building from a photo."""

__version__ = "0.1.0"  # here, since to ask the installed package takes 30 ms
