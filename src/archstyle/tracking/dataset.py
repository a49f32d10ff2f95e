"""The dataset input of a run: our digest and counts, without a look at the photos."""

import json
from typing import TYPE_CHECKING

from archstyle.tracking.facts import Facts

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

DIGEST_CHARACTERS = 36  # MLflow's limit


def dataset_input(facts: Facts) -> "DatasetInput":
    """Return the metadata of the prepared data; MLflow's own datasets read every photo."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    photos = {split: facts.photos(split) for split in ("train", "validation", "test")}
    profile = {"photos": facts.photos(), **photos, "styles": len(facts.counts)}
    dataset = Dataset(
        name=facts.data_name,
        digest=facts.data_digest[:DIGEST_CHARACTERS],
        source_type=str(facts.source.get("kind", "local")),
        source=json.dumps(facts.source),
        profile=json.dumps({**profile, "counts": facts.counts}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
