"""What operators ask: whether it lives, whether it answers, and what it has done."""

import os
from time import perf_counter

from flask import Blueprint, Response, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from archstyle.registry.cache import told
from serving import metrics
from serving.follower import read_status
from serving.uploads import latest_model, model_facts

blueprint = Blueprint("operators", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer as long as this process does, with what its model is called, null for none."""
    model = latest_model()
    return jsonify({"status": "alive", "answers": told(model.version) if model else None})


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 200 when there is a model to answer with, else 503."""
    model, status = latest_model(), read_status()
    if model is None:
        return jsonify({"status": "no model", "registry": status}), 503
    facts = {"answers": told(model.version), "model": model_facts(model)}
    return jsonify({"status": "ready", **facts, "registry": status}), 200


@blueprint.get("/metrics")
def numbers() -> Response:
    """Return what all workers have counted, for Prometheus."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


@blueprint.after_app_request
def count(response: Response) -> Response:
    """Count the request under its route, which the access log tells too: an address may be odd."""
    request.environ["archstyle.route"] = route = getattr(request.url_rule, "rule", "none")
    metrics.REQUESTS.labels(route, response.status_code).inc()
    if "answered_at" in g:
        metrics.PHASES["render"].observe(perf_counter() - g.answered_at)
    return response
