"""Which recipes are compared: the reference's, a new head, and every file in conf/model/."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from archstyle.errors import ArchstyleError

REFERENCE = "reference"
SKIPPED = ("keras_application",)  # its weights are downloaded
RECIPE = ("augment", "model", "train")


@dataclass(frozen=True)
class Recipe:
    """A row of the table; `params` is the params.yaml that it is run under."""

    name: str
    title: str
    short: str  # for a figure
    params: dict[str, Any] = field(hash=False)
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
    found = [
        published(params),
        Recipe(
            "head",
            "`train.epochs=0`: a new head on frozen ImageNet features",
            "new head, rest frozen",
            _with(params, default, train={"epochs": 0, "head_epochs": 20}),
        ),
    ]
    others = [name for name in files if name not in ("cnn", default, *SKIPPED)]
    small = [name for name in others if name.startswith("cnn")]
    for name in [*small, default, *(name for name in others if name not in small)]:
        command, about = _header(files[name])
        if name == default:
            text = f"`make run`: {about}"
            found.append(Recipe(name, text, name, params, is_default=True))
        else:
            use = dict(part.removeprefix("use.").split("=") for part in command)
            recipe = _with(params, name, augment=use.get("augment"))
            found.append(Recipe(name, f"`{' '.join(command)}`: {about}", name, recipe))
    return found


def read_params(root: Path) -> dict[str, Any]:
    """Return what params.yaml holds."""
    params: dict[str, Any] = yaml.safe_load((root / "params.yaml").read_text("utf-8"))
    return params


def published(params: dict[str, Any]) -> Recipe:
    """Return the reference's network with its own augmentation, learning rate and epochs.

    Its notebook shows 30 epochs, the first of which begins at a training accuracy of 0.87: they
    went on from 30 earlier ones.
    """
    train = {"class_weights": False, "epochs": 60}
    return Recipe(
        "published",
        "`use.model=cnn use.augment=published train.epochs=60`: "
        "the reference's network, on our split",
        "reference's network",
        _with(params, "cnn", augment="published", train=train),
    )


def _with(
    params: dict[str, Any],
    model: str,
    augment: str | None = None,
    train: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return params with another model, whose file decides everything that is not given."""
    use = {**params["use"], "model": model, "augment": augment or params["use"]["augment"]}
    rest = {key: value for key, value in params.items() if key not in RECIPE}
    return {**rest, "use": use, **({"train": train} if train else {})}


def _header(path: Path) -> tuple[list[str], str]:
    """Return what a model's file says of itself: the `use` of its command, and what it is."""
    lines = path.read_text("utf-8").splitlines()
    comments = [line[1:].strip() for line in lines if line.startswith("#")]
    command = [part for part in " ".join(comments[1:2]).split() if part.startswith("use.")]
    about = comments[2] if len(comments) > 2 else path.stem.replace("_", " ")
    about = about.partition(":")[0].partition(". ")[0].rstrip(".")
    return command or [f"use.model={path.stem}"], about
