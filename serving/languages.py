"""The language of a page: the one in its address, the remembered one, the browser's, the default.

What visitors read is English in the code and the templates; `translations/` has it in the other
languages. What programs read (JSON) stays English.
"""

from flask import Flask, Response, request
from flask_babel import Babel

from serving.settings import LANGUAGES, Settings

COOKIE, YEAR = "archstyle_language", 31_536_000


def marked(sentence: str) -> str:
    """Mark a sentence as one to translate where it is shown, and return it."""
    return sentence


def speak(app: Flask) -> None:
    """Have the app answer in the language of each request."""
    settings: Settings = app.extensions["settings"]

    def language() -> str:
        known = sorted(LANGUAGES, key=settings.language.__ne__)  # the default is first
        for asked in (address_language(), request.cookies.get(COOKIE)):
            if asked in LANGUAGES:
                return asked
        return request.accept_languages.best_match(known) or settings.language

    Babel(app, locale_selector=language)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.context_processor(lambda: {"language": language(), "languages": LANGUAGES})
    app.after_request(remember)


def address_language() -> str | None:
    """Return the known language that `?lang=` asks for, if it does."""
    asked = request.args.get("lang")
    return asked if asked in LANGUAGES else None


def remember(response: Response) -> Response:
    """Keep the language of the address in a cookie that says nothing else."""
    if asked := address_language():
        response.set_cookie(COOKIE, asked, YEAR, httponly=True, samesite="Lax")
    return response
