import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from serving.languages import COOKIE
from serving.settings import LANGUAGES
from tests.odd_files import BAD, bad
from tests.serving_project import ROOT, app_of, model_of, photo, send

TRANSLATED = [language for language in LANGUAGES if language != "en"]
HTML = {"Accept": "text/html"}


def catalogue(language: str) -> Path:
    return ROOT / "serving" / "translations" / language / "LC_MESSAGES" / "messages.po"


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What visitors read, as `make catalogues` finds it."""
    made = re.search(r"pybabel --quiet (extract .*?)--output-file \S+ (.*)", makefile(), re.M)
    assert made
    target = tmp_path_factory.mktemp("catalogue") / "messages.pot"
    mapping = f"--mapping-file {ROOT / 'pyproject.toml'}"
    options = made[1].replace("--mapping-file pyproject.toml", mapping).split()
    folders = [str(ROOT / folder) for folder in made[2].split()]
    command = ["pybabel", "-q", *options, "--output-file", str(target), *folders]
    CommandLineInterface().run(command)
    return read_po(io.BytesIO(target.read_bytes()))


def makefile() -> str:
    return (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated(sentences: Catalog, language: str) -> None:
    translated = read_po(io.BytesIO(catalogue(language).read_bytes()), language)
    assert len(sentences) > 80
    missing, stale = [], [m.id for m in translated if m.id and m.id not in sentences]
    for sentence in sentences:
        if not sentence.id:
            continue
        found = translated.get(sentence.id)
        strings = (
            found.string if found and isinstance(found.string, tuple) else [found and found.string]
        )
        if not found or not all(strings) or found.fuzzy or list(found.check(translated)):
            missing.append(sentence.id)
    assert not missing, "untranslated or fuzzy; `make catalogues` brings them into messages.po"
    assert not stale, "no longer in the code; `make catalogues` removes them"


FOLDERS = (ROOT / "serving/templates", ROOT / "src/archstyle/registry/templates")
TEMPLATES = [t for folder in FOLDERS for t in folder.glob("*.html") if t.name != "api.html"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_words_stand_in_a_template_unmarked(template: Path) -> None:
    marked = r"\{%-? *trans .*?endtrans *-?%\}|\{%.*?%\}|\{\{.*?\}\}|<code>.*?</code>"
    left = re.sub(marked, "", template.read_text("utf-8"), flags=re.DOTALL)
    words = re.findall(r'(?:alt|title|aria-label|placeholder)="[^"]*[a-z]', left)
    words += re.findall(r"[A-Za-z]{2,}", re.sub(r"<[^>]*>|&\w+;|api/v1/(?:model|docs)", "", left))
    assert set(words) <= {"Archstyle"}


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_served_is_what_is_written(language: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(catalogue(language).read_bytes()), language))
    assert compiled.getvalue() == catalogue(language).with_suffix(".mo").read_bytes(), (
        "`make catalogues` compiles it"
    )


@pytest.fixture
def client(tiny_bundle: Path) -> FlaskClient:
    model = model_of(tiny_bundle, threshold=0.0, distance_threshold=1e9, drawn=False)
    return app_of(model).test_client()


@pytest.mark.parametrize(
    ("accepted", "default", "language"),
    [
        ("es-MX,es;q=0.9,en;q=0.5", "en", "es"),
        ("en-GB", "es", "en"),
        ("de, es;q=0.2", "en", "es"),
        ("de", "en", "en"),
        ("de", "es", "es"),
        ("*", "es", "es"),
        ("", "es", "es"),
        ("\x00;;q=x,", "en", "en"),
    ],
)
def test_page_speaks_the_browsers_language(accepted: str, default: str, language: str) -> None:
    client = app_of(None, language=default).test_client()
    page = client.get("/", headers={"Accept-Language": accepted}).text
    assert f'<html lang="{language}">' in page
    assert {"en": "What style is", "es": "¿De qué estilo es"}[language] in page


def test_switch_is_a_link_and_is_remembered(client: FlaskClient) -> None:
    page = client.get("/styles").text
    assert 'href="./styles?lang=es"' in page
    assert client.get_cookie(COOKIE) is None  # as long as nobody has chosen
    client.get("/styles?lang=es")
    assert '<html lang="es">' in client.get("/", headers={"Accept-Language": "en"}).text
    client.get("/?lang=en")
    assert '<html lang="en">' in client.get("/").text
    client.get("/?lang=xx")
    assert '<html lang="en">' in client.get("/").text


def test_links_keep_the_language_where_cookies_are_refused(tiny_bundle: Path) -> None:
    client = app_of(model_of(tiny_bundle)).test_client(use_cookies=False)
    page = client.get("/?lang=es").text
    links = [
        link for link in re.findall(r'(?:href|action)="(\./[^"]*)"', page) if "static" not in link
    ]
    assert len(links) > 5
    assert all("lang=es" in link for link in links if "lang=en" not in link)


def test_whole_answer_is_in_spanish(client: FlaskClient) -> None:
    client.get("/?lang=es")
    page = send(client, "/", (photo("gothic"), "casa.jpg"), accept="text/html").text
    assert "<h2>Gótico</h2>" in page
    assert "Arcos apuntados" in page
    assert "un dibujo" in client.get("/sample/gothic-15").text
    shown = re.sub(r"<[^>]*>", " ", page)
    for english in (
        "sure",
        "Where it",
        "more style",
        "The style",
        "photos",
        "The model",
        "version",
    ):
        assert english not in shown, english


@pytest.mark.parametrize("path", ["/nothing", "/styles/none", "/sample/none"])
def test_missing_page_is_said_in_spanish(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers={**HTML, "Accept-Language": "es"})
    assert page.status_code == 404
    assert "Aquí no hay" in page.text and "There is" not in page.text


@pytest.mark.parametrize("kind", BAD)
def test_odd_file_is_refused_in_spanish_on_the_page_and_in_english_by_the_api(
    client: FlaskClient, kind: str
) -> None:
    content = bad(kind)
    api = send(client, "/api/v1/predict?lang=es", (content, "a.jpg")).get_json()
    page = send(client, "/?part=answer&lang=es", (content, "a.jpg"), accept="text/html").text
    assert not re.search(r"\b(the|photo|file|cannot)\b", re.sub("<.*?>", "", page), re.I)
    assert re.search(BAD[kind][1], api["error"])
    assert not re.search(r"%\(\w+\)", page + str(api))
