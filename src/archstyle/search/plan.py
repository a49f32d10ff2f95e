"""Reads a search space and checks it before the first trial starts."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, Transformer
from hydra.errors import HydraException
from omegaconf import OmegaConf
from optuna import distributions
from optuna.distributions import BaseDistribution, FloatDistribution

from archstyle.common.files import code_digest, read_json
from archstyle.config import Config, compose
from archstyle.errors import ArchstyleError

# What comes after prepare: trials share the photos and their splits, or could not be compared.
SEARCHED = ("augment", "model", "train", "use.augment", "use.model")
RECIPE = ("seed", "use", "augment", "model", "train")


@dataclass(frozen=True)
class Plan:
    """A sweep whose search space is sound."""

    root: Path
    sweep: str  # the file in conf/sweep/
    study: str  # its name in the storage: the same for the same space, recipe, photos and code
    trials: int  # in all, those of earlier runs of the same command included
    prune_after: int  # trials that run to their end before any is stopped early
    space: dict[str, BaseDistribution]
    fixed: dict[str, str]
    config: Config  # of what is not searched
    storage: str  # SQLAlchemy's address of a database


def make_plan(
    root: Path,
    sweep: str = "default",
    overrides: Sequence[str] = (),
    trials: int | None = None,
    storage: str | None = None,
) -> Plan:
    """Read conf/sweep/ under the command line and try the ends of every range and between.

    The photos are those of data/prepared. Raises ArchstyleError for what is no setting, has a
    wrong type or cannot be searched.
    """
    values = _read(root / "conf/sweep", sweep)
    space, fixed = read_space([*(f"{key}={text}" for key, text in values["space"]), *overrides])
    for name, distribution in space.items():
        found: Any = distribution
        ends = getattr(found, "choices", None) or (found.low, found.high)
        if isinstance(found, FloatDistribution):  # whole numbers may lie at its ends
            ends = (
                *ends,
                min(found.high, found.low + (found.step or 0.3 * (found.high - found.low))),
            )
        for end in ends:
            compose(root, as_overrides({**fixed, name: end}))  # raises outside of its range
    config = compose(root, as_overrides(fixed))
    recipe = OmegaConf.create(asdict(config))
    for name in space:  # what trials search may change in params.yaml
        OmegaConf.update(recipe, name, None)
    told: Any = OmegaConf.to_container(recipe)
    facts = {
        "space": {name: distributions.distribution_to_json(one) for name, one in space.items()},
        "recipe": {section: told[section] for section in RECIPE},
        "data": read_json(root / "data/prepared/summary.json", "run `dvc repro prepare`")["digest"],
        "code": code_digest(root, ["augment", "train"]),
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Plan(
        root=root,
        sweep=sweep,
        study=f"{sweep}-{digest[:8]}",
        trials=trials or values["trials"],
        prune_after=values["prune_after"],
        space=space,
        fixed=fixed,
        config=config,
        storage=storage or f"sqlite:///{root}/.archstyle/sweep/trials.db",
    )


def read_space(overrides: Sequence[str]) -> tuple[dict[str, BaseDistribution], dict[str, str]]:
    """Return what is searched and what is fixed, of overrides in Hydra's sweep syntax.

    Of two overrides of one key the last counts.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise ArchstyleError(
            f"A sweep takes section.key=value or section.key=choice(1,2): {error}".splitlines()[0]
        ) from error
    space, fixed = {}, {}
    for name, override in {one.key_or_group: one for one in parsed}.items():
        if name not in SEARCHED and name.partition(".")[0] not in SEARCHED:
            raise ArchstyleError(
                f"`{name}` cannot be set in a sweep, which takes augment.*, model.* and train.*: "
                "which photos there are and how they are split is set in params.yaml. A grid is "
                "run with `dvc exp run --queue -S`."
            )
        if override.is_sweep_override():
            space[name] = _distribution(override)
        else:
            fixed[name] = override.get_value_element_as_str()
    return space, fixed


def as_overrides(values: Mapping[str, Any]) -> list[str]:
    """Return values as they are typed on a command line; four digits of a number are enough."""
    return [
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    ]


def _read(folder: Path, sweep: str) -> dict[str, Any]:
    try:
        values: Any = yaml.safe_load((folder / f"{sweep}.yaml").read_text("utf-8"))
        numbers = {name: int(values[name]) for name in ("trials", "prune_after")}
        return {**numbers, "space": values["space"].items()}
    except FileNotFoundError:
        choices = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        raise ArchstyleError(f"There is no sweep {sweep!r}; conf/sweep/ has {choices}.") from None
    except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        text = " ".join(str(error).split())
        raise ArchstyleError(
            f"conf/sweep/{sweep}.yaml must have what conf/sweep/default.yaml has: {text}."
        ) from error


def _distribution(override: Override) -> BaseDistribution:
    value: Any = override.value()
    try:
        if override.is_choice_sweep() and not isinstance(value, Glob):
            choices: list[Any] = list(override.sweep_iterator(Transformer.encode))
            return distributions.CategoricalDistribution(choices)
        if override.is_range_sweep():
            numbers = {"low": value.start, "high": value.stop, "step": value.step}
        elif override.is_interval_sweep():
            numbers = {"low": value.start, "high": value.end}
        else:
            raise ValueError("choice, range and interval can be")
        if "int" in value.tags or all(isinstance(number, int) for number in numbers.values()):
            return distributions.IntDistribution(**numbers, log="log" in value.tags)
        return FloatDistribution(**numbers, log="log" in value.tags)
    except (TypeError, ValueError) as error:
        raise ArchstyleError(f"`{override.input_line}` cannot be searched: {error}") from error
