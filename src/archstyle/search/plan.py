"""Reads the command line of a sweep and checks its search space before the first trial starts."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    distribution_to_json,
)

from archstyle.common.code import code_digest
from archstyle.common.files import read_json
from archstyle.common.parallel import cores
from archstyle.config import Config, compose
from archstyle.config.compose import hydra_at
from archstyle.data.crops import check_ranges
from archstyle.errors import ArchstyleError

# What comes after prepare: trials share the photos and their splits, or could not be compared.
SECTIONS = ("augment", "model", "train", "use.augment", "use.model")


@dataclass(frozen=True)
class Plan:
    """A sweep whose search space is sound."""

    sweep: str  # the file in conf/sweep/
    study: str  # its name in the storage: the same for the same space, recipe, photos and code
    storage: str
    trials: int  # in all, those of earlier runs of the same command included
    space: dict[str, BaseDistribution]
    fixed: dict[str, str]
    config: Config  # of what is not searched
    reseed: bool  # whether the sampler takes a seed


def make_plan(root: Path, arguments: Sequence[str]) -> Plan:
    """Compose conf/sweep.yaml under the command line and try both ends of every range.

    The photos are those of data/prepared. Raises ArchstyleError for what is no setting, has a
    wrong type or cannot be searched.
    """
    typed = _tasks(arguments)
    _checked(root, *read_space(typed))  # names the nearest right spelling, which Hydra does not
    composed = _compose(root, arguments)
    sweeper = composed.hydra.sweeper
    if "grid" in str(sweeper.sampler.get("_target_", "")).lower():
        raise ArchstyleError("A grid is no search: run it with `dvc exp run --queue -S`.")
    launcher, jobs = composed.hydra.runtime.choices["hydra/launcher"], int(sweeper.n_jobs)
    if launcher == "workers" and jobs > cores():
        raise ArchstyleError(
            f"{jobs} workers are too many for the {cores()} cores of this machine."
        )
    params = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    space, fixed = read_space([*params, *typed])
    config = _checked(root, space, fixed)
    facts = {
        "space": {name: distribution_to_json(found) for name, found in sorted(space.items())},
        "recipe": _recipe(config, space),
        "data": read_json(root / "data/prepared/summary.json", "run `dvc repro prepare`")["digest"],
        "code": code_digest(root, ["augment", "train"]),
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    sweep = str(composed.hydra.runtime.choices["sweep"])
    return Plan(
        sweep=sweep,
        study=f"{sweep}-{digest[:8]}",
        storage=str(composed.study.storage),
        trials=int(sweeper.n_trials),
        space=space,
        fixed=fixed,
        config=config,
        reseed="seed" in sweeper.sampler,
    )


def read_space(overrides: Sequence[str]) -> tuple[dict[str, BaseDistribution], dict[str, str]]:
    """Return what is searched and what is fixed, of overrides in Hydra's sweep syntax."""
    from hydra_plugins.hydra_optuna_sweeper._impl import create_params_from_overrides

    space, fixed = create_params_from_overrides(list(overrides))
    space = {name: found for name, found in space.items() if name not in fixed}
    ours = {name: value for name, value in fixed.items() if not _is_ours(name)}
    for name in (*space, *ours):
        if name not in SECTIONS and name.partition(".")[0] not in SECTIONS:
            raise ArchstyleError(
                f"`{name}` cannot be set in a sweep: it decides which photos there are or how they "
                "are split. Set it in params.yaml; a sweep takes augment.*, model.* and train.*."
            )
    return space, ours


def as_overrides(values: Mapping[str, Any]) -> list[str]:
    """Return values as they are typed on a command line; four digits of a number are enough."""
    return [
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    ]


def _compose(root: Path, arguments: Sequence[str]) -> Any:
    """Compose the sweep with Hydra; values to search are left to `read_space`."""
    try:
        parsed = OverridesParser.create().parse_overrides(list(arguments))
        plain = [str(one.input_line) for one in parsed if not one.is_sweep_override()]
        with hydra_at(root / "conf"):
            return hydra_compose("sweep", plain, return_hydra_config=True)
    except MissingConfigException as error:
        choices = sorted(path.stem for path in (root / "conf" / "sweep").glob("*.yaml"))
        raise ArchstyleError(
            f"There is no {error.missing_cfg_file}; conf/sweep/ has {', '.join(choices)}."
        ) from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ArchstyleError(
            f"This sweep cannot be composed: {' '.join(str(error).split())}."
        ) from error


def _tasks(arguments: Sequence[str]) -> list[str]:
    """Return what is no setting of Hydra's own; raises ArchstyleError for what it cannot read."""
    try:
        parsed = OverridesParser.create().parse_overrides(list(arguments))
    except HydraException as error:
        raise ArchstyleError(
            f"A sweep takes section.key=value or section.key=choice(1,2): {error}".splitlines()[0]
        ) from error
    return [str(one.input_line) for one in parsed if not one.key_or_group.startswith("hydra")]


def _checked(root: Path, space: Mapping[str, BaseDistribution], fixed: Mapping[str, str]) -> Config:
    """Return the configuration of what is fixed, after a look at both ends of every range."""
    for name, distribution in space.items():
        for value in _ends(distribution):
            check_ranges(compose(root, as_overrides({**fixed, name: value})).augment)
    return compose(root, as_overrides(fixed))


def _is_ours(name: str) -> bool:
    return name == "sweep" or name.startswith("study.")


def _ends(distribution: BaseDistribution) -> Sequence[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    return [distribution.low, distribution.high]  # type: ignore[attr-defined]


def _recipe(config: Config, space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """Return what trials have in common; what they search may change in params.yaml."""
    values = OmegaConf.create(asdict(config))
    for name in space:
        OmegaConf.update(values, name, None)
    container: Any = OmegaConf.to_container(values)
    return {key: container[key] for key in ("seed", "use", "augment", "model", "train")}
