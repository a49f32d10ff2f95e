"""The networks by the names that conf/model/ uses.

A new one is a function with `@architecture` in any file of this folder, and a file in conf/model/.
"""

import importlib
import pkgutil

from archstyle.config import Model
from archstyle.errors import ArchstyleError
from archstyle.models.networks.network import NETWORKS, Network, architecture

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def build_network(name: str, image_size: int, read_size: int, application: str = "") -> Network:
    """Return the network `name`, trained at image_size and run at read_size pixels a side."""
    if name not in NETWORKS:
        names = ", ".join(sorted(NETWORKS))
        raise ArchstyleError(f"`model.name` is {name!r}; the networks are {names}.")
    if min(image_size, read_size) < 32:
        raise ArchstyleError("`model.image_size` and `model.read_size` must be at least 32.")
    made = NETWORKS[name](Model(name, image_size, read_size, application=application))
    if made.base.input_shape[1] not in (None, read_size):
        raise ArchstyleError(
            f"`{name}` takes photos of one size only: set `model.read_size` to {image_size}, which "
            "is `model.image_size`."
        )
    return made


__all__ = ["NETWORKS", "Network", "architecture", "build_network"]
