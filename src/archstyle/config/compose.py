"""Composes conf/, params.yaml and the command line into one checked configuration.

DVC's own `hydra.enabled` stays off because it overwrites params.yaml; this is what is used instead.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from archstyle.config.schema import Config, check
from archstyle.errors import ArchstyleError

GROUPS = ("data", "augment", "model")


def stage_config(sections: Sequence[str], overrides: Sequence[str]) -> Config:
    """Return these sections of the current folder's configuration, and nothing else.

    A stage that reads a section which it does not name cannot get at it, so that the test which
    compares these names with dvc.yaml covers every key that is read.
    """
    config = compose(Path.cwd(), overrides)
    return cast(Config, SimpleNamespace(**{name: getattr(config, name) for name in sections}))


def compose(root: Path, overrides: Sequence[str] = ()) -> Config:
    """Compose the configuration of the project at `root`.

    `overrides` are Hydra's, as in `use.model=cnn train.epochs=3`.
    Raises ArchstyleError naming the key, the place and the nearest right spelling, or its range.
    """
    params = _read_yaml(root / "params.yaml", "params.yaml")
    typed = _parse(overrides)
    _check_keys(params, "params.yaml")
    _check_keys(typed, "the command line")
    use = {**params.get("use", {}), **typed.get("use", {})}
    config = _merge(OmegaConf.structured(Config), _compose_groups(root / "conf", use), "conf/")
    config = _merge(config, _without_nulls(params), "params.yaml")
    config = _merge(config, typed, "the command line")
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise ArchstyleError(
            f"`{missing[0]}` has no value: set it in params.yaml or in the file of its group."
        )
    composed = cast(Config, OmegaConf.to_object(config))
    check(composed)
    return composed


def _read_yaml(path: Path, place: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArchstyleError(f"There is no {place}: run this in the project's folder.") from None
    except yaml.YAMLError as error:
        raise ArchstyleError(f"{place} is not YAML: {error}".replace("\n", " ")) from None
    if not isinstance(values, dict):
        raise ArchstyleError(f"{place} must hold sections such as `train:` with their keys.")
    return values


def _parse(overrides: Sequence[str]) -> dict[str, Any]:
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        told = f"The command line takes section.key=value, as in train.epochs=3: {error}"
        raise ArchstyleError(told.splitlines()[0]) from None
    values = OmegaConf.create({})
    for override in parsed:
        if override.is_sweep_override() or override.is_delete():
            raise ArchstyleError(
                f"`{override.input_line}` is no single value; grids go to `dvc exp run --queue -S`."
            )
        OmegaConf.update(values, override.key_or_group, override.value())
    return cast(dict[str, Any], OmegaConf.to_container(values))


def _merge(config: Any, values: dict[str, Any], place: str) -> Any:
    """Lay values over a configuration; raises ArchstyleError where they do not fit into it."""
    _check_keys(values, place)
    try:
        return OmegaConf.merge(config, values)
    except OmegaConfBaseException as error:
        raise ArchstyleError(
            f"`{error.full_key}` in {place} has a wrong value: {str(error).splitlines()[0]}."
        ) from error


def _compose_groups(directory: Path, use: dict[str, Any]) -> dict[str, Any]:
    """Return what the chosen files say, each of which is checked by itself so that it is named."""
    for group in GROUPS:
        files = {path.stem: path for path in sorted((directory / group).glob("*.yaml"))}
        choices = [name for name in files if not name.startswith("_")]
        if use.get(group) not in choices:
            raise ArchstyleError(
                f"`use.{group}` is {use.get(group)!r}, but conf/{group}/ has "
                f"{', '.join(choices)}{_nearest(str(use.get(group)), choices) or '.'}"
            )
        for name, path in files.items():
            if name == use[group] or name.startswith("_"):
                values = _read_yaml(path, f"conf/{group}/{path.name}")
                values.pop("defaults", None)
                _merge(OmegaConf.structured(Config), values, f"conf/{group}/{path.name}")
    recipe = directory / "recipe" / f"{use['data']}_{use['model']}.yaml"
    if recipe.is_file():
        place = f"conf/recipe/{recipe.name}"
        _merge(OmegaConf.structured(Config), _read_yaml(recipe, place), place)
    try:
        with initialize_config_dir(str(directory.resolve()), version_base="1.3"):
            composed = hydra_compose("config", [f"{group}={use[group]}" for group in GROUPS])
        return cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True))
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        text = " ".join(str(error).split())
        raise ArchstyleError(f"The files in conf/ cannot be composed: {text}.") from error


def _check_keys(values: dict[str, Any], place: str, prefix: str = "") -> None:
    known = dict(_all_keys(Config))
    for key, value in ((f"{prefix}{key}", value) for key, value in values.items()):
        if key not in known:
            raise ArchstyleError(
                f"`{key}` in {place} is not a setting{_nearest(key, [*known]) or '.'}"
            )
        if known[key]:
            if not isinstance(value, dict):
                raise ArchstyleError(f"`{key}` in {place} must be a section with keys.")
            _check_keys(value, place, f"{key}.")


def _all_keys(schema: Any, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield every key that there is, and whether it is a section."""
    for field in fields(schema):
        yield prefix + field.name, is_dataclass(field.type)
        if is_dataclass(field.type):
            yield from _all_keys(field.type, f"{prefix}{field.name}.")


def _nearest(key: str, choices: Sequence[str]) -> str:
    last = {choice.rsplit(".", 1)[-1]: choice for choice in choices}
    near = difflib.get_close_matches(key, choices, 1) or [
        last[name] for name in difflib.get_close_matches(key.rsplit(".", 1)[-1], list(last), 1)
    ]
    return f"; did you mean `{near[0]}`?" if near else ""


def _without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }
