"""For load balancers and container platforms: is it alive, and can it answer."""

from flask import Blueprint, Response, jsonify

from serving.uploads import latest_model, model_facts

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer as long as this process does."""
    return jsonify({"status": "alive"})


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 200 when there is a model to answer with, else 503."""
    from serving.finding import read_finding

    model = latest_model()
    finding = read_finding()
    if model is None:
        return jsonify({"status": "no model", "registry": finding}), 503
    return jsonify({"status": "ready", "model": model_facts(model), "registry": finding}), 200
