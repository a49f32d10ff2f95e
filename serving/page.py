"""The page: a form that works by itself, and the parts of it that the script asks for."""

import base64
import re
from collections.abc import Iterable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup, escape
from numpy.typing import NDArray
from PIL import Image

from archstyle.bundle import Answer
from archstyle.bundle.card import in_words
from archstyle.common.files import digest_of
from archstyle.photos.heatmap import encode, heat_layer
from archstyle.registry.cache import RELEASED
from archstyle.registry.model_card import TEMPLATES, figures, percent
from serving import uploads
from serving.follower import read_champions, read_status
from serving.languages import address_language
from serving.models import Model
from serving.styles import apart, text_of

STATIC = Path(__file__).with_name("static")
ASSETS = digest_of(STATIC, STATIC.rglob("*.*"))[:10]  # a browser takes up new files at once
PREVIEW_PIXELS = 900
SHOWN_WIDTH, SHOWN_HEIGHT = 640, 500  # what a preview may take on the page; small ones grow
SHOWN_BARS, SHOWN_TEXTS, SHOWN_PAIRS = 6, 3, 2

blueprint = Blueprint("page", __name__, template_folder=TEMPLATES)
blueprint.add_app_template_filter(percent)


@blueprint.get("/")
def index() -> tuple[str, int]:
    """Show the form."""
    return render([], uploads.latest_model())


@blueprint.post("/")
def upload() -> tuple[str, int]:
    """Answer the photos of the form."""
    model = uploads.model_or_refusal()
    return render(uploads.answers(uploads.form_sent()[0], model, preview), model)


@blueprint.get("/sample/<name>")
def sample(name: str) -> tuple[str, int]:
    """Answer one of the drawn facades."""
    if name not in samples():
        abort(404)
    model = uploads.model_or_refusal()
    content = (STATIC / "samples" / f"{name}.webp").read_bytes()
    file = gettext("%(name)s, a drawing", name=name)
    return render(uploads.answers([uploads.Upload(file, content)], model, preview), model)


@blueprint.get("/styles")
def styles() -> str:
    """Show the styles that the model in use knows."""
    values = facts(uploads.model_or_refusal())
    known = sorted(values["model"].bundle.styles, key=values["label"])
    return render_template("styles.html", styles=known, **values)


@blueprint.get("/styles/<name>")
def style(name: str) -> str:
    """Show one style, with what it is easily taken for."""
    model = uploads.model_or_refusal()
    if name not in model.bundle.styles:
        abort(404)
    return render_template("style.html", style=name, **facts(model))


@blueprint.get("/model")
def card() -> str:
    """Show the card of the model in use, which `archstyle card` prints."""
    values = facts(uploads.model_or_refusal())
    of_styles = figures(values["card"], values["label"])
    told = [] if values["model"].version == RELEASED else read_champions()
    return render_template("model.html", champions=told, **of_styles, **values)


def render(results: list[uploads.Result], model: Model | None) -> tuple[str, int]:
    """Return the whole page, or only the answers where the script asks."""
    status = 503 if model is None else uploads.status_of(results) if results else 200
    values = {**facts(model), "answers": list(map(plate, results))}
    if wants_part():
        return render_template("_answers.html", part=True, **values), status
    values |= {"no_model": uploads.NO_MODEL, "follower": None if model else read_status()}
    return render_template("page.html", settings=uploads.settings(), **values), status


def facts(model: Model | None) -> dict[str, Any]:
    """Return what the templates show of the model and its styles."""
    if model is None:
        return {"model": None}

    def label(style: str) -> str:
        text = text_of(style)
        return text.name if text else model.bundle.label(style)

    return {
        "model": model,
        "card": model.bundle.card,
        "shown_bars": SHOWN_BARS,
        "samples": [s for s in samples() if s.split("-")[0] in model.bundle.styles],
        "label": label,
        "text_of": text_of,
        "in_words": lambda names: in_words([label(name) for name in names], gettext("or")),
    }


def wants_part() -> bool:
    """Say whether the page's script asks, which wants the answer alone and not the whole page."""
    return request.args.get("part") == "answer"


def plate(result: uploads.Result) -> dict[str, Any]:
    """Return what the page shows of one photo."""
    (file, _), given, photo = result
    if isinstance(given, uploads.Refusal):
        return {"file": file, "refusal": given}
    layer = None if given.map is None else data_uri(encode(heat_layer(given.map)))
    place = None if given.map is None else place_of(given.map)
    shown = {"file": file, "given": given, "layer": layer, "place": place}
    return {**shown, **lesson_of(given), **(photo or {})}


def place_of(evidence: NDArray[np.float32]) -> int:
    """Return in which ninth of the photo most evidence [h, w] lies: 0 top left, 8 bottom right."""
    ninths = Image.fromarray(np.asarray(evidence, np.float32)).resize((3, 3), Image.Resampling.BOX)
    return int(np.asarray(ninths).argmax())


def lesson_of(given: Answer) -> dict[str, Any]:
    """Return the styles that are named, those of them with a text, and what tells two apart."""
    named = given.styles or ((given.style,) if given.answered else ())
    nearest = list(given.probabilities)[: max(2, len(named))]
    pairs = [] if given.reason == "unfamiliar" else combinations(nearest, 2)
    told = [(*pair, sentence) for pair in pairs if (sentence := apart(*pair))]
    explained = [style for style in named if text_of(style)]
    return {"named": named, "explained": explained[:SHOWN_TEXTS], "apart": told[:SHOWN_PAIRS]}


def preview(image: Image.Image) -> dict[str, Any]:
    """Shrink a photo and return it as every browser can show it."""
    image.thumbnail((PREVIEW_PIXELS, PREVIEW_PIXELS), reducing_gap=2.0)
    uri = data_uri(encode(image, "JPEG"), "jpeg")
    scale = min(SHOWN_WIDTH / image.width, SHOWN_HEIGHT / image.height)
    width, height = (max(1, round(side * scale)) for side in image.size)
    return {"preview": uri, "width": width, "height": height}


@blueprint.app_template_filter("csv_line")
def csv_line(cells: Iterable[object]) -> str:
    """Return a line of a CSV file (RFC 4180), without its end."""
    return ",".join('"{}"'.format(str(cell).replace('"', '""')) for cell in cells)


def data_uri(content: bytes, kind: str = "webp") -> str:
    """Return an image as an address of its own: nothing is stored to be fetched later."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


@blueprint.app_context_processor
def every_page() -> dict[str, Any]:
    """Give every template what it needs."""
    return {"assets": ASSETS, "relative": relative, "skin": "_skin.html"}


def relative(endpoint: str, **values: Any) -> str:
    """Return an address as seen from this page: right under any prefix that a proxy may set."""
    here = "../" * request.path.count("/", 1) or "./"
    if endpoint != "static" and (asked := address_language()):
        values = {"lang": asked, **values}
    return here + url_for(endpoint, **values).removeprefix(f"{request.script_root}/")


@blueprint.app_template_filter("with_code")
def with_code(sentence: str) -> Markup:
    """Show what stands between `backticks` as code; the rest is escaped."""
    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", str(escape(sentence))))


@cache
def samples() -> list[str]:
    """Return the names of the drawings: `gothic-2` is draw_facade("gothic", 2, 360, 360) as WebP.

    A test tells when `src/facades` draws something else; the champion should know what is shown.
    """
    return sorted(path.stem for path in (STATIC / "samples").glob("*.webp"))
