"""The Flask app that answers uploads with the registered model."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask, Response

    from serving.models import Models
    from serving.settings import Settings

# No inline script or style; images may be the photo itself (data: from here, blob: in the browser).
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(self)",
}
DAY = 86_400


def create_app(settings: "Settings | None" = None, models: "Models | None" = None) -> "Flask":
    """Build the app; every worker builds its own, and with it loads its own model.

    Raises ArchstyleError for a setting that makes no sense.
    """
    # Here, because the parent of the workers and the follower need neither Flask nor LiteRT.
    from flask import Flask

    from serving import api, errors, page
    from serving.models import Models
    from serving.settings import Settings

    settings = settings or Settings.from_environment()
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # best style first
    app.config["MAX_CONTENT_LENGTH"] = settings.max_megabytes * 1_000_000
    app.extensions["settings"] = settings
    app.extensions["models"] = models or Models.watching(settings)
    for module in (page, api, errors):
        app.register_blueprint(module.blueprint)
    app.after_request(add_headers)
    return app


def add_headers(response: "Response") -> "Response":
    """Keep the page to itself, and let browsers keep only what may be kept."""
    from flask import request

    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint == "static" and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={DAY}"
    else:
        # Answers show somebody's photo: nobody keeps them.
        response.headers["Cache-Control"] = "no-store"
    return response
