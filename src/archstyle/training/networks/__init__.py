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


def build_network(name: str, image_size: int, read_size: int) -> Network:
    """Return the network `name`, trained at image_size and run at read_size pixels a side."""
    if name not in NETWORKS:
        raise ArchstyleError(f"`model.name` is {name!r}; the networks are {', '.join(NETWORKS)}.")
    if min(image_size, read_size) < 32:
        raise ArchstyleError("`model.image_size` and `model.read_size` must be at least 32.")
    network = NETWORKS[name](image_size)
    if network.base.input_shape[1] not in (None, read_size):
        raise ArchstyleError(
            f"`{name}` takes photos of one size only: set `model.read_size` to {image_size}, which "
            "is `model.image_size`."
        )
    return network


__all__ = ["NETWORKS", "Network", "build_network"]
