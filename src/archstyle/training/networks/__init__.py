"""The networks by the names that conf/model/ uses; a new one is a function and a line here."""

from collections.abc import Callable

from archstyle.errors import ArchstyleError
from archstyle.training.networks.cnn import cnn
from archstyle.training.networks.efficientnet_lite import efficientnet_lite0
from archstyle.training.networks.network import Network

NETWORKS: dict[str, Callable[[int], Network]] = {
    "cnn": cnn,
    "efficientnet_lite0": efficientnet_lite0,
}


def build_network(name: str, image_size: int) -> Network:
    """Return the network `name` for photos of image_size pixels a side."""
    if name not in NETWORKS:
        raise ArchstyleError(f"`model.name` is {name!r}; the networks are {', '.join(NETWORKS)}.")
    if image_size < 32:
        raise ArchstyleError(f"`model.image_size` is {image_size}; it must be at least 32.")
    return NETWORKS[name](image_size)


__all__ = ["NETWORKS", "Network", "build_network"]
