"""The one error that people are meant to read."""


class ArchstyleError(Exception):
    """What went wrong and what to do about it, in one clear sentence."""
