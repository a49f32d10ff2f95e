"""Which recipes are compared: the reference's, a new head, and every file in conf/model/."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from archstyle.errors import ArchstyleError

SKIPPED = "keras_application"  # its weights are downloaded
Params = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A row of the table; `params` is the params.yaml that it is run under."""

    name: str
    title: str
    short: str  # for a figure
    params: Params
    is_default: bool = False


def recipes(root: Path) -> list[Recipe]:
    """Return the rows but for the reference's own protocol, the smallest networks first.

    What params.yaml sets for the model in use is its own; the others are as their files say.
    """
    params = read_params(root)
    default = params["use"]["model"]
    files = {path.stem: path for path in sorted((root / "conf/model").glob("[!_]*.yaml"))}
    if default not in files:
        raise ArchstyleError(f"`use.model` is {default!r}, which conf/model/ does not have.")
    head = _with(params, default, train={"epochs": 0, "head_epochs": 20})
    title = "`train.epochs=0`: a new head on frozen ImageNet features"
    found = [published(params), Recipe("head", title, "new head, rest frozen", head)]
    others = [name for name in files if name not in ("cnn", default, SKIPPED)]
    for name in sorted([*others, default], key=lambda name: _order(name, default)):
        uses, about = _header(files[name])
        if name == default:
            found.append(Recipe(name, f"`make run`: {about}", name, params, is_default=True))
        else:
            augment = dict(use.removeprefix("use.").split("=") for use in uses).get("augment")
            title = f"`{' '.join(uses)}`: {about}"
            found.append(Recipe(name, title, name, _with(params, name, augment)))
    return found


def read_params(root: Path) -> Params:
    """Return what params.yaml holds."""
    params: Params = yaml.safe_load((root / "params.yaml").read_text("utf-8"))
    return params


def published(params: Params) -> Recipe:
    """Return the reference's network with its own augmentation, learning rate and epochs.

    Its notebook shows 30 epochs, the first of which begins at a training accuracy of 0.87: they
    went on from 30 earlier ones.
    """
    use = "use.model=cnn use.augment=published train.epochs=60"
    train = {"class_weights": False, "epochs": 60}
    return Recipe(
        "published",
        f"`{use}`: the reference's network, on our split",
        "reference's network",
        _with(params, "cnn", "published", train),
    )


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """Return a recipe with another seed of its training."""
    params = {**recipe.params, "seed": seed}
    return replace(recipe, name=f"{recipe.name}-seed-{seed}", params=params, is_default=False)


def _with(
    params: Params,
    model: str,
    augment: str | None = None,
    train: Mapping[str, Any] | None = None,
) -> Params:
    """Return params with another model, whose file decides everything that is not given."""
    use = {**params["use"], "model": model, "augment": augment or params["use"]["augment"]}
    rest = {key: params[key] for key in params if key not in ("augment", "model", "train")}
    return {**rest, "use": use, **({"train": dict(train)} if train else {})}


def _order(name: str, default: str) -> tuple[bool, bool, str]:
    return not name.startswith("cnn") or name == default, name != default, name


def _header(path: Path) -> tuple[list[str], str]:
    """Return what a model's file says of itself: the `use` of its command, and what it is."""
    comments = [line[1:].strip() for line in path.read_text("utf-8").split("\n") if line[:1] == "#"]
    uses = [part for part in " ".join(comments[1:2]).split() if part.startswith("use.")]
    about = comments[2] if len(comments) > 2 else path.stem.replace("_", " ")
    about = about.partition(":")[0].partition(". ")[0].rstrip(".")
    return uses or [f"use.model={path.stem}"], about
