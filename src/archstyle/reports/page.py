"""Pages that hold everything they show and ask no other file and no network for anything."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from PIL import Image

from archstyle.common.files import whole_file
from archstyle.common.parallel import parallel_map
from archstyle.errors import ArchstyleError
from archstyle.photos.heatmap import encode
from archstyle.photos.reader import PhotoError, open_photo
from archstyle.photos.store import PhotoStore
from archstyle.reports.theme import DARK, LIGHT, applied, note_drawn, save

CSS_PIXELS_PER_INCH = 108  # a little larger than life
QUALITY = 80  # of the photos in a page


@dataclass(frozen=True)
class Chart:
    """A figure as PNG in the themes `light` and `dark`, and its size in CSS pixels."""

    width: int
    height: int
    light: bytes
    dark: bytes


def draw_charts(
    charts: Mapping[str, Callable[[], Figure]], drawn: bool = False
) -> dict[str, Chart]:
    """Draw each chart in both themes; `drawn` is told on the figure."""
    found = {}
    for name, draw in charts.items():
        pngs = []
        for theme in (LIGHT, DARK):
            with applied(theme):
                figure, png = draw(), BytesIO()
                note_drawn(figure, drawn)
                save(figure, png)
                pngs.append(png.getvalue())
        width, height = (round(side * CSS_PIXELS_PER_INCH) for side in figure.get_size_inches())
        found[name] = Chart(width, height, *pngs)
    return found


def thumbnail(content: bytes, side: int) -> Image.Image:
    """Return the photo as RGB with its longer side at most `side` pixels; raises PhotoError."""
    photo = open_photo(content, at_least=side)
    photo.thumbnail((side, side), Image.Resampling.LANCZOS)
    return photo


def read_thumbnails(store: PhotoStore, files: Sequence[str], side: int) -> dict[str, Image.Image]:
    """Return a thumbnail of each file, read in threads; raises ArchstyleError for a bad photo."""

    def read(file: str) -> Image.Image:
        try:
            return thumbnail(store.read(file), side)
        except PhotoError as error:
            raise ArchstyleError(
                f"`{file}` cannot be read: {error} Run `dvc repro --force prepare`."
            ) from error

    return dict(zip(files, parallel_map(read, files, len(files), "pictures"), strict=True))


def render(template: str, package: str = "archstyle.reports", **values: Any) -> str:
    """Fill a template of a package; HTML pages share the layout and macros of the reports.

    In Markdown (`.md`) the signs of a text that would be taken for markup are escaped.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("archstyle.reports")]),
        autoescape=template.endswith(".html"),
        finalize=_plain_markdown if template.endswith(".md") else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        three="{:.3f}".format, code=code, percent=percent, between=between, many=many, uri=data_uri
    )
    return made.get_template(template).render(values)


def write(path: Path, text: str) -> None:
    """Write a page, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, "utf-8")


def with_promotion(report: str, promotion: str) -> str:
    """Return reports/index.html with promotion.html in it, for where it does not lie beside it."""
    carried = base64.b64encode(promotion.encode()).decode()
    return report.replace('data="promotion.html"', f'data="data:text/html;base64,{carried}"')


def code(text: str) -> Markup:
    """Return text as HTML in which `commands` are set as such."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def percent(value: float, digits: int = 1) -> str:
    """Write a share as people read it, never rounding a mistake away: 99.97% is not 100%."""
    step = 10 ** (digits + 2)
    least, most = (value > 0.0) / step, 1 - (value < 1.0) / step
    rounded = min(max(round(value * step) / step, least), most)
    return f"{rounded:.{0 if rounded in (0.0, 1.0) else digits}%}"


def between(interval: Any) -> str:
    """Write the ends, `low` and `high`, of an interval."""
    return f"{percent(interval.low).rstrip('%')} to {percent(interval.high)}"


def many(number: int, thing: str, things: str = "") -> str:
    """Return a number with its noun: 1 photo, 1,024 photos."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def where_from(source: Mapping[str, Any]) -> str:
    """Say in a few words where the photos come from."""
    if source.get("drawn"):
        return "drawn facades"
    missing = "".join(f", without {place}, not reached" for place in source.get("missing", ()))
    kind = {"git": "repository"}.get(source["kind"], source["kind"])
    return f"the {kind} “{source['location']}”{missing}"


def data_uri(image: Image.Image | bytes) -> str:
    """Return a photo or a layer over one, or the bytes of a PNG, as an address that carries it."""
    kind = "png" if isinstance(image, bytes) else "webp"
    content = image if isinstance(image, bytes) else encode(image, "WEBP", QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _plain_markdown(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", value)
