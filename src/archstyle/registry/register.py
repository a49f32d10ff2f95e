"""Makes a version of the registered model from a bundle."""

import hashlib
import io
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import archstyle
from archstyle.bundle.bundle import CARD, bundle_digest
from archstyle.bundle.card import Card
from archstyle.common.files import read_json, write_json
from archstyle.registry.versions import BUNDLE_DIGEST, Version, all_versions, version_named
from archstyle.tracking.facts import accuracy_text, described
from archstyle.tracking.runlog import RunLog
from archstyle.tracking.store import MODEL_NAME, mlflow_errors

HEADLINE = (
    *("accuracy", "accuracy_low", "accuracy_high", "macro_f1"),
    *("corrected_accuracy", "test_photos"),
)
# Of the same file, what the card tells too, and what it tells of each style.
TOLD = ("answered_share", "answered_accuracy", "unsure_set_coverage", "unsure_mean_set_size")
TOLD_OF_STYLES = ("precision", "recall", "support")
REQUIREMENTS = ("ai-edge-litert", "click", "mlflow", "numpy", "pandas", "pillow", "tqdm")
FINGERPRINT = "archstyle.fingerprint"
TEST_DIGEST, LOOKS = "test.digest", "test.looks"


def register_bundle(
    log: RunLog, bundle: Path, test: Mapping[str, Any], test_digest: str
) -> Version:
    """Log the bundle as a model of the run and register it; return its version.

    `test_digest` names the test photos: each version that was judged by them was a look at them,
    and who looks often chooses by them.

    `test` is reports/metrics.json, whose headline goes into the registered copy's card. The same
    bundle with the same metrics in the same run is registered once, however often it is asked for.
    """
    headline = {key: test[key] for key in HEADLINE if key in test}
    parts = [bundle_digest(bundle), log.run_id, *(f"{k}={v}" for k, v in sorted(headline.items()))]
    fingerprint = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    versions = all_versions()
    for known in versions:
        if known.tags.get(FINGERPRINT) == fingerprint:
            return known
    looks = 1 + sum(known.tags.get(TEST_DIGEST) == test_digest for known in versions)
    headline |= told_in_card(test) | {"looks": looks}
    tags = {
        **log.facts.tags(),
        "accuracy": f"{headline.get('accuracy', 0):.4f}",
        "accuracy.interval": accuracy_text(headline),
        FINGERPRINT: fingerprint,
        TEST_DIGEST: test_digest,
        LOOKS: str(looks),
    }
    import mlflow

    # MLflow says on stderr what the stage says; and it warns of its own type hints, of types
    # without an example beside them, and of environments that have no pip, as uv makes them.
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
    with (
        mlflow_errors("register the model"),
        redirect_stderr(io.StringIO()),
        warnings.catch_warnings(action="ignore", category=UserWarning),
    ):
        uri, digest = _log_model(log, bundle, headline)
        made = mlflow.register_model(uri, MODEL_NAME, tags=tags | {BUNDLE_DIGEST: digest})
    return version_named(str(made.version))


def describe(
    log: RunLog, version: Version, test: Mapping[str, Any], registered: Mapping[str, Any]
) -> None:
    """Write what became of a version into it and into its run."""
    told = {"facts": log.facts, "test": test, "registered": registered, "run_id": log.run_id}
    with mlflow_errors("describe the version"):
        number, decision = version.version, registered["decision"]
        log.client.update_model_version(MODEL_NAME, number, described("version.md", **told))
        log.client.set_model_version_tag(MODEL_NAME, number, "decision", decision)
    log.describe(test, registered)
    log.note({f"registered.{key}": registered[key] for key in ("version", "alias", "decision")})


def show_promotion(log: RunLog, root: Path, registered: Mapping[str, Any]) -> None:
    """Keep the report on the evaluation in the run again, now with what became of the version."""
    from archstyle.reports.page import render, with_promotion

    report = root / "reports" / "index.html"
    if report.is_file():
        promotion = render("promotion.html", registered=registered)
        text = with_promotion(report.read_text("utf-8"), promotion)
        with mlflow_errors("keep the report"):
            log.client.log_text(log.run_id, text, "reports/index.html")


def told_in_card(test: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card tells of reports/metrics.json."""
    known = {*HEADLINE, *TOLD}
    return {k: test[k] for k in test if k in known or k.split("_")[0] in TOLD_OF_STYLES}


def _log_model(log: RunLog, bundle: Path, headline: dict[str, Any]) -> tuple[str, str]:
    """Log the bundle with test metrics in its card as a pyfunc; return its URI and digest."""
    import mlflow.pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array, Map

    kinds: dict[str, Any] = {
        "style": DataType.string,
        "probability": DataType.double,
        "answered": DataType.boolean,
        "probabilities": Map(DataType.double),
        "reason": DataType.string,
        "styles": Array(DataType.string),
        "error": DataType.string,
    }
    answer: list[Any] = [ColSpec(kind, key, required=False) for key, kind in kinds.items()]
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary:
        copy = Path(temporary) / "bundle"
        shutil.copytree(bundle, copy)
        card = Card.from_dict(read_json(copy / CARD))
        lineage = {**card.lineage, **log.facts.git, "run_id": log.run_id}
        card = replace(card, metrics={**card.metrics, "test": headline}, lineage=lineage)
        write_json(copy / CARD, card.as_dict())
        # What mlflow.pyfunc.log_model does, but for a run that is not the process's active one,
        # whose status log_model would set.
        run = log.client.get_run(log.run_id)
        model = log.client.create_logged_model(
            run.info.experiment_id, "model", log.run_id, log.facts.tags(), run.data.params
        )
        info = Model.log(
            artifact_path=None,
            flavor=mlflow.pyfunc,
            name="model",
            run_id=log.run_id,
            model_id=model.model_id,
            python_model=str(Path(__file__).with_name("model_as_code.py")),
            artifacts={"bundle": str(copy)},
            code_paths=[str(Path(archstyle.__file__).parent)],
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
            signature=ModelSignature(Schema([ColSpec(DataType.binary, "photo")]), Schema(answer)),
        )
        return str(info.model_uri), bundle_digest(copy)
