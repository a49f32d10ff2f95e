"""The three ways to set a value agree, and a wrong one is named."""

import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from archstyle.config import Config, compose
from archstyle.config.schema import check
from archstyle.errors import ArchstyleError
from tests.conftest import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def edit(project: Path, section: str, **values: object) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text())
    params.setdefault(section, {}).update(values)
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def test_params_and_command_line_agree(project: Path) -> None:
    given = compose(project, ["use.model=cnn", "train.epochs=3"])
    edit(project, "use", model="cnn")
    edit(project, "train", epochs=3)
    assert compose(project) == given
    assert (given.model.name, given.train.epochs) == ("cnn", 3)


def test_null_means_what_the_group_file_says(project: Path) -> None:
    """`batch_size` is left to what the files of the folder have in common."""
    shared, own = (
        yaml.safe_load((project / f"conf/model/{name}.yaml").read_text())
        for name in ("_recipe", "cnn")
    )
    recipe = {key: {**shared.get(key, {}), **own[key]} for key in ("model", "train")}
    config = compose(project, ["use.model=cnn"])
    assert asdict(config.train) == recipe["train"]
    assert config.model.image_size == recipe["model"]["image_size"]


def test_a_collection_brings_what_it_needs_otherwise_for_one_model(project: Path) -> None:
    other = ["use.data=world", "use.model=efficientnet_lite0_quick"]
    world, quick = compose(project, ["use.data=world"]), compose(project, other)
    path = project / "conf/recipe/world_efficientnet_lite0.yaml"
    recipe = yaml.safe_load(path.read_text())
    assert world.train.epochs == recipe["train"]["epochs"]
    assert world.augment.shrink == recipe["augment"]["shrink"]
    assert quick.train == compose(project, other[1:]).train
    assert compose(project, ["use.data=world", "train.epochs=2"]).train.epochs == 2
    path.write_text("train: {epoch: 3}")
    with pytest.raises(ArchstyleError, match=rf"`train.epoch`.*conf/recipe/{path.name}"):
        compose(project, ["use.data=world"])


def test_the_command_line_wins(project: Path) -> None:
    edit(project, "train", epochs=3)
    assert compose(project, ["train.epochs=4"]).train.epochs == 4


@pytest.mark.parametrize("group", ["data", "augment", "model"])
def test_every_group_file_composes_and_shows_its_command(project: Path, group: str) -> None:
    for path in sorted((project / "conf" / group).glob("[!_]*.yaml")):
        compose(project, [f"use.{group}={path.stem}"])
        assert f"use.{group}={path.stem}" in path.read_text(), path


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.epoch=3", ["`train.epoch`", "command line", "`train.epochs`"]),
        ("epochs=3", ["`epochs`", "`train.epochs`"]),
        ("train.epochs=many", ["`train.epochs`", "command line", "many"]),
        ("use.model=cn", ["`use.model`", "cnn", "efficientnet_lite0"]),
        ("train=3", ["`train`", "section"]),
        ("train.epochs=1,2", ["train.epochs=1,2", "grids"]),
        ("train.epochs", ["section.key=value"]),
        ("use.model=_recipe", ["`use.model`", "conf/model/ has cnn,"]),
        ("evaluate.target_accuracy=0.9", ["did you mean `thresholds.target_accuracy`?"]),
        ("evaluate.refused_share=0.1", ["did you mean `thresholds.refused_share`?"]),
    ],
)
def test_a_wrong_override_is_named(project: Path, override: str, words: list[str]) -> None:
    with pytest.raises(ArchstyleError) as raised:
        compose(project, [override])
    message = str(raised.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_a_wrong_key_in_params_names_the_file(project: Path) -> None:
    edit(project, "train", lerning_rate=0.1)
    with pytest.raises(ArchstyleError, match=r"`train.lerning_rate` in params.yaml.*learning_rate"):
        compose(project)


def test_a_wrong_type_in_params_names_the_file(project: Path) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["seed"] = "lucky"
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(ArchstyleError, match=r"`seed` in params.yaml"):
        compose(project)


@pytest.mark.parametrize("name", ["cnn", "_recipe"])
@pytest.mark.parametrize(("key", "value"), [("momentum", 0.9), ("epochs", "many")])
def test_a_wrong_key_or_value_in_a_group_file_is_named(
    project: Path, name: str, key: str, value: object
) -> None:
    path = project / f"conf/model/{name}.yaml"
    values = yaml.safe_load(path.read_text())
    values["train"][key] = value
    path.write_text("# @package _global_\n" + yaml.safe_dump(values))
    with pytest.raises(ArchstyleError, match=rf"`train.{key}` in conf/model/{name}.yaml"):
        compose(project, ["use.model=cnn"])


def test_a_key_that_a_group_file_has_twice_is_one_sentence(project: Path) -> None:
    with (project / "conf/model/cnn.yaml").open("a") as file:
        file.write("  epochs: 3\n")
    with pytest.raises(ArchstyleError, match=r"conf/ .*duplicate key epochs") as raised:
        compose(project, ["use.model=cnn"])
    assert "\n" not in str(raised.value)


def test_params_that_are_no_yaml(project: Path) -> None:
    (project / "params.yaml").write_text("train: [")
    with pytest.raises(ArchstyleError, match=r"params.yaml is not YAML"):
        compose(project)
    (project / "params.yaml").unlink()
    with pytest.raises(ArchstyleError, match=r"no params.yaml"):
        compose(project)


def test_a_wrong_section_in_a_group_file_is_named(project: Path) -> None:
    with (project / "conf/model/cnn.yaml").open("a") as file:
        file.write("trian: {epochs: 3}\n")
    with pytest.raises(ArchstyleError, match=r"`trian` in conf/.*`train`"):
        compose(project, ["use.model=cnn"])


def numbers(schema: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every number that can be set, with its field."""
    for each in fields(schema):
        inner = [kind for kind in (each.type, *get_args(each.type)) if is_dataclass(kind)]
        if inner:
            yield from numbers(inner[0], f"{prefix}{each.name}.")
        elif {int, float} & {each.type, *get_args(each.type)}:
            yield prefix + each.name, each


NUMBERS = dict(numbers(Config))


def test_every_number_that_can_be_set_has_a_range() -> None:
    assert len(NUMBERS) >= 40
    assert [key for key, each in NUMBERS.items() if "range" not in each.metadata] == []


def test_a_number_outside_of_its_range_is_named_with_it() -> None:
    composed = compose(ROOT)
    for key, each in NUMBERS.items():
        if key.endswith((".count", ".megabytes")):  # of a source, of which there are several
            continue
        low, high = each.metadata["range"]
        section, _, name = key.rpartition(".")
        for value in (low - 1, high + 1, float("nan"), float("inf"), -float("inf"), 10**40):
            config = deepcopy(composed)
            given = [value, value] if key == "augment.zoom" else value
            setattr(getattr(config, section) if section else config, name, given)
            with pytest.raises(ArchstyleError) as raised:
                check(config)
            assert all(word in str(raised.value) for word in (f"`{key}`", f"{low:,}", f"{high:,}"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seed=-1", "`seed` is -1, but must be from 0 to 4,294,967,295."),
        ("seed=99999999999999999999", "`seed`"),
        ("train.batch_size=0", "`train.batch_size` is 0, but must be from 1 to "),
        ("train.batch_size=2.5", "`train.batch_size` in the command line"),
        ("train.learning_rate=nan", "`train.learning_rate` is nan, but must be from 0 to "),
        ("train.learning_rate=.inf", "`train.learning_rate`"),
        ("train.schedule=cosin", "`train.schedule` is 'cosin', but must be cosine or constant."),
        ("train.precision=float16", "must be auto or float32 or bfloat16."),
        ("evaluate.bootstrap_samples=0", "`evaluate.bootstrap_samples` is 0"),
        ("model.image_size=0", "`model.image_size` is 0"),
        ("data.limit=0", "`data.limit` is 0"),
        ("data.sources=[{kind:facades,count:-1}]", "`data.sources.count` is -1"),
        ("data.sources=[{kind:facade}]", "`data.sources.kind` is 'facade'"),
        ("augment.zoom=[0.5]", "`augment.zoom` is [0.5], but must be two shares, smallest first."),
        (
            "augment.zoom=[0.9,0.5]",
            "`augment.zoom` is [0.9, 0.5], but must be two shares, smallest first.",
        ),
        ("augment.brightness=1", "`augment.brightness` is 1.0"),
        ("duplicates.distance=200", "`duplicates.distance` is 200, but must be from 0 to 100."),
        ("duplicates.likeness=0", "`duplicates.likeness` is 0.0"),
        ("duplicates.agreement=1.1", "`duplicates.agreement` is 1.1"),
        ("split.test=0.9", "together they must be below 1"),
        ("split.test=0", "`split.test` is 0.0"),
        ("split.validation=-0.1", "`split.validation` is -0.1"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_sentence(
    project: Path, override: str, words: str
) -> None:
    with pytest.raises(ArchstyleError) as raised:
        compose(project, [override])
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
