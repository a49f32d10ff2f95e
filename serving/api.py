"""The answers for programs: JSON, with the keys that `archstyle predict` prints."""

from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any

import flask_smorest
from flask import Flask, Response, jsonify, render_template, request

from archstyle.bundle import Answer
from serving import schemas
from serving.styles import key_of, texts
from serving.uploads import Refusal, answers, form_sent, model_facts, model_or_refusal, status_of

ROOT, PROBLEM = "/api/v1", "application/problem+json"
WHEN = {
    400: "There is no photo in the request.",
    408: "The request did not arrive whole in time.",
    413: "The upload is too big, or holds too many photos.",
    415: "Not a photo, or in a format that is not read.",
    422: "A photo that is damaged, too small or too large, or a parameter that makes no sense.",
    503: "There is no model yet, or too many uploads are on their way; `Retry-After` says when.",
}
TOLD = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
PROBLEMS = {status: {"description": when, "content": TOLD} for status, when in WHEN.items()}
FILES = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
FORM = {"type": "object", "required": ["photo"], "properties": {"photo": FILES}}
BODY = {"required": True, "content": {"multipart/form-data": {"schema": FORM}}}
blueprint = flask_smorest.Blueprint("api", __name__, url_prefix=ROOT)


def describe(app: Flask) -> None:
    """Register the API, its description and the page to try it."""
    app.config.update(OPENAPI_URL_PREFIX=ROOT, OPENAPI_VERSION="3.1.0")
    # The server as seen from the description: right under any prefix that a proxy may set.
    known = {"title": "Archstyle", "version": "1", "servers": [{"url": "../.."}]}
    api = flask_smorest.Api(app, spec_kwargs=known)
    api.DEFAULT_ERROR_RESPONSE_NAME = None  # each operation says its own
    api.spec.components.schema("Problem", schema=schemas.Problem)
    api.register_blueprint(blueprint)
    del api.spec.components.schemas["Error"], api.spec.components.schemas["PaginationMetadata"]
    show = partial(render_template, "api.html", description=api.spec.to_dict())
    app.add_url_rule(f"{ROOT}/docs", "docs", show)


@blueprint.post("/predict")
@blueprint.arguments(schemas.Query(), location="query")
@blueprint.response(200, {"oneOf": [schemas.Prediction, schemas.Predictions]})
@blueprint.doc(requestBody=BODY, responses=PROBLEMS)
def predict(query: dict[str, Any]) -> Response:
    """Tell the style of one or more photos.

    One photo is answered by an object, several by a list in the order they were sent. The status
    is 200 where any of them was answered.
    """
    model = model_or_refusal()
    results = answers(form_sent()[0], model)
    entries = [as_entry(upload.file, given, **query) for upload, given, _ in results]
    answer = entries[0] if len(entries) == 1 else {"predictions": entries}
    body = {**answer, "model": model_facts(model)}
    for _, given, _ in results:
        if isinstance(given, Refusal) and given.status == status_of(results):
            return problem(given, **body)
    return jsonify(body)


@blueprint.get("/model")
@blueprint.response(200, schemas.Model)
@blueprint.doc(responses={503: PROBLEMS[503]})
def card() -> Response:
    """Return the card of the model in use."""
    model = model_or_refusal()
    return jsonify({**model_facts(model), "card": model.bundle.card.as_dict()})


@blueprint.get("/styles")
@blueprint.response(200, schemas.Styles)
@blueprint.doc(responses={503: PROBLEMS[503]})
def styles() -> Response:
    """Return the styles that the model in use knows, with what is told of them."""
    model = model_or_refusal()
    known = []
    for style in model.bundle.styles:
        told = texts().get(key_of(style), {})
        known.append({"style": style, "label": model.bundle.label(style), "texts": told})
    return jsonify({"styles": known, "model": model_facts(model)})


def problem(refusal: Refusal, **more: Any) -> Response:
    """Return problem details (RFC 9457), with more members."""
    said, status = refusal.as_dict(), HTTPStatus(refusal.status)
    body = {"type": "about:blank", "title": status.phrase, "status": status}
    response = jsonify({**body, "detail": said["error"], **said, **more})
    response.status_code = status
    if request.path.startswith(ROOT):
        response.mimetype = PROBLEM
    return response


def as_entry(file: str, given: Answer | Refusal, map: bool, top: int | None) -> dict[str, Any]:
    """Return one photo's part of the answer."""
    if isinstance(given, Refusal):
        return {"file": file, **given.as_dict()}
    entry = given.as_dict(file)
    entry["probabilities"] = dict(islice(given.probabilities.items(), top))
    if map:
        entry["map"] = None if given.map is None else given.map.astype(float).round(4).tolist()
    return entry
