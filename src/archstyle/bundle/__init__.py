"""The bundle: what train exports and everything else uses. LiteRT only, no TensorFlow."""

from archstyle.bundle.bundle import UNFAMILIAR, Answer, Bundle
from archstyle.bundle.card import Card
from archstyle.bundle.graph import BundleError, Outputs

__all__ = ["UNFAMILIAR", "Answer", "Bundle", "BundleError", "Card", "Outputs"]
