import re
from dataclasses import fields

import pytest

from archstyle.errors import ArchstyleError
from serving.__main__ import usage
from serving.settings import Settings
from tests.serving_project import ROOT


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
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("ARCHSTYLE_WORKERS", "1.5"),
        ("ARCHSTYLE_MAX_FILES", "-3"),
        ("ARCHSTYLE_POLL_SECONDS", "nan"),
    ],
)
def test_bad_setting_is_one_sentence_with_its_name(variable: str, value: str) -> None:
    with pytest.raises(ArchstyleError) as raised:
        Settings.from_environment({variable: value})
    sentence = str(raised.value)
    assert variable in sentence
    assert value in sentence
    assert "\n" not in sentence


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "serving.md").read_text("utf-8")
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| `([^`]*)` \|", text, re.MULTILINE))
    for setting in fields(Settings):
        variable = setting.metadata["variable"]
        assert variable in usage()
        assert variable in documented, f"{variable} is not in docs/serving.md"
        if variable != "ARCHSTYLE_WORKERS":  # as many as there are cores
            assert documented[variable] == str(setting.default)
