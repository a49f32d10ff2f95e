"""The bundle: what train exports and everything else uses. LiteRT only, no TensorFlow."""

from archstyle.bundle.bundle import NOT_SURE, UNFAMILIAR, Answer, Bundle
from archstyle.bundle.card import Card
from archstyle.bundle.graph import BundleError, Outputs
from archstyle.bundle.out_of_distribution import MahalanobisDistance

__all__ = [
    "NOT_SURE",
    "UNFAMILIAR",
    "Answer",
    "Bundle",
    "BundleError",
    "Card",
    "MahalanobisDistance",
    "Outputs",
]
