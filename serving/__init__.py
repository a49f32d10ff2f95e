"""The Flask app that answers uploads with the registered model."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from serving.models import Models
    from serving.settings import Settings


def create_app(settings: "Settings | None" = None, models: "Models | None" = None) -> "Flask":
    """Build the app; every worker builds its own, and with it loads its own model.

    Raises ArchstyleError for a setting that makes no sense.
    """
    # Here, because the parent of the workers and the follower need neither Flask nor LiteRT.
    from flask import Flask

    from serving import api, errors, headers, health, page, uploads
    from serving.models import Models
    from serving.settings import Settings

    settings = settings or Settings.from_environment()
    app = Flask(__name__)
    app.request_class = uploads.UploadRequest
    app.json.sort_keys = False  # type: ignore[attr-defined]  # best style first
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_megabytes * 1_000_000,
        # Besides the photos there is nothing to send.
        MAX_FORM_PARTS=settings.max_files + 16,
        MAX_FORM_MEMORY_SIZE=100_000,
    )
    app.extensions["settings"] = settings
    app.extensions["models"] = models or Models.watching(settings)
    app.register_blueprint(page.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(health.blueprint)
    errors.register(app)
    headers.register(app)
    return app
