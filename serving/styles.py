"""What the page tells of styles: the texts of styles.yaml, which anybody can edit."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from flask_babel import get_locale

from archstyle.errors import ArchstyleError
from serving.settings import LANGUAGES

FILE = Path(__file__).with_name("styles.yaml")


@dataclass(frozen=True)
class Text:
    """What one language says of a style; the head of styles.yaml explains the parts."""

    name: str
    marks: list[str]
    flourished: str
    unlike: dict[str, str]
    sources: list[str]


@cache
def texts(file: Path = FILE) -> dict[str, dict[str, Text]]:
    """Return {style: {language: text}}; raises ArchstyleError that says where the file is wrong."""
    style = language = ""
    try:
        content = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        found: dict[str, dict[str, Text]] = {}
        for style, each in content["styles"].items():
            sources = [content["sources"][name] for name in each["sources"]]
            found[style] = {}
            for language in LANGUAGES:
                found[style][language] = Text(**each[language], sources=sources)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        where = f" at {style} {language}".rstrip() if style else ""
        why = re.sub(r"\s+", " ", str(error))
        raise ArchstyleError(f"{file} cannot be used{where}: {why}.") from error
    return found


def key_of(style: str) -> str:
    """Return how styles.yaml writes a style."""
    return re.sub(r"[ -]", "_", style.lower())


def text_of(style: str) -> Text | None:
    """Return the text in the language of the request, None where there is none."""
    return texts().get(key_of(style), {}).get(str(get_locale()))


def apart(one: str, other: str) -> str | None:
    """Return the sentence that tells two styles apart, where either of them has it."""
    for style, unlike in ((one, other), (other, one)):
        if (text := text_of(style)) and (sentence := text.unlike.get(key_of(unlike))):
            return sentence
    return None
