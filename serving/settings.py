"""What can be set about the server, each by an environment variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from archstyle.errors import ArchstyleError


def setting(variable: str, default: Any, help: str, least: float = 1, most: float = 1e6) -> Any:
    """Declare a setting: its variable, default, meaning and range."""
    metadata = {"variable": variable, "help": help, "least": least, "most": most}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """The server's settings; `from_environment` reads and checks them."""

    host: str = setting(
        "ARCHSTYLE_HOST", "127.0.0.1", "address to listen at; 0.0.0.0 or :: answers other machines"
    )
    port: int = setting("PORT", 8000, "port to listen at", least=1, most=65535)
    workers: int = setting(
        "ARCHSTYLE_WORKERS", os.cpu_count() or 1, "processes that answer; one a core", most=256
    )
    model_threads: int = setting(
        "ARCHSTYLE_MODEL_THREADS", 1, "photos that one worker runs the model on at a time", most=256
    )
    max_megabytes: int = setting(
        "ARCHSTYLE_MAX_MEGABYTES", 20, "size of the largest upload, all its photos together"
    )
    max_megapixels: int = setting(
        "ARCHSTYLE_MAX_MEGAPIXELS", 64, "size of the largest photo that is decoded", most=100
    )
    max_files: int = setting(
        "ARCHSTYLE_MAX_FILES", 32, "photos that one request may carry", most=1000
    )
    poll_seconds: float = setting(
        "ARCHSTYLE_POLL_SECONDS", 3.0, "pause between two looks at the registry", least=0.1
    )
    language: str = setting(
        "ARCHSTYLE_LANGUAGE", "en", "language of the style names: en, de, es, fr, it or pt"
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; raises ArchstyleError naming the variable that makes no sense."""
        values = {
            f.name: _parsed(environment[f.metadata["variable"]], f.default, f.metadata)
            for f in fields(cls)
            if environment.get(f.metadata["variable"])
        }
        settings = cls(**values)
        if settings.language != "en":
            from archstyle.bundle.card import LANGUAGES  # with NumPy: a third of a second

            if settings.language not in LANGUAGES:
                known = ", ".join(LANGUAGES)
                raise ArchstyleError(
                    f"ARCHSTYLE_LANGUAGE is {settings.language!r}: set it to one of {known}."
                )
        return replace(settings, host=settings.host.strip("[]"))

    def address(self, host: str | None = None) -> str:
        """Return `host:port`, by default of the own host; IPv6 stands in brackets."""
        host = host or self.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def _parsed(text: str, default: Any, metadata: Mapping[str, Any]) -> Any:
    if isinstance(default, str):
        return text
    kind = type(default)
    try:
        value = kind(text)
        if metadata["least"] <= value <= metadata["most"]:
            return value
    except ValueError:
        pass
    name = "a whole number" if kind is int else "a number"
    raise ArchstyleError(
        f"{metadata['variable']} is {text!r}: set it to {name} from {metadata['least']:g} to "
        f"{metadata['most']:g} ({metadata['help']})."
    )
