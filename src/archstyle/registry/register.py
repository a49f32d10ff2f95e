"""Makes a version of the registered model from a bundle and moves the aliases, journalled."""

import getpass
import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import archstyle
from archstyle.bundle.bundle import CARD, bundle_digest
from archstyle.bundle.card import Card
from archstyle.common.files import write_json
from archstyle.registry.journal import Change, from_tags, now, to_tag
from archstyle.registry.versions import (
    CHALLENGER,
    CHAMPION,
    Version,
    all_versions,
    registered_model,
    version_named,
)
from archstyle.tracking.description import accuracy_text, describe_model
from archstyle.tracking.runlog import RunLog, read_json
from archstyle.tracking.store import MODEL_NAME

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


def register_bundle(log: RunLog, bundle: Path, test: Mapping[str, Any]) -> Version:
    """Log the bundle as a model of the run and register it; return its version.

    `test` is reports/metrics.json, whose headline goes into the registered copy's card. The same
    bundle with the same metrics in the same run is registered once, however often it is asked for.
    """
    from archstyle.tracking.connection import mlflow_errors

    headline = {key: test[key] for key in HEADLINE if key in test}
    fingerprint = _fingerprint(bundle, headline, log.run_id)
    for known in all_versions():
        if known.tags.get(FINGERPRINT) == fingerprint:
            return known
    tags = {
        **log.facts.tags(),
        "accuracy": f"{headline.get('accuracy', 0):.4f}",
        "accuracy.interval": accuracy_text(headline),
        FINGERPRINT: fingerprint,
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


def set_alias(
    alias: str, to: str | None, action: str, reasons: Sequence[str], client: "MlflowClient"
) -> Change | None:
    """Move an alias to a version, or take it away; return what is journalled, None if nothing.

    The journal is written first: a change that it has and the registry has not is seen and
    harmless, the other way round it would be lost.
    """
    from archstyle.tracking.connection import mlflow_errors

    tags, aliases = registered_model(client)
    before = aliases.get(alias)
    before = None if before is None else str(before)
    if before == to:
        return None
    change = Change(now(), action, alias, to, before, _user(), tuple(reasons))
    with mlflow_errors("move the alias"):
        client.set_registered_model_tag(MODEL_NAME, *to_tag(change))
        if to is None:
            client.delete_registered_model_alias(MODEL_NAME, alias)
        else:
            client.set_registered_model_alias(MODEL_NAME, alias, to)
        history = [*from_tags(tags), change]
        client.update_registered_model(MODEL_NAME, describe_model(history))
    return change


def make_champion(
    found: Version, action: str, reasons: Sequence[str], client: "MlflowClient"
) -> Change | None:
    """Make a version champion; it is no challenger any more."""
    change = set_alias(CHAMPION, found.version, action, reasons, client)
    if CHALLENGER in found.aliases:
        set_alias(CHALLENGER, None, action, ["It became champion."], client)
    return change


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


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
