"""The three ways to set a value agree, and a wrong one is named."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from archstyle.config import compose
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
