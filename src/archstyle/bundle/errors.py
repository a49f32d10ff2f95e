"""What can be wrong with a bundle."""

from archstyle.errors import ArchstyleError


class BundleError(ArchstyleError):
    """A bundle that is incomplete or does not reproduce its golden photos."""
