"""What can be set about the server, each by an environment variable."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, cast

from archstyle.errors import ArchstyleError
from archstyle.feedback import folder_named

LANGUAGES = {"en": "English", "es": "Español"}  # as those who speak them call them


def setting(default: Any, help: str, least: float = 1, most: float = 1e6) -> Any:
    """Declare a setting: its default, meaning and range."""
    return field(default=default, metadata={"help": help, "least": least, "most": most})


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return "PORT" if name == "port" else f"ARCHSTYLE_{name.upper()}"


@dataclass(frozen=True)
class Settings:
    """The server's settings; `from_environment` reads and checks them."""

    host: str = setting("127.0.0.1", "address to listen at; 0.0.0.0 or :: answers other machines")
    port: int = setting(8000, "port to listen at", most=65535)
    workers: int = setting(os.cpu_count() or 1, "processes that answer; one a core", most=256)
    model_threads: int = setting(1, "photos a worker runs the model on at a time", most=256)
    max_megabytes: int = setting(20, "size of the largest upload, all its photos together")
    max_megapixels: int = setting(64, "size of the largest photo that is decoded", most=100)
    max_files: int = setting(32, "photos that one request may carry", most=1000)
    poll_seconds: float = setting(3.0, "pause between two looks at the registry", least=0.1)
    proxies: int = setting(0, "proxies in front whose X-Forwarded-* are believed", 0, 9)
    access_log: int = setting(0, "1 tells every request, without address or file names", 0, 1)
    feedback: str = setting(
        "off", "folder that keeps photos which visitors correct and agree to give"
    )
    feedback_photos: int = setting(1000, "photos that it keeps at most")
    feedback_megabytes: int = setting(500, "size of these photos together at most")
    feedback_per_hour: int = setting(10, "photos of one client's address that it takes in an hour")
    language: str = setting("en", "the page's language for browsers that ask for neither: en or es")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; raises ArchstyleError naming the variable that makes no sense."""
        given = {f: text for f in fields(cls) if (text := environment.get(variable(f.name)))}
        settings = cls(**{f.name: _parsed(f, text) for f, text in given.items()})
        if settings.language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise ArchstyleError(
                f"ARCHSTYLE_LANGUAGE is {settings.language!r}: set it to one of {known}."
            )
        named = folder_named(settings.feedback)
        return replace(settings, host=settings.host.strip("[]"), feedback=named)

    def address(self, host: str | None = None) -> str:
        """Return `host:port`, by default of the own host; IPv6 stands in brackets."""
        host = host or self.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def _parsed(setting: Field[Any], text: str) -> Any:
    default, (help, least, most) = cast(Any, setting.default), setting.metadata.values()
    kind = type(default)
    if kind is str:
        return text
    with suppress(ValueError):
        if least <= (value := kind(text)) <= most:
            return value
    raise ArchstyleError(
        f"{variable(setting.name)} is {text!r}: set it to {'a whole ' if kind is int else 'a '}"
        f"number from {least:g} to {most:g} ({help})."
    )
