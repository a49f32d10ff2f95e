"""Every refusal is one clear sentence in the shape that was asked for: HTML or JSON."""

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

SENTENCES = {
    400: "The request could not be understood: send the photo as the form field `photo`.",
    404: "There is no such page here.",
    408: "The request did not arrive whole in time: send it again.",
    405: "This address does not take that kind of request.",
    413: "That is more than one request may carry.",
    500: "Something went wrong here, not with your photo; it has been noted in the server's log.",
}
NO_MODEL = (
    "There is no model to answer with yet: make one with `make run`; it is taken up from there "
    "within seconds."
)

blueprint = Blueprint("errors", __name__)


class Refusal(Exception):  # noqa: N818  (an answer, not a failure of ours)
    """A request that gets no answer: HTTP status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, sentence: str):
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence

    def as_dict(self) -> dict[str, str]:
        """Return what JSON says of it."""
        return {"error": self.sentence, "code": self.code}


def wants_json() -> bool:
    """Say whether to answer in JSON: under /api/, or where JSON is preferred to HTML."""
    if request.path.startswith("/api/"):
        return True
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def wants_part() -> bool:
    """Say whether the page's script asks, which wants the answer alone and not the whole page."""
    return request.args.get("part") == "answer"


@blueprint.app_errorhandler(Refusal)
def refuse(refusal: Refusal) -> Response:
    """Return the refusal as a response."""
    if wants_json():
        response = jsonify(refusal.as_dict())
    else:
        template = "_refusal.html" if wants_part() else "refusal.html"
        response = Response(render_template(template, refusal=refusal), mimetype="text/html")
    response.status_code = refusal.status
    if refusal.status == 503:
        response.headers["Retry-After"] = "5"
    if refusal.status in (408, 413, 503):
        response.headers["Connection"] = "close"  # what is left of the photo is not waited for
    return response


@blueprint.app_errorhandler(HTTPException)
def refuse_http(error: HTTPException) -> BaseResponse:
    """Say in a sentence of ours what Flask and Werkzeug refuse."""
    status = error.code or 500
    if status < 400:  # a redirect
        return error.get_response()
    code = error.name.lower().replace(" ", "-")
    sentence = SENTENCES.get(status, error.description or error.name)
    if isinstance(error, RequestEntityTooLarge):
        code, sentence = "too-big", too_large(int(current_app.config["MAX_CONTENT_LENGTH"]))
    if isinstance(error, ClientDisconnected):
        status, code, sentence = 408, "request-timeout", SENTENCES[408]
    response = refuse(Refusal(status, code, sentence))
    if status == 405:
        response.headers.extend((k, v) for k, v in error.get_headers() if k == "Allow")
    return response


@blueprint.app_errorhandler(Exception)
def refuse_unexpected(error: Exception) -> Response:
    """Note the error in the log and show none of it."""
    current_app.logger.exception("unexpected: %s", error)
    return refuse(Refusal(500, "internal", SENTENCES[500]))


def too_large(most: int) -> str:
    """Say what was too large; `most` bytes may come."""
    length = request.content_length
    if length is None:
        return f"The upload is too big: up to {most / 1e6:,.0f} MB are taken in one request."
    if length <= most:
        return "The form holds too many parts: send only photos, as the field `photo`."
    return (
        f"The upload has {length / 1e6:,.0f} MB; up to {most / 1e6:,.0f} MB are taken in one "
        "request."
    )
