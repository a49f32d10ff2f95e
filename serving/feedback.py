"""What visitors correct: kept where the operator has switched it on and the visitor agrees."""

import secrets
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from archstyle.feedback import Store, StoreError, hash_of
from archstyle.photos.heatmap import encode
from archstyle.photos.names import printable
from archstyle.photos.reader import open_photo
from serving import uploads
from serving.languages import marked
from serving.page import facts, relative, wants_part
from serving.settings import Settings

COOKIE = "archstyle_feedback"
SALT = secrets.token_bytes(32)  # made before the workers are, and never written
LONGEST_SIDE, QUALITY = 2048, 95  # of what is kept
LONGEST_NAME = 80  # of a style
UNCHANGED = {
    429: marked("You have sent many corrections: send more in an hour."),
    503: marked("What is kept here cannot be reached, so nothing was changed: try again later."),
    507: marked("There is no room for more here, so nothing was changed."),
}
OTHER_SITE = marked("The form came from another site, or without its cookie: open the page anew.")
NO_CONSENT = marked("Nothing was kept, as you did not agree: tick the box if you do.")
GONE = marked("Nothing is kept under this link: it was deleted already, or never was.")

blueprint = Blueprint("feedback", __name__, url_prefix="/feedback")


def store_of(settings: Settings) -> Store:
    """Return the folder that the operator names."""
    most = settings.feedback_photos, settings.feedback_megabytes * 1_000_000
    return Store(Path(settings.feedback), *most, settings.feedback_per_hour)


@blueprint.route("", methods=["GET", "POST"])
def send() -> BaseResponse:
    """Keep a photo with its answer, made anew, and the correction; say where it can be deleted."""
    if request.method == "GET":
        return redirect(relative("page.index"))
    refuse_other_sites()
    model = uploads.model_or_refusal()
    photos, fields = uploads.form_sent()
    token, cookie = fields.get("token", ""), request.cookies.get(COOKIE, "")
    if not cookie or not secrets.compare_digest(token.encode(), cookie.encode()):
        raise uploads.Refusal(403, "other-site", OTHER_SITE)
    if not fields.get("consent"):
        raise uploads.Refusal(400, "no-consent", NO_CONSENT)
    _, given, _ = uploads.answers(photos[:1], model)[0]
    if isinstance(given, uploads.Refusal):
        raise given
    with uploads.decoding:
        most = uploads.settings().max_megapixels * uploads.MEGAPIXEL
        image = open_photo(photos[0].content, most, at_least=LONGEST_SIDE)
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        image.info = {}
        photo = encode(image, "JPEG", QUALITY)
    correction = fields.get("style") or fields.get("other", "")
    correction = printable(" ".join(correction.split()))[:LONGEST_NAME]
    answer = replace(given, map=None).as_dict("")
    key = store_of(uploads.settings()).keep(photo, answer, model.version, correction, sender())
    part = {"part": "answer"} if wants_part() else {}
    return redirect(relative("feedback.kept", key=key, **part), 303)


@blueprint.route("/<key>", methods=["GET", "POST"])
def kept(key: str) -> str:
    """Show what deletes the photo that the visitor has the key of; POST deletes it."""
    store = store_of(uploads.settings())
    rows = store.run("SELECT id FROM photos WHERE token = ?", hash_of(key))
    if not rows:
        raise uploads.Refusal(404, "gone", GONE)
    if request.method == "POST":
        refuse_other_sites()
        store.delete(rows[0]["id"])
    template = "_kept.html" if wants_part() else "kept.html"
    return render_template(template, key=key, **facts(uploads.latest_model()))


def refusal_of(error: StoreError) -> uploads.Refusal:
    """Note in the log what is wrong with the folder, and return what the visitor is told."""
    current_app.logger.warning("feedback: %s", error)
    return uploads.Refusal(error.status, "not-kept", UNCHANGED[error.status])


def refuse_other_sites() -> None:
    """Raise Refusal for a form that another site sends."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin", f"://{request.host}")
    if site not in ("same-origin", "none") or origin.partition("://")[2] != request.host:
        raise uploads.Refusal(403, "other-site", OTHER_SITE)


def sender() -> bytes:
    """Return a hash of the client's address that says nothing once the server has ended."""
    address = (request.remote_addr or "").rpartition("::ffff:")[2]
    with suppress(ValueError):  # of IPv6 the network: whoever has one address has 2**64
        address = ip_address(address).exploded[:19]
    return blake2b(address.encode(), key=SALT).digest()


@blueprint.app_context_processor
def form() -> dict[str, Any]:
    """Have the page show the form, with the token of the cookie that no other site can read."""
    return {"token": g.setdefault("token", request.cookies.get(COOKIE) or secrets.token_urlsafe())}


@blueprint.after_app_request
def keep_token(response: Response) -> Response:
    """Set the cookie of whoever was shown the form."""
    if "token" in g and not request.cookies.get(COOKIE):
        secure = request.is_secure
        response.set_cookie(COOKIE, g.token, secure=secure, httponly=True, samesite="Lax")
    return response
