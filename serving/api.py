"""The answers for programs: JSON, with the keys that `archstyle predict` prints.

flask-smorest describes it in OpenAPI out of the decorators here and the classes of `schemas`.
"""

from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from importlib.resources import files
from itertools import islice
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, render_template, request
from flask_smorest import Api
from flask_smorest import Blueprint as DescribedBlueprint

from archstyle.bundle import Answer
from serving import schemas
from serving.schemas import PROBLEM, Problem
from serving.styles import key_of, texts
from serving.uploads import (
    Refusal,
    Upload,
    answers,
    model_facts,
    model_or_refusal,
    photos_sent,
    status_of,
)

ROOT = "/api/v1"
WHEN = {
    400: "There is no photo in the request.",
    408: "The request did not arrive whole in time.",
    413: "The upload is too big, or holds too many photos.",
    415: "Not a photo, or in a format that is not read.",
    422: "A photo that is damaged, too small or too large, or a parameter that makes no sense.",
    503: "There is no model yet, or too many uploads are on their way; `Retry-After` says when.",
}
blueprint = DescribedBlueprint("api", __name__, url_prefix=ROOT)
# The page to try it: Swagger UI, whose files come with a package.
pages = Blueprint(
    "docs",
    __name__,
    url_prefix=ROOT,
    static_folder=str(files("flask_swagger_ui") / "dist"),
    static_url_path="/docs",
)


class DescribedApi(Api):
    """Each operation says which problems it answers with."""

    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None


def describe(app: Flask) -> None:
    """Register the API, its description and the page to try it."""
    app.config.update(
        API_TITLE="Archstyle",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=ROOT,
        # As seen from the description: right under any prefix that a proxy may set.
        API_SPEC_OPTIONS={"servers": [{"url": "../.."}]},
    )
    api = DescribedApi(app)
    api.register_blueprint(blueprint)
    del api.spec.components.schemas["PaginationMetadata"]  # nothing here has pages
    app.register_blueprint(pages)


def problems(*statuses: int) -> Callable[[Any], Any]:
    """Describe what else an operation answers."""

    def decorated(view: Any) -> Any:
        for status in statuses:
            view = blueprint.alt_response(
                status, schema=Problem, content_type=PROBLEM, description=WHEN[status]
            )(view)
        return view

    return decorated


@blueprint.post("/predict")
@blueprint.arguments(schemas.Query, location="query")
@blueprint.response(200, {"oneOf": [schemas.Prediction, schemas.Predictions]})
@problems(*WHEN)
@blueprint.doc(
    requestBody={"required": True, "content": {"multipart/form-data": {"schema": schemas.PHOTOS}}}
)
def predict(query: dict[str, Any]) -> Response:
    """Tell the style of one or more photos.

    One photo is answered by an object, several by a list in the order they were sent. The status
    is 200 where any of them was answered.
    """
    model = model_or_refusal()
    results = answers(photos_sent(), model)
    entries = [as_entry(*result, **query) for result in results]
    answer = entries[0] if len(entries) == 1 else {"predictions": entries}
    body = {**answer, "model": model_facts(model)}
    status = status_of(results)
    if status == 200:
        return jsonify(body)
    refusal = results[0][1]
    if len(results) > 1 or not isinstance(refusal, Refusal):
        sentence = "None of the photos could be read; `predictions` says why of each."
        refusal = Refusal(status, "none-read", sentence)
    return problem(refusal, **body)


@blueprint.get("/model")
@blueprint.response(200, schemas.Card)
@problems(503)
def card() -> Response:
    """Return the card of the model in use."""
    model = model_or_refusal()
    return jsonify({**model_facts(model), "card": model.bundle.card.as_dict()})


@blueprint.get("/styles")
@blueprint.response(200, schemas.Styles)
@problems(503)
def styles() -> Response:
    """Return the styles that the model in use knows, with what is told of them."""
    model = model_or_refusal()
    known = [
        {
            "style": style,
            "label": model.bundle.label(style),
            "texts": {code: asdict(text) for code, text in texts().get(key_of(style), {}).items()},
        }
        for style in model.bundle.styles
    ]
    return jsonify({"styles": known, "model": model_facts(model)})


@pages.get("/docs")
def docs() -> str:
    """Show the page to try it."""
    return render_template("api.html")


def problem(refusal: Refusal, **more: Any) -> Response:
    """Return problem details (RFC 9457), with more members."""
    said = refusal.as_dict()
    title, detail = HTTPStatus(refusal.status).phrase, said["error"]
    body = {"type": "about:blank", "title": title, "status": refusal.status, "detail": detail}
    response = jsonify({**body, **said, **more})
    response.status_code = refusal.status
    if request.path.startswith(ROOT):
        response.mimetype = PROBLEM
    return response


def as_entry(upload: Upload, given: Answer | Refusal, map: bool, top: int | None) -> dict[str, Any]:
    """Return one photo's part of the answer."""
    if isinstance(given, Refusal):
        return {"file": upload.file, **given.as_dict()}
    entry = given.as_dict(upload.file)
    if top is not None:
        entry["probabilities"] = dict(islice(given.probabilities.items(), top))
    if map:
        entry["map"] = None if given.map is None else given.map.astype(float).round(4).tolist()
    return entry
