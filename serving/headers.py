"""Headers that keep the page to itself and let browsers keep only what may be kept."""

from flask import Flask, Response, request

# No inline script or style; images may be the photo itself (data: from here, blob: in the browser).
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
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


def register(app: Flask) -> None:
    """Put the headers on every response."""

    def finish(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint == "static" and response.status_code == 200:
            response.headers["Cache-Control"] = f"public, max-age={DAY}"
        else:
            # Answers show somebody's photo: nobody keeps them.
            response.headers["Cache-Control"] = "no-store"
        return response

    app.after_request(finish)
