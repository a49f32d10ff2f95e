"""What can be set, with its type and its range. Values live in conf/ and params.yaml."""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from omegaconf import MISSING

from archstyle.errors import ArchstyleError


def number(low: float, high: float, default: Any = MISSING) -> Any:
    """Declare a number, or a list of numbers, each from `low` to `high`, both included."""
    return field(default=default, metadata={"range": (low, high)})


def one_of(*choices: str, default: Any = MISSING) -> Any:
    """Declare a word that is one of a few."""
    return field(default=default, metadata={"choices": choices})


@dataclass
class Use:
    """Which file of each group in conf/ is in use."""

    data: str = MISSING
    augment: str = MISSING
    model: str = MISSING


@dataclass
class Source:
    """Where photos can come from."""

    kind: str = one_of("environment", "folder", "git", "facades")
    location: str = ""  # name of the variable, path or address
    commit: str = ""
    folder: str = ""
    count: int = number(0, 1_000_000, 0)  # facades, or files of each style in `styles`; 0: all
    megabytes: float = number(0, 100_000, 0)  # that such a sample may have; 0: any number
    styles: dict[str, str] = field(default_factory=dict)  # by folder; empty: folders are styles
    labels: str = ""  # a table of the styles of single files, in the project


@dataclass
class Data:
    """What is fetched."""

    sources: list[Source] = MISSING
    outside: list[Source] = field(default_factory=list)  # photos of no such building, for tests
    others: list[Source] = field(default_factory=list)  # buildings of none of the styles
    timeout_seconds: float = number(0.1, 3600)
    limit: int | None = number(1, 10_000_000, None)
    max_megabytes: float = number(0.001, 100_000)
    max_megapixels: float = number(0.001, 100)  # the reader takes no more


@dataclass
class Split:
    """Shares of the photographs; the rest is for training."""

    validation: float = number(0.001, 0.9)
    test: float = number(0.001, 0.9)


@dataclass
class Duplicates:
    """When two photos show one photograph."""

    distance: int = number(0, 100)  # bits of 256 within which they do
    likeness: float = number(0.01, 1)  # correlation of outlines from which alignment decides
    agreement: float = number(0.01, 1)  # correlation of aligned photos from which they do
    crops: bool = True  # whether one may be the middle square of the other


@dataclass
class Augment:
    """Ranges from which the variants of training photos are drawn."""

    copies: int = number(0, 10_000)
    rotation: float = number(0, 45)  # degrees to either side
    zoom: list[float] = field(  # shares of the photo's side, the smaller first
        default_factory=lambda: [1.0, 1.0], metadata={"range": (0.1, 1)}
    )
    shear: float = number(0, 0.5)  # shares to either side, as the next three are
    brightness: float = number(0, 0.99)
    contrast: float = number(0, 0.99)
    saturation: float = number(0, 1)
    grey: float = number(0, 1)  # probabilities, as the next three are
    blur: float = number(0, 1)
    shrink: float = number(0, 1, 0.0)
    flip: float = number(0, 1)


@dataclass
class Model:
    """The network."""

    name: str = MISSING
    image_size: int = number(32, 4096)  # pixels a side of what is trained on
    read_size: int = number(32, 4096)  # pixels a side at which whole photos are answered
    dropout: float = number(0, 0.99)
    application: str = ""  # of keras.applications, for the network keras_application


@dataclass
class Train:
    """The training recipe."""

    head_epochs: int = number(0, 100_000)
    head_learning_rate: float = number(0, 10)
    epochs: int = number(0, 100_000)
    batch_size: int = number(1, 100_000)
    learning_rate: float = number(0, 10)
    weight_decay: float = number(0, 10)
    label_smoothing: float = number(0, 0.99)
    mixup: float = number(0, 100)  # parameter of the beta distribution; 0: none
    frozen_blocks: int = number(0, 10_000)
    schedule: str = one_of("cosine", "constant")
    average: float = number(0, 0.99999)  # momentum of the moving average of the weights; 0: none
    pretrained_share: float = number(0, 1, 0.0)  # of the pretrained weights in those that are kept
    # auto: bfloat16 where the processor has it
    precision: str = one_of("auto", "float32", "bfloat16", default="float32")


@dataclass
class Thresholds:
    """When a photo is not answered; chosen on validation photos."""

    target_accuracy: float = number(0.5, 1)
    coverage: float = number(0.5, 0.999, 0.95)  # of the sets of styles that a photo can show
    refused_share: float = number(0, 0.5)  # of validation photos, as no building of these styles
    other_share: float = number(0, 0.5)  # of validation photos, as buildings of other styles


@dataclass
class Evaluate:
    """How the bundle is measured."""

    bootstrap_samples: int = number(10, 100_000)


@dataclass
class Register:
    """When a new version becomes champion."""

    tolerance: float = number(0, 0.5)


@dataclass
class Config:
    """Everything; a stage asks `stage_config` for the sections that it reads."""

    use: Use = field(default_factory=Use)
    seed: int = number(0, 2**32 - 1)
    data: Data = field(default_factory=Data)
    split: Split = field(default_factory=Split)
    duplicates: Duplicates = field(default_factory=Duplicates)
    augment: Augment = field(default_factory=Augment)
    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)
    thresholds: Thresholds = field(default_factory=Thresholds)
    evaluate: Evaluate = field(default_factory=Evaluate)
    register: Register = field(default_factory=Register)


def check(section: Any, prefix: str = "") -> None:
    """Raise ArchstyleError naming the first key whose value lies outside of its range."""
    for each in fields(section):
        value, key = getattr(section, each.name), prefix + each.name
        low, high = each.metadata.get("range", (None, None))
        choices = each.metadata.get("choices")
        for one in value if isinstance(value, list) else [value]:
            if is_dataclass(one):
                check(one, f"{key}.")
            elif low is not None and one is not None and not low <= one <= high:
                raise ArchstyleError(f"`{key}` is {value}, but must be from {low:,} to {high:,}.")
            elif choices and one not in choices:
                raise ArchstyleError(f"`{key}` is {value!r}, but must be {' or '.join(choices)}.")
    zoom = section.zoom if isinstance(section, Augment) else [0, 1]
    if len(zoom) != 2 or zoom[0] > zoom[1]:
        raise ArchstyleError(f"`augment.zoom` is {zoom}, but must be two shares, smallest first.")
    if isinstance(section, Split) and section.validation + section.test >= 1:
        raise ArchstyleError(
            f"`split.validation` is {section.validation} and `split.test` {section.test}, but "
            "together they must be below 1: the rest is for training."
        )
