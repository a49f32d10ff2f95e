"""Pages that hold everything they show and ask no other file and no network for anything."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from archstyle.photos.heatmap import encode
from archstyle.reports.theme import DOTS_PER_INCH

CSS_PIXELS_PER_INCH = 108  # a little larger than life
QUALITY = 80  # of the photos in a page


def environment(package: str) -> Environment:
    """Return the templates of a package over the shared ones, with the filters of all pages."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("archstyle.reports")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["code"] = code
    made.filters["percent"] = percent
    made.filters["picture"] = picture_uri
    return made


def code(text: str) -> Markup:
    """Return text as HTML in which `commands` are set as such."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def percent(value: float, digits: int = 1) -> str:
    """Write a share as people read it, never rounding a mistake away: 99.97% is not 100%."""
    step = 10 ** (digits + 2)
    rounded = round(value * step) / step
    if rounded == 1.0 and value < 1.0:
        rounded = 1 - 1 / step
    if rounded == 0.0 and value > 0.0:
        rounded = 1 / step
    return "100%" if rounded == 1.0 else "0%" if rounded == 0.0 else f"{rounded:.{digits}%}"


def where_from(source: Mapping[str, Any]) -> str:
    """Say in a few words where the photos come from."""
    kinds = {"folder": "the folder", "archive": "the archive", "git": "the repository"}
    if source.get("drawn"):
        return "drawn facades"
    return f"{kinds.get(source['kind'], source['kind'])} “{source['location']}”"


def figure_uris(light: Path, dark: Path) -> dict[str, Any]:
    """Return the data URIs of a figure and its size in CSS pixels; paths without their suffix."""
    with Image.open(light.with_suffix(".png")) as image:
        width, height = (round(side * CSS_PIXELS_PER_INCH / DOTS_PER_INCH) for side in image.size)
    return {
        "light": data_uri(light.with_suffix(".png").read_bytes(), "png"),
        "dark": data_uri(dark.with_suffix(".png").read_bytes(), "png"),
        "width": width,
        "height": height,
    }


def picture_uri(image: Image.Image) -> str:
    """Return a photo or a layer over one as an address that carries it."""
    return data_uri(encode(image, "WEBP", QUALITY), "webp")


def data_uri(content: bytes, kind: str) -> str:
    """Return an image as an address that carries it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
