"""The bundle: what train exports and everything else uses. LiteRT only, no TensorFlow."""

from archstyle.bundle.bundle import NOT_SURE, UNFAMILIAR, Answer, Bundle
from archstyle.bundle.card import Card
from archstyle.bundle.distance import Distance
from archstyle.bundle.errors import BundleError
from archstyle.bundle.graph import Outputs

__all__ = [
    "NOT_SURE",
    "UNFAMILIAR",
    "Answer",
    "Bundle",
    "BundleError",
    "Card",
    "Distance",
    "Outputs",
]
