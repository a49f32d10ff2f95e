"""Makes a version of the registered model from a bundle."""

import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import archstyle
from archstyle.bundle.bundle import CARD, bundle_digest
from archstyle.bundle.card import Card
from archstyle.common.files import read_json, write_json
from archstyle.registry.journal import describe_model
from archstyle.registry.versions import Version, all_versions, version_named
from archstyle.tracking.description import DRAWN, accuracy_text, listed, reasons_of
from archstyle.tracking.facts import Facts
from archstyle.tracking.runlog import RunLog
from archstyle.tracking.store import MODEL_NAME, mlflow_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

HEADLINE = (
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "macro_f1",
    "corrected_accuracy",
    "test_photos",
)
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
    fingerprint = _fingerprint(bundle, headline, log.run_id)
    versions = all_versions()
    for known in versions:
        if known.tags.get(FINGERPRINT) == fingerprint:
            return known
    looks = 1 + sum(known.tags.get(TEST_DIGEST) == test_digest for known in versions)
    headline["looks"] = looks
    tags = {
        **log.facts.tags(),
        "accuracy": f"{headline.get('accuracy', 0):.4f}",
        "accuracy.interval": accuracy_text(headline),
        FINGERPRINT: fingerprint,
        TEST_DIGEST: test_digest,
        LOOKS: str(looks),
    }
    with mlflow_errors("register the model"):
        model_id, uri = _log_model(log, bundle, headline)
        _make_registered_model(log.client)
        made = log.client.create_model_version(
            MODEL_NAME, uri, run_id=log.run_id, tags=tags, model_id=model_id
        )
        # What mlflow.register_model does, so that the model's page links to its version.
        link = json.dumps([{"name": MODEL_NAME, "version": made.version}])
        log.client.set_logged_model_tags(model_id, {"mlflow.modelVersions": link})
    return version_named(str(made.version))


def describe(
    log: RunLog, version: Version, test: Mapping[str, Any], registered: Mapping[str, Any]
) -> None:
    """Write what became of a version into it and into its run."""
    with mlflow_errors("describe the version"):
        log.client.update_model_version(
            MODEL_NAME,
            version.version,
            describe_version(log.facts, test, registered, log.run_id),
        )
        log.client.set_model_version_tag(
            MODEL_NAME, version.version, "decision", registered["decision"]
        )
    log.describe(test, registered)
    log.note(
        {
            "registered.version": version.version,
            "registered.alias": registered["alias"],
            "registered.decision": registered["decision"],
        }
    )


def describe_version(
    facts: Facts, test: Mapping[str, Any], registered: Mapping[str, Any], run_id: str
) -> str:
    """Describe a version of the registered model."""
    lines = [DRAWN, ""] if facts.drawn else []
    lines += [
        f"`{facts.model}` for {listed(sorted(facts.counts))}, "
        f"accuracy **{accuracy_text(test)}** on test photos.",
        "",
        *reasons_of(registered),
        f"`archstyle lineage {registered['version']}` shows its whole origin (run `{run_id}`).",
    ]
    return "\n".join(lines)


def _log_model(log: RunLog, bundle: Path, headline: dict[str, Any]) -> tuple[str, str]:
    """Log the bundle with its test metrics in its card as a pyfunc; return model id and URI."""
    with tempfile.TemporaryDirectory(prefix="archstyle-") as temporary, warnings.catch_warnings():
        # MLflow warns of its own type hints, and that there is no example input beside the types.
        warnings.simplefilter("ignore", UserWarning)
        # It also warns where the environment has no pip, as those that uv makes.
        logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
        import mlflow.pyfunc
        from mlflow.models import Model

        copy = Path(temporary) / "bundle"
        shutil.copytree(bundle, copy)
        card = Card.from_dict(read_json(copy / CARD))
        card = replace(
            card,
            metrics={**card.metrics, "test": headline},
            lineage={**card.lineage, **log.facts.git, "run_id": log.run_id},
        )
        write_json(copy / CARD, card.as_dict())
        # What mlflow.pyfunc.log_model does, but for a run that is not the process's active one,
        # whose status log_model would set.
        info = Model.log(
            artifact_path=None,
            flavor=mlflow.pyfunc,
            name="model",
            run_id=log.run_id,
            model_id=log.new_model().model_id,
            python_model=str(Path(__file__).with_name("model_as_code.py")),
            artifacts={"bundle": str(copy)},
            code_paths=[str(Path(archstyle.__file__).parent)],
            pip_requirements=_requirements(),
            signature=_signature(),
        )
    return str(info.model_id), str(info.model_uri)


def _signature() -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec
    from mlflow.types.schema import Map

    answer: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "style", required=False),
        ColSpec(DataType.double, "probability", required=False),
        ColSpec(DataType.boolean, "answered", required=False),
        ColSpec(Map(DataType.double), "probabilities", required=False),
        ColSpec(DataType.string, "reason", required=False),
        ColSpec(DataType.string, "error", required=False),
    ]
    return ModelSignature(Schema([ColSpec(DataType.binary, "photo")]), Schema(answer))


def _make_registered_model(client: "MlflowClient") -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(MODEL_NAME, description=describe_model([]))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _fingerprint(bundle: Path, headline: Mapping[str, Any], run_id: str) -> str:
    parts = [bundle_digest(bundle), run_id, *(f"{k}={v}" for k, v in sorted(headline.items()))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _requirements() -> list[str]:
    pinned = []
    for name in REQUIREMENTS:
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            pinned.append(name)
    return pinned
