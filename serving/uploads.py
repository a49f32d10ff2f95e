"""From a request to photos, and from photos to answers."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, NamedTuple, cast

from flask import current_app, g, request
from flask_babel import gettext
from PIL.Image import Image
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from archstyle.bundle import Answer
from archstyle.photos.reader import PhotoError, is_photo, open_for, to_array
from archstyle.registry.cache import RELEASED
from serving import metrics
from serving.languages import marked
from serving.models import Model, Models
from serving.settings import Settings

STATUS = {"not-a-photo": 415, "format": 415}  # whatever else is wrong with a photo is a 422
MEGAPIXEL = 1_000_000
NO_MODEL = marked(
    "There is no model to answer with yet: make one with `make run`, or restore the "
    "released one with `git checkout models/released`; it is taken up within seconds."
)
NO_PHOTO = marked(
    "There is no photo in this request: choose one, or send it as the form field `photo`, as "
    "`curl -F photo=@house.jpg` does."
)
BUSY = marked("Too many photos are on their way here: send yours again in a moment.")
TOO_MANY = marked("%(sent)d photos are too many for one request: send up to %(most)d.")
# That one worker receives at a time, and that may wait there to be answered, which takes a second;
# its other threads answer what carries no photo.
UPLOADS = 64

receiving, answering = threading.BoundedSemaphore(UPLOADS), threading.BoundedSemaphore(UPLOADS)
# One at a time in a worker: decoding 64 megapixels with transparency takes a gigabyte.
decoding = threading.Lock()


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818  (an answer, not a failure of ours)
    """A request that gets no answer: HTTP status, a code for programs, a sentence for people.

    `%(name)s` in the sentence stands for one of the `values`.
    """

    status: int
    code: str
    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, str]:
        """Return what JSON says of it, in English."""
        sentence = self.sentence % self.values if self.values else self.sentence
        return {"error": sentence, "code": self.code}

    @property
    def shown(self) -> str:
        """The sentence in the language of the request."""
        return str(gettext(self.sentence, **self.values))


class Upload(NamedTuple):
    """One photo as it was sent; `file` is what the client calls it, for showing only."""

    file: str
    content: bytes


class Result(NamedTuple):
    """What became of a photo, and what was made of it to be shown, where that was asked for."""

    upload: Upload
    given: Answer | Refusal
    shown: Mapping[str, Any] | None = None


Show = Callable[[Image], Mapping[str, Any]]


def settings() -> Settings:
    """Return the app's settings."""
    return cast(Settings, current_app.extensions["settings"])


def latest_model() -> Model | None:
    """Return the model to answer with now; keep it for the whole request."""
    return cast(Models, current_app.extensions["models"]).latest


def model_or_refusal() -> Model:
    """Return the model; raises Refusal where there is none."""
    model = latest_model()
    if model is None:
        raise Refusal(503, "no-model", NO_MODEL)
    return model


@contextmanager
def place_in(queue: threading.Semaphore) -> Iterator[None]:
    """Hold a place in a queue; raises Refusal at once where it is full."""
    if not queue.acquire(blocking=False):
        raise Refusal(503, "busy", BUSY)
    try:
        yield
    finally:
        queue.release()


def form_sent() -> tuple[list[Upload], dict[str, str]]:
    """Return this request's photos, which are in memory and not on a disk, and its other fields.

    Raises Refusal where there are none, too many, or too many requests at a time.
    """
    took = metrics.PHASES["receive"].time()
    with place_in(receiving), metrics.RECEIVING.track_inprogress(), took:
        sent, fields = _form()
    if not sent:
        raise Refusal(400, "no-photo", NO_PHOTO)
    if len(sent) > (most := settings().max_files):
        raise Refusal(413, "too-many-files", TOO_MANY, {"sent": len(sent), "most": most})
    return sent, fields


def _form() -> tuple[list[Upload], dict[str, str]]:
    """Read the files of the field `photo`, and what else there is, until the body ends or breaks.

    A part without a file name or without a name that can be read counts where it holds a photo.
    """
    boundary = request.mimetype_params.get("boundary", "").encode("latin-1", "replace")
    if request.mimetype != "multipart/form-data" or not boundary:
        return [], {}
    body = request.get_data(cache=False)
    request.stream.read(1)  # refuses a body of no stated length that is longer than it may be
    if len(body) < (request.content_length or 0):
        raise ClientDisconnected()
    # Besides the photos there is little to send.
    decoder = _Decoder(boundary, max_parts=settings().max_files + 16)
    decoder.receive_data(body)
    decoder.receive_data(None)
    parts: list[tuple[str | None, str, bytes]] = []  # name, file name, content
    with suppress(ValueError):
        while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
            if isinstance(event, File | Field):
                parts.append((event.name, getattr(event, "filename", ""), b""))
            elif isinstance(event, Data):
                parts[-1] = (*parts[-1][:2], parts[-1][2] + event.data)
    photos = [
        Upload((file or "photo").replace("\\", "/").rsplit("/", 1)[-1], content)
        for name, file, content in parts
        # A browser sends a nameless empty part for a field in which nothing was chosen.
        if (name == "photo" and file) or (name in ("photo", "", None) and is_photo(content))
    ]
    words = [(name or "", content) for name, file, content in parts if not file]
    return photos, {name: content.decode("utf-8", "replace") for name, content in words}


class _Decoder(MultipartDecoder):
    """Takes whatever a client writes into a part's header."""

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")  # Latin-1, as Windows has it
        headers = super()._parse_headers(text.encode("utf-8"))
        headers.setdefault("Content-Disposition", "form-data")
        return headers


def answers(uploads: Iterable[Upload], model: Model, show: Show | None = None) -> list[Result]:
    """Answer each photo, or say in one sentence why not; `show` gets it upright, to keep.

    Raises Refusal where too many requests wait for this.
    """
    with place_in(answering):
        results = [_answer(upload, model, show) for upload in uploads]
    for _, given, _ in results:
        if reason := given.code if isinstance(given, Refusal) else given.reason:
            metrics.UNANSWERED.labels(reason).inc()
        elif isinstance(given, Answer):
            metrics.ANSWERS.labels(given.style).inc()
    g.answered_at = perf_counter()  # what follows is counted as rendering
    return results


def _answer(upload: Upload, model: Model, show: Show | None) -> Result:
    card = model.bundle.card
    most = min(card.preprocessing.max_pixels, settings().max_megapixels * MEGAPIXEL)
    with current_app.extensions["turns"]:
        try:
            with decoding, metrics.PHASES["read"].time():
                image = open_for(upload.content, replace(card.preprocessing, max_pixels=most))
                pixels = to_array(image, card.preprocessing.image_size)
                shown = show(image) if show else None
        except PhotoError as error:
            status = STATUS.get(error.code, 422)
            return Result(upload, Refusal(status, error.code, error.sentence, error.values))
        with metrics.PHASES["infer"].time():
            answer = model.bundle.answer(pixels)
    return Result(upload, answer, shown)


def status_of(results: list[Result]) -> int:
    """Return 200 when any photo was answered, else the refusals' most frequent status."""
    refused = [given.status for _, given, _ in results if isinstance(given, Refusal)]
    return 200 if len(refused) < len(results) else Counter(refused).most_common(1)[0][0]


def model_facts(model: Model) -> dict[str, Any]:
    """Return what an answer says of the model that gave it."""
    return {
        "name": model.bundle.card.name,
        "version": model.version,
        "run_id": model.run_id,
        "digest": model.bundle.digest,
        "drawn": model.bundle.card.drawn,
        "released": model.version == RELEASED,
    }
