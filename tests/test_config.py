"""The three ways to set a value agree, and a wrong one is named."""

import shutil
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
    recipe = yaml.safe_load((project / "conf/model/cnn.yaml").read_text())
    config = compose(project, ["use.model=cnn"])
    assert config.train.epochs == recipe["train"]["epochs"]
    assert config.model.image_size == recipe["model"]["image_size"]


def test_the_command_line_wins(project: Path) -> None:
    edit(project, "train", epochs=3)
    assert compose(project, ["train.epochs=4"]).train.epochs == 4


@pytest.mark.parametrize("group", ["data", "augment", "model"])
def test_every_group_file_composes_and_shows_its_command(project: Path, group: str) -> None:
    for path in sorted((project / "conf" / group).glob("*.yaml")):
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


def test_a_wrong_key_in_a_group_file_is_named(project: Path) -> None:
    with (project / "conf/model/cnn.yaml").open("a") as file:
        file.write("  momentum: 0.9\n")
    with pytest.raises(ArchstyleError, match=r"`train.momentum` in conf/model/cnn.yaml"):
        compose(project, ["use.model=cnn"])


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
