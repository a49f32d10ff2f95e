"""dvc.yaml says everything that a stage reads: else an edit would not rerun what it changes."""

import ast
import importlib
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from archstyle.config import Config
from tests.conftest import ROOT

STAGES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
# Which group's file has a section; the sections that are not named live in params.yaml alone.
SECTION_GROUP = {
    "data": "data",
    "duplicates": "data",
    "augment": "augment",
    "model": "model",
    "train": "model",
}
# Code through which a stage is configured, spreads its work, talks to people and keeps records; it
# decides nothing about what lies in the stage's outs, and retraining for a new wording would be a
# nuisance. What it imports itself is followed all the same. Register's result is the record.
EDGE = {
    "src/archstyle/__init__.py",
    "src/archstyle/common",
    "src/archstyle/config",
    "src/archstyle/errors.py",
    "src/archstyle/tracking",
}
NO_EDGE = {"register": {"src/archstyle/tracking"}}


def sections_of(stage: str) -> tuple[str, ...]:
    """The sections that the stage can read, for it gets no others."""
    found: tuple[str, ...] = importlib.import_module(f"pipeline.{stage}").SECTIONS
    return found


def imported_files(path: Path, seen: set[Path]) -> set[Path]:
    """The project's files that a file imports, wherever the import stands, and theirs."""
    if path in seen:
        return seen
    seen.add(path)
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] not in ("archstyle", "facades"):
                continue
            base = ROOT / "src" / name.replace(".", "/")
            for file in (base.with_suffix(".py"), base / "__init__.py"):
                if file.is_file():
                    imported_files(file, seen)
    return seen


def decides(stage: str, file: Path) -> bool:
    """Whether a file that a stage imports can change the stage's outs."""
    edge = EDGE - NO_EDGE.get(stage, set())
    relative = file.relative_to(ROOT)
    return not any(str(parent) in edge for parent in (relative, *relative.parents))


def test_the_stages_follow_each_other() -> None:
    assert list(STAGES) == [
        "fetch",
        "prepare",
        "describe",
        "augment",
        "train",
        "evaluate",
        "register",
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_every_section_that_a_stage_reads_is_declared(stage: str) -> None:
    declared = set(STAGES[stage]["params"])
    deps = STAGES[stage]["deps"]
    for section in sections_of(stage):
        if section == "use":
            continue
        if section in PARAMS:
            assert section in declared, f"{stage} reads {section}"
        if section in SECTION_GROUP:
            group = SECTION_GROUP[section]
            assert f"use.{group}" in declared
            assert f"conf/{group}/${{use.{group}}}.yaml" in deps
            if group in ("augment", "model"):  # what a collection needs otherwise
                assert "conf/recipe" in deps
            # What the files of a group have in common.
            for shared in (ROOT / "conf" / group).glob("_*.yaml"):
                assert f"conf/{group}/{shared.name}" in deps


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_declares_what_it_cannot_read(stage: str) -> None:
    sections = sections_of(stage)
    for param in STAGES[stage]["params"]:
        section = param.split(".")[0]
        assert section in sections or section == "use", param


@pytest.mark.parametrize("stage", STAGES)
def test_all_code_that_a_stage_runs_is_a_dependency_and_no_other(stage: str) -> None:
    code = [dep for dep in STAGES[stage]["deps"] if dep.startswith(("src/", "pipeline/"))]
    unused = {ROOT / dep for dep in code}
    for file in imported_files(ROOT / "pipeline" / f"{stage}.py", set()):
        if decides(stage, file):
            covering = {ROOT / dep for dep in code} & {file, *file.parents}
            assert covering, f"{stage} runs {file.relative_to(ROOT)}"
            unused -= covering
    assert not unused, f"{stage} runs nothing of these"


@pytest.mark.parametrize("stage", ["prepare", "augment", "train", "evaluate"])
def test_a_changed_drawing_reruns_no_stage_but_fetch(stage: str) -> None:
    files = imported_files(ROOT / "pipeline" / f"{stage}.py", set())
    assert not [file for file in files if file.is_relative_to(ROOT / "src/facades")]
    assert "src/facades" not in STAGES[stage]["deps"]


def test_prepare_depends_on_every_table_that_a_person_keeps() -> None:
    tables = {f"data/{path.name}" for path in (ROOT / "data").glob("*.csv")}
    assert tables == {dep for dep in STAGES["prepare"]["deps"] if dep.endswith(".csv")}


def test_every_dependency_and_param_exists() -> None:
    outs = {
        next(iter(out)) if isinstance(out, dict) else out
        for stage in STAGES.values()
        for kind in ("outs", "metrics")
        for out in stage.get(kind, [])
    }
    for stage in STAGES.values():
        for dep in stage["deps"]:
            assert "$" in dep or dep in outs or (ROOT / dep).exists(), dep
        for param in stage["params"]:
            value = PARAMS
            for key in param.split("."):
                assert key in value, param
                value = value[key]


def test_every_key_of_params_is_a_setting_and_is_explained() -> None:
    text = (ROOT / "params.yaml").read_text()
    settings = get_type_hints(Config)
    for section, values in PARAMS.items():
        assert section in settings
        for key in values if isinstance(values, dict) else []:
            assert key in {field.name for field in fields(settings[section])}
            line = next(line for line in text.splitlines() if line.strip().startswith(f"{key}:"))
            assert "#" in line or key in {"epochs", "batch_size", "learning_rate"}, line


@pytest.mark.parametrize("stage", [*STAGES])
def test_stage_files_stay_thin(stage: str) -> None:
    assert len((ROOT / "pipeline" / f"{stage}.py").read_text().splitlines()) < 100


# Each room of the library may import those before it, as docs/architecture.md draws them.
ROOMS = (
    *("errors", "common", "config", "photos", "data", "bundle", "metrics", "models", "tracking"),
    *("reports", "registry", "audit", "search", "feedback", "predict", "cli"),
)
# Packages that take seconds to import, and the rooms that may.
HEAVY = {
    "keras": {"models"},
    "tensorflow": {"models"},
    "mlflow": {"tracking", "registry"},
    "dvc": set[str](),
}


def imported(path: Path) -> set[str]:
    """The dotted names of all modules that a file imports, wherever the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_arrows_point_one_way() -> None:
    """pipeline and serving import archstyle; they never import each other, nor it them."""
    forbidden = {
        "src/archstyle": {"pipeline", "serving"},
        "src/facades": {"pipeline", "serving"},
        "pipeline": {"serving"},
        "serving": {"pipeline"},
    }
    for folder, names in forbidden.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            assert not {name.split(".")[0] for name in imported(path)} & names, path


def test_rooms_import_only_those_below_them() -> None:
    library = ROOT / "src/archstyle"
    for path in sorted(library.rglob("*.py")):
        room = path.relative_to(library).with_suffix("").parts[0]
        if room == "__init__":
            continue
        for name in imported(path):
            if name.startswith("archstyle."):
                other = name.split(".")[1]
                assert ROOMS.index(other) <= ROOMS.index(room), f"{path} imports {name}"
            if room not in HEAVY.get(name.split(".")[0], {room}):
                pytest.fail(f"{path} imports {name}")
