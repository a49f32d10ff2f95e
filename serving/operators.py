"""What operators ask: whether it lives, whether it answers, and what it has done."""

import os

from flask import Blueprint, Flask, Response, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from serving import metrics
from serving.follower import read_status
from serving.uploads import latest_model, model_facts

blueprint = Blueprint("operators", __name__)


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


@blueprint.get("/metrics")
def numbers() -> Response:
    """Return what all workers have counted, for Prometheus."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def count(app: Flask) -> None:
    """Count each request under its route, and tell gunicorn's access log the route.

    The address itself may hold anything; a route is one of few.
    """

    def note(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        request.environ["archstyle.route"] = route
        metrics.REQUESTS.labels(route, response.status_code).inc()
        if "answered_at" in g:
            metrics.PHASES["render"].observe(metrics.now() - g.answered_at)
        return response

    app.after_request(note)
