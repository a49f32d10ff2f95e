"""The Flask app that answers uploads with the registered model.

Every refusal is one clear sentence in the shape that was asked for: HTML or JSON.
"""

import threading

from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from archstyle.feedback import StoreError
from serving import api, feedback, languages, operators, page
from serving.languages import marked
from serving.models import Models
from serving.page import wants_part
from serving.settings import Settings
from serving.uploads import Refusal

# No inline script or style; images may be the photo itself (data: from here, blob: in the browser).
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(self)",
}
DAY = 86_400
SENTENCES = {
    400: marked("The request could not be understood: send the photo as the form field `photo`."),
    404: marked("There is no such page here."),
    408: marked("The request did not arrive whole in time: send it again."),
    405: marked("This address does not take that kind of request."),
    413: marked("That is more than one request may carry."),
    500: marked(
        "Something went wrong here, not with your photo; it has been noted in the server's log."
    ),
}
OTHERWISE = marked("This request cannot be answered.")


def create_app(settings: Settings | None = None, models: Models | None = None) -> Flask:
    """Build the app; every worker builds its own, and with it loads its own model.

    Raises ArchstyleError for a setting that makes no sense.
    """
    settings = settings or Settings.from_environment()
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # best style first
    app.config["MAX_CONTENT_LENGTH"] = settings.max_megabytes * 1_000_000
    app.extensions["settings"] = settings
    app.extensions["models"] = models or Models.watching(settings)
    # The next photo is read while the model runs; more at once would only share its core.
    app.extensions["turns"] = threading.BoundedSemaphore(settings.model_threads + 1)
    languages.speak(app)
    app.register_blueprint(page.blueprint)
    app.register_blueprint(operators.blueprint)
    if settings.feedback != "off":
        app.register_blueprint(feedback.blueprint)
        app.register_error_handler(StoreError, lambda e: refuse(feedback.refusal_of(e)))
    api.describe(app)  # before the handlers below, which take the place of its own
    app.register_error_handler(Refusal, refuse)
    app.register_error_handler(HTTPException, refuse_http)
    app.register_error_handler(Exception, refuse_unexpected)
    app.after_request(add_headers)
    if near := settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, near, near, near, 0, near)  # type: ignore[method-assign]
    return app


def add_headers(response: Response) -> Response:
    """Keep the page to itself, and let browsers keep only what may be kept."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    kept = request.endpoint == "static" and response.status_code == 200
    # Answers show somebody's photo: nobody keeps them.
    response.headers["Cache-Control"] = f"public, max-age={DAY}" if kept else "no-store"
    return response


def refuse(refusal: Refusal) -> Response:
    """Return the refusal: in JSON under /api/ and where that is preferred, else in HTML."""
    accepted = request.accept_mimetypes
    if accepted["application/json"] > accepted["text/html"] or request.path.startswith("/api/"):
        response = api.problem(refusal)
    else:
        template = "_refusal.html" if wants_part() else "refusal.html"
        response = Response(render_template(template, refusal=refusal), mimetype="text/html")
    response.status_code = refusal.status
    if refusal.status in (429, 503):
        response.headers["Retry-After"] = "5" if refusal.status == 503 else "3600"
    if refusal.status in (408, 413, 503):
        response.headers["Connection"] = "close"  # what is left of the photo is not waited for
    return response


def refuse_http(error: HTTPException) -> BaseResponse:
    """Say in a sentence of ours what Flask and Werkzeug refuse."""
    status = error.code or 500
    if status < 400:  # a redirect
        return error.get_response()
    code = error.name.lower().replace(" ", "-")
    refusal = Refusal(status, code, SENTENCES.get(status, OTHERWISE))
    if isinstance(error, RequestEntityTooLarge):
        refusal = too_large(int(current_app.config["MAX_CONTENT_LENGTH"]))
    if wrong := getattr(error, "data", {}).get("messages"):  # of the schema of an operation
        names = ", ".join(f"`{name}`" for each in wrong.values() for name in each)
        refusal = Refusal(status, "parameter", f"This cannot be used, see the API's page: {names}.")
    if isinstance(error, ClientDisconnected):
        refusal = Refusal(408, "request-timeout", SENTENCES[408])
    response = refuse(refusal)
    if status == 405:
        response.headers.extend((k, v) for k, v in error.get_headers() if k == "Allow")
    return response


def refuse_unexpected(error: Exception) -> Response:
    """Note the error in the log and show none of it."""
    current_app.logger.exception("unexpected: %s", error)
    return refuse(Refusal(500, "internal", SENTENCES[500]))


def too_large(most: int) -> Refusal:
    """Say what was too large; `most` bytes may come."""
    length = request.content_length
    sizes = {"sent": round((length or 0) / 1e6), "most": round(most / 1e6)}
    sentence = marked("The upload has %(sent)d MB; up to %(most)d MB are taken in one request.")
    if length is None:
        sentence = marked("The upload is too big: up to %(most)d MB are taken in one request.")
    elif length <= most:
        sentence = marked("The form holds too many parts: send only photos, as the field `photo`.")
    return Refusal(413, "too-big", sentence, sizes)
