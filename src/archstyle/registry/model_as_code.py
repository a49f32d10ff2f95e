"""The bundle as an MLflow model, for `mlflow models serve`; MLflow runs this file, no pickle.

The column `photo` holds a file's bytes, base64 in JSON. Every row is answered with the keys of
`archstyle predict`; a photo that cannot be read has an `error` and no answer.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from archstyle.bundle import Bundle
from archstyle.photos.reader import PhotoError

COLUMNS = ["style", "probability", "answered", "probabilities", "reason", "styles", "error"]


class ArchstyleModel(PythonModel):
    """Answers photos with the bundle among the model's artifacts."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle, which runs its golden photos."""
        self._bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Answer every row's `photo`."""
        answers = [dict.fromkeys(COLUMNS) | self._answer(photo) for photo in model_input["photo"]]
        # As objects, so that what is missing is None and null in JSON, no NaN.
        return pd.DataFrame(answers, columns=COLUMNS, dtype=object)

    def _answer(self, photo: bytes) -> dict[str, Any]:
        try:
            return {**self._bundle.predict(photo).as_dict(""), "error": None}
        except PhotoError as error:
            return {"error": str(error)}


set_model(ArchstyleModel())
