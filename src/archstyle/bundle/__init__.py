"""The bundle: what train exports and everything else uses. LiteRT only, no TensorFlow."""

from archstyle.bundle.bundle import Answer, Bundle, BundleError, Outputs
from archstyle.bundle.card import Card

__all__ = ["Answer", "Bundle", "BundleError", "Card", "Outputs"]
