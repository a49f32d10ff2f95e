"""Names of any letters work on a terminal and in a locale that know ASCII alone."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archstyle.data.manifest import read_manifest
from archstyle.photos.store import PhotoStore
from tests.conftest import ROOT
from tests.photo_folders import fill

STYLE = "Gründerzeit"

FOLDERS = ("src", "pipeline", "serving")


def is_text(call: ast.Call) -> bool:
    """Whether an `open` is one of a text file, as far as its mode tells."""
    mode = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "mode")]
    values = [value.value for value in mode if isinstance(value, ast.Constant)]
    if not mode:
        return True
    return any(isinstance(v, str) and set(v) <= set("rwax+") for v in values)


def in_the_locales_encoding(path: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        function = call.func
        name = getattr(function, "attr", getattr(function, "id", ""))
        keywords = {keyword.arg for keyword in call.keywords}
        wrong = {
            "read_text": not call.args,
            "write_text": len(call.args) < 2,
            "open": isinstance(function, ast.Attribute) and is_text(call),
        }.get(name, bool(keywords & {"text", "universal_newlines"}))
        if wrong and "encoding" not in keywords:
            yield f"{path.relative_to(ROOT)}:{call.lineno} {name}"


def test_every_text_file_and_every_program_is_read_and_written_as_utf_8() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert [found for path in files for found in in_the_locales_encoding(path)] == []


def test_a_style_with_an_umlaut_passes_the_stages_in_a_locale_of_ascii(tmp_path: Path) -> None:
    for name in ("conf", "params.yaml", "data"):
        (tmp_path / name).mkdir() if name == "data" else (tmp_path / name).symlink_to(ROOT / name)
    fill(tmp_path / "Häuser", {STYLE: 12, "baroque": 12})
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONPATH": str(ROOT),
        "ARCHSTYLE_PHOTOS": "Häuser",
    }
    environment.pop("PYTHONIOENCODING", None)
    for stage in ("fetch", "prepare", "describe"):
        command = [sys.executable, "-m", f"pipeline.{stage}"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr.decode("ascii")
        assert done.stdout.isascii()
        if stage == "prepare":
            assert b"Gr\\xfcnderzeit" in done.stdout
    assert PhotoStore(tmp_path / "data/raw").source.location == "Häuser"
    rows = read_manifest(tmp_path / "data/prepared/manifest.csv")
    assert {row.style for row in rows} == {STYLE, "baroque"}
    assert STYLE in (tmp_path / "reports/data.html").read_text("utf-8")


@pytest.mark.parametrize("form", ["jsonl", "table"])
def test_predict_prints_any_name_and_its_json_can_be_read_on_a_terminal_of_ascii(
    tmp_path: Path, tiny_bundle: Path, form: str
) -> None:
    photo = fill(tmp_path / "Häuser", {STYLE: 1}) / STYLE / "00000.jpg"
    command = [sys.executable, "-m", "archstyle.cli", "predict", "--model", str(tiny_bundle)]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    environment.pop("PYTHONIOENCODING", None)
    done = subprocess.run(
        [*command, "--format", form, str(photo)], env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode("ascii")
    assert done.stdout.isascii()
    if form == "jsonl":
        assert json.loads(done.stdout)["file"] == str(photo)
