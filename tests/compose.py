"""compose.yaml and the Dockerfiles as the tests read and run them: there is no Docker here."""

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.conftest import ROOT

VARIABLE = re.compile(r"\$\{(\w+):([?-])([^}]*)\}")


def variables() -> dict[str, str]:
    """The variables of compose.yaml with their defaults, empty where there is none."""
    found = VARIABLE.findall((ROOT / "compose.yaml").read_text("utf-8"))
    return {name: default for name, _, default in found}


def compose(given: Mapping[str, str], places: Mapping[str, str]) -> dict[str, Any]:
    """Return what compose.yaml says with the variables of .env, and `places` in place of its own.

    A place is a host and its port, or a file, that lies elsewhere where there are no containers.
    """
    text = (ROOT / "compose.yaml").read_text("utf-8")
    text = VARIABLE.sub(lambda found: given.get(found[1]) or found[3], text)
    for place, here in places.items():
        assert place in text, place
        text = text.replace(place, here)
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with what follows them, on one line each."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / dockerfile).read_text("utf-8"))
    lines = text.replace("\\\n", " ").splitlines()
    return [
        (name, " ".join(rest.split())) for name, _, rest in (x.partition(" ") for x in lines if x)
    ]


def environment(dockerfile: str) -> dict[str, str]:
    """Return the variables that a Dockerfile sets."""
    pairs = (
        pair for name, rest in instructions(dockerfile) if name == "ENV" for pair in rest.split()
    )
    return dict(pair.split("=", 1) for pair in pairs)


def command(dockerfile: str) -> list[str]:
    """Return what a container of a Dockerfile runs."""
    (found,) = (rest for name, rest in instructions(dockerfile) if name == "CMD")
    words: list[str] = json.loads(found)
    return words
