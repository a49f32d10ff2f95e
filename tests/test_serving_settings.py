import re
from dataclasses import fields

import pytest

from archstyle.errors import ArchstyleError
from archstyle.photos.reader import Preprocessing
from serving.__main__ import usage
from serving.settings import LANGUAGES, Settings, variable
from tests.serving_project import ROOT

NAME = re.compile(r"\bARCHSTYLE_[A-Z_]+\b")


def test_defaults_need_no_environment() -> None:
    assert Settings.from_environment({}) == Settings()


def test_settings_are_read_from_the_environment() -> None:
    settings = Settings.from_environment(
        {"PORT": "9000", "ARCHSTYLE_MAX_MEGABYTES": "5", "ARCHSTYLE_POLL_SECONDS": "0.5"}
    )
    assert (settings.port, settings.max_megabytes, settings.poll_seconds) == (9000, 5, 0.5)


def test_empty_variable_counts_as_unset() -> None:
    assert Settings.from_environment({"PORT": ""}).port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("ARCHSTYLE_WORKERS", "1.5"),
        ("ARCHSTYLE_MAX_FILES", "-3"),
        ("ARCHSTYLE_POLL_SECONDS", "nan"),
        ("ARCHSTYLE_MAX_MEGAPIXELS", "101"),
        ("ARCHSTYLE_LANGUAGE", "xx"),
        ("ARCHSTYLE_FEEDBACK", "True"),
        ("ARCHSTYLE_FEEDBACK", "1"),
    ],
)
def test_bad_setting_is_one_sentence_with_its_name(name: str, value: str) -> None:
    with pytest.raises(ArchstyleError) as raised:
        Settings.from_environment({name: value})
    sentence = str(raised.value)
    assert name in sentence
    assert value in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("value", "folder"),
    [("OFF", "off"), ("0", "off"), ("False", "off"), ("no", "off"), ("~/a", "/home/me/a")],
)
def test_feedback_is_off_or_a_folder(
    value: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert Settings.from_environment({"ARCHSTYLE_FEEDBACK": value}).feedback == folder


def test_unknown_language_is_told_the_known_ones() -> None:
    with pytest.raises(ArchstyleError, match=", ".join(LANGUAGES)):
        Settings.from_environment({"ARCHSTYLE_LANGUAGE": "xx"})
    for language in LANGUAGES:
        assert Settings.from_environment({"ARCHSTYLE_LANGUAGE": language}).language == language
        assert language in usage()


def test_largest_photo_that_can_be_set_is_one_that_is_read() -> None:
    largest = Preprocessing(image_size=224).max_pixels
    settings = Settings.from_environment({"ARCHSTYLE_MAX_MEGAPIXELS": f"{largest // 1_000_000}"})
    assert settings.max_megapixels * 1_000_000 == largest


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "0.0.0.0:8000"),
        ("localhost", "localhost:8000"),
        ("::", "[::]:8000"),
        ("::1", "[::1]:8000"),
        ("[::1]", "[::1]:8000"),
    ],
)
def test_address_has_brackets_around_ipv6(host: str, address: str) -> None:
    assert Settings.from_environment({"ARCHSTYLE_HOST": host}).address() == address


def test_every_variable_that_the_code_reads_is_documented() -> None:
    code = [*ROOT.glob("conf/**/*.yaml"), ROOT / "Makefile"]
    for folder in ("src", "pipeline", "serving"):
        code += [p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".html", ".js")]
    read = {name for path in code for name in NAME.findall(path.read_text("utf-8"))}
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    documented = {name for page in pages for name in NAME.findall(page.read_text("utf-8"))}
    assert {"ARCHSTYLE_PHOTOS", "ARCHSTYLE_OUTSIDE", "ARCHSTYLE_CACHE", "ARCHSTYLE_HOST"} <= read
    assert read <= documented, f"in no document: {sorted(read - documented)}"


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "serving.md").read_text("utf-8")
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", text, re.MULTILINE))
    for setting in fields(Settings):
        name = variable(setting.name)
        assert name in usage()
        assert name in documented, f"{name} is not in docs/serving.md"
        if name != "ARCHSTYLE_WORKERS":  # as many as there are cores
            assert documented[name] == str(setting.default)
