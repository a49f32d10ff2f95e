"""Which recipes are compared: the reference's, a new head, and every file in conf/model/."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from archstyle.errors import ArchstyleError

SKIPPED = "keras_application"  # its weights are downloaded


@dataclass(frozen=True)
class Recipe:
    """A row of the table; `params` is the params.yaml that it is run under."""

    name: str
    title: str
    short: str  # for a figure
    params: dict[str, Any]
    is_default: bool = False
    leaks: bool = False  # most of what it is measured on was trained on

    def with_seed(self, seed: int) -> "Recipe":
        """Return the recipe with another seed of its training."""
        params = {**self.params, "seed": seed}
        return replace(self, name=f"{self.name}-seed-{seed}", params=params, is_default=False)


def recipes(root: Path) -> list[Recipe]:
    """Return the reference's network on our split, then the others, the smallest first.

    What params.yaml sets for the model in use is its own; the others are as their files say. The
    reference's notebook shows 30 epochs that begin at a training accuracy of 0.87: they went on
    from 30 earlier ones.
    """
    params = yaml.safe_load((root / "params.yaml").read_text("utf-8"))
    default = params["use"]["model"]
    files = {path.stem: path for path in sorted((root / "conf/model").glob("[!_]*.yaml"))}
    if default not in files:
        raise ArchstyleError(f"`use.model` is {default!r}, which conf/model/ does not have.")

    def under(uses: dict[str, str], **sections: Any) -> dict[str, Any]:
        """Return params with another model, whose file decides all that is not given."""
        rest = {key: params[key] for key in params if key not in ("augment", "model", "train")}
        return {**rest, "use": {**params["use"], **uses}, **sections}

    uses = {"model": "cnn", "augment": "published"}
    published = under(uses, train={"epochs": 60})
    head = under({}, train={"epochs": 0, "head_epochs": 20})
    typed = "`use.model=cnn use.augment=published train.epochs=60`"
    about = "`train.epochs=0`: a new head on frozen ImageNet features"
    found = [
        Recipe(
            "published",
            f"{typed}: the reference's network, on our split",
            "reference's network",
            published,
        ),
        Recipe("head", about, "new head, rest frozen", head),
    ]
    others = [name for name in files if name not in ("cnn", default, SKIPPED)]
    small = [name for name in others if name.startswith("cnn")]
    for name in (*small, default, *(name for name in others if name not in small)):
        # A model's file begins with its command and a sentence on what it is.
        said = [*re.findall(r"^# ?(.*)", files[name].read_text("utf-8"), re.M), "", ""]
        uses = dict(re.findall(r"use\.(\w+)=(\S+)", said[1])) or {"model": name}
        about = re.split(r":|\.(?: |$)", said[2] or name.replace("_", " "))[0]
        typed = "make run" if name == default else " ".join(f"use.{k}={v}" for k, v in uses.items())
        own = params if name == default else under(uses)
        found.append(Recipe(name, f"`{typed}`: {about}", name, own, name == default))
    return found
