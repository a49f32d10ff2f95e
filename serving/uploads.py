"""From a request to photos, and from photos to answers."""

import io
import threading
from collections import Counter
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np
from flask import Request, current_app, request

from archstyle.bundle import Answer
from archstyle.photos.reader import PhotoError, read_photo
from serving.errors import NO_MODEL, Refusal
from serving.models import Model, Models
from serving.settings import Settings

STATUS = {"not-a-photo": 415, "format": 415}  # whatever else is wrong with a photo is a 422
MEGAPIXEL = 1_000_000
NO_PHOTO = (
    "There is no photo in this request: choose one, or send it as the form field `photo`, as "
    "`curl -F photo=@house.jpg` does."
)

# One at a time in a worker: decoding 64 megapixels with transparency takes a gigabyte.
decoding = threading.Lock()


class UploadRequest(Request):
    """Keeps uploads in memory: no photo is ever written to a disk."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return io.BytesIO()


@dataclass(frozen=True)
class Upload:
    """One photo as it was sent; `file` is what the client calls it, for showing only."""

    file: str
    content: bytes


@dataclass(frozen=True)
class Result:
    """The answer to an upload, or the refusal with its one sentence."""

    upload: Upload
    answer: Answer | None
    refusal: Refusal | None = None


def settings() -> Settings:
    """Return the app's settings."""
    found: Settings = current_app.extensions["settings"]
    return found


def latest_model() -> Model | None:
    """Return the model to answer with now; keep it for the whole request."""
    models: Models = current_app.extensions["models"]
    return models.latest


def model_or_refusal() -> Model:
    """Return the model; raises Refusal where there is none."""
    model = latest_model()
    if model is None:
        raise Refusal(503, "no-model", NO_MODEL)
    return model


def photos_sent() -> list[Upload]:
    """Return the photos of this request; raises Refusal where there are none or too many."""
    sent = [
        Upload((file.filename or "photo").replace("\\", "/").rsplit("/", 1)[-1], file.read())
        for file in request.files.getlist("photo")
        # A browser sends a nameless empty part for a field in which nothing was chosen.
        if file.filename or file.content_length
    ]
    if not sent:
        raise Refusal(400, "no-photo", NO_PHOTO)
    if len(sent) > settings().max_files:
        raise Refusal(
            413,
            "too-many-files",
            f"{len(sent)} photos are too many for one request: send up to {settings().max_files}.",
        )
    return sent


def answer(upload: Upload, model: Model) -> Result:
    """Answer one photo, or say in one sentence why not."""
    card = model.bundle.card
    most = min(card.preprocessing.max_pixels, settings().max_megapixels * MEGAPIXEL)
    try:
        with decoding:
            image = read_photo(upload.content, replace(card.preprocessing, max_pixels=most))
    except PhotoError as error:
        return Result(upload, None, Refusal(STATUS.get(error.code, 422), error.code, str(error)))
    outputs = model.bundle.run(image[np.newaxis])
    return Result(upload, model.bundle.answers(outputs)[0])


def status_of(results: list[Result]) -> int:
    """Return 200 when any photo was answered, else the refusals' most frequent status."""
    refused = [result.refusal.status for result in results if result.refusal]
    if len(refused) < len(results):
        return 200
    return Counter(refused).most_common(1)[0][0]


def model_facts(model: Model) -> dict[str, Any]:
    """Return what an answer says of the model that gave it."""
    return {
        "name": model.bundle.card.name,
        "version": model.version,
        "run_id": model.run_id,
        "digest": model.bundle.digest,
        "drawn": model.bundle.card.drawn,
    }
