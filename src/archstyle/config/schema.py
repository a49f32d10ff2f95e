"""What can be set, with its type. Values live in conf/ and params.yaml."""

from dataclasses import dataclass, field

from omegaconf import MISSING


@dataclass
class Use:
    """Which file of each group in conf/ is in use."""

    data: str = MISSING
    augment: str = MISSING
    model: str = MISSING


@dataclass
class Source:
    """Where photos can come from."""

    kind: str = MISSING  # environment, folder, git or facades
    location: str = ""  # name of the variable, path or address
    commit: str = ""
    folder: str = ""
    count: int = 0


@dataclass
class Data:
    """What is fetched."""

    sources: list[Source] = MISSING
    outside: list[Source] = field(default_factory=list)  # photos of no such building, for tests
    timeout_seconds: float = MISSING
    limit: int | None = None
    max_megabytes: float = MISSING
    max_megapixels: float = MISSING


@dataclass
class Split:
    """Shares of the photographs; the rest is for training."""

    validation: float = MISSING
    test: float = MISSING


@dataclass
class Duplicates:
    """When two photos show one photograph."""

    distance: int = MISSING  # bits of 256 within which they do
    likeness: float = MISSING  # correlation of outlines from which a second look decides
    agreement: float = MISSING  # correlation from which the second look says that they do


@dataclass
class Augment:
    """Ranges from which the variants of training photos are drawn."""

    copies: int = MISSING
    rotation: float = MISSING
    zoom: list[float] = field(default_factory=lambda: [1.0, 1.0])
    shear: float = MISSING
    brightness: float = MISSING
    contrast: float = MISSING
    saturation: float = MISSING
    grey: float = MISSING
    blur: float = MISSING
    flip: float = MISSING


@dataclass
class Model:
    """The network."""

    name: str = MISSING
    image_size: int = MISSING  # pixels a side of what is trained on
    read_size: int = MISSING  # pixels a side at which whole photos are read and answered
    dropout: float = MISSING
    application: str = ""  # of keras.applications, for the network keras_application


@dataclass
class Train:
    """The training recipe."""

    head_epochs: int = MISSING
    head_learning_rate: float = MISSING
    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    weight_decay: float = MISSING
    label_smoothing: float = MISSING
    mixup: float = MISSING  # parameter of the beta distribution; 0: none
    frozen_blocks: int = MISSING
    schedule: str = MISSING  # cosine or constant
    average: float = MISSING  # momentum of the moving average of the weights; 0: none
    pretrained_share: float = 0.0  # of the pretrained weights in those that are kept
    class_weights: bool = False  # the fewer photos a style has, the more each of them counts
    patience: int = 0  # epochs without a better macro F1 to wait for; 0: keep the last epoch
    precision: str = "float32"  # or bfloat16, or auto: bfloat16 where the processor has it


@dataclass
class Thresholds:
    """When a photo is not answered; chosen on validation photos."""

    target_accuracy: float = MISSING
    refused_share: float = MISSING  # of validation photos, as no building of these styles


@dataclass
class Evaluate:
    """How the bundle is measured."""

    bootstrap_samples: int = MISSING


@dataclass
class Register:
    """When a new version becomes champion."""

    tolerance: float = MISSING


@dataclass
class Config:
    """Everything; a stage asks `stage_config` for the sections that it reads."""

    use: Use = field(default_factory=Use)
    seed: int = MISSING
    data: Data = field(default_factory=Data)
    split: Split = field(default_factory=Split)
    duplicates: Duplicates = field(default_factory=Duplicates)
    augment: Augment = field(default_factory=Augment)
    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)
    thresholds: Thresholds = field(default_factory=Thresholds)
    evaluate: Evaluate = field(default_factory=Evaluate)
    register: Register = field(default_factory=Register)
