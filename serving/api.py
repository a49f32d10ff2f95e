"""The answers for programs: JSON, with the keys that `archstyle predict` prints."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from archstyle.bundle import Answer
from serving.follower import read_status
from serving.uploads import (
    Refusal,
    Upload,
    answers,
    latest_model,
    model_facts,
    model_or_refusal,
    photos_sent,
    status_of,
)

blueprint = Blueprint("api", __name__)


@blueprint.post("/api/v1/predict")
def predict() -> tuple[Response, int]:
    """Answer one photo as an object, several as a list in the order they were sent.

    `?map=1` adds `map`: [h][w] numbers in 0..1, where the evidence for the style lies.
    """
    model = model_or_refusal()
    results = answers(photos_sent(), model)
    entries = [as_entry(*result) for result in results]
    body = entries[0] if len(entries) == 1 else {"predictions": entries}
    return jsonify({**body, "model": model_facts(model)}), status_of(results)


@blueprint.get("/api/v1/model")
def card() -> Response:
    """Return the card of the model in use."""
    model = model_or_refusal()
    return jsonify({**model_facts(model), "card": model.bundle.card.as_dict()})


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer as long as this process does, with what its model is called, null for none."""
    model = latest_model()
    return jsonify({"status": "alive", "answers": model.told if model else None})


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 200 when there is a model to answer with, else 503."""
    model, status = latest_model(), read_status()
    if model is None:
        return jsonify({"status": "no model", "registry": status}), 503
    facts = {"answers": model.told, "model": model_facts(model)}
    return jsonify({"status": "ready", **facts, "registry": status}), 200


def as_entry(upload: Upload, given: Answer | Refusal) -> dict[str, Any]:
    """Return one photo's part of the answer."""
    if isinstance(given, Refusal):
        return {"file": upload.file, **given.as_dict()}
    entry = given.as_dict(upload.file)
    if request.args.get("map", "0").lower() in ("1", "true", "yes"):
        entry["map"] = None if given.map is None else given.map.astype(float).round(4).tolist()
    return entry
