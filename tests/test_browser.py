"""The page in Chromium, against a really running server, with and without its script."""

import csv
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from tests.serving_project import (
    altered,
    app_of,
    install_for,
    model_of,
    photo,
    running_server,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, of the package chromium"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    install_for(
        folder, altered(tiny_bundle, folder / "sure", threshold=0.0, distance_threshold=1e9), "1"
    )
    kept = str(folder / "feedback")
    with running_server(
        folder,
        ARCHSTYLE_MAX_MEGABYTES="2",
        ARCHSTYLE_FEEDBACK=kept,
        ARCHSTYLE_FEEDBACK_PER_HOUR="1000",
    ) as server:
        server.get("/readyz")
        yield server.address


@pytest.fixture(params=["told of the prefix", "prefix cut off"])
def prefixed(request: pytest.FixtureRequest, tiny_bundle: Path) -> Iterator[str]:
    """The app at /houses/, of which it is told, as WSGI does, or not, as by a simple proxy."""
    app = app_of(model_of(tiny_bundle, threshold=0.0, distance_threshold=1e9))
    if request.param == "prefix cut off":
        app.wsgi_app = without_script_name(app.wsgi_app)  # type: ignore[method-assign]
    mounted = DispatcherMiddleware(NotFound(), {"/houses": app})
    server = make_server("127.0.0.1", 0, mounted, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/houses/"
    server.shutdown()
    thread.join()
    server.server_close()


def without_script_name(application: Any) -> Any:
    return lambda environ, start: application({**environ, "SCRIPT_NAME": ""}, start)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page with its script; whatever it complains about fails the test."""
    context = browser.new_context(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.goto(address)
    yield page
    context.close()
    # What the server refuses is an error to the console, not to the page.
    assert [c for c in complaints if "the server responded with a status of" not in c] == []


@pytest.fixture(scope="module")
def facade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("facade") / "my house.jpg"
    path.write_bytes(photo("gothic"))
    return path


def answered(page: Any) -> Any:
    page.wait_for_selector(".plate:not(.waiting)")
    page.wait_for_selector(".plate.waiting", state="detached")
    return page.locator(".plate")


def test_uploaded_photo_is_answered(page: Any, facade: Path) -> None:
    page.set_input_files("#photo", facade)
    plate = answered(page)
    assert plate.locator("h2").inner_text() == "Gothic"
    assert plate.locator(".bars li").count() == 4
    assert plate.locator(".best .bar-label").inner_text() == "Gothic"
    assert "my house.jpg" in plate.inner_text()
    assert page.url.rstrip("/").count("/") == 2  # it is the same page


def test_map_follows_the_slider(page: Any, facade: Path) -> None:
    page.set_input_files("#photo", facade)
    answered(page)
    shown = page.locator(".layer")
    assert 0 < float(shown.evaluate("image => getComputedStyle(image).opacity")) < 1
    page.locator(".look input").fill("0")
    assert shown.evaluate("image => getComputedStyle(image).opacity") == "0"
    # Both in one look: the page may be scrolling.
    boxes = page.evaluate(
        """() => [".photo img", ".layer"].map((name) => {
          const box = document.querySelector(name).getBoundingClientRect();
          return [box.x, box.y, box.width, box.height];
        })"""
    )
    assert boxes[0] == pytest.approx(boxes[1], abs=1)
    assert boxes[0][2] > 100


def test_several_photos_and_what_is_none(page: Any, facade: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("no photo")
    big = tmp_path / "big.jpg"
    big.write_bytes(b"x" * 2_500_000)
    page.set_input_files("#photo", [facade, note, big, facade])
    plates = answered(page)
    assert plates.count() == 4
    assert plates.nth(0).locator("h2").inner_text() == "Gothic"
    assert plates.nth(1).locator("h2").inner_text() == "Not a photo"
    assert "note.txt" in plates.nth(1).inner_text()
    assert "up to 2 MB" in plates.nth(2).inner_text()
    assert "big.jpg" in plates.nth(2).inner_text()


@pytest.mark.parametrize("locale", ["en", "es"])
def test_many_photos_have_a_bar_and_a_table_that_is_saved(
    browser: Any, address: str, facade: Path, tmp_path: Path, locale: str
) -> None:
    note = tmp_path / "note, a.txt"
    note.write_text("no photo")
    big = tmp_path / "big.jpg"
    big.write_bytes(b"x" * 2_500_000)
    context = browser.new_context(locale=locale, viewport={"width": 320, "height": 700})
    page = context.new_page()
    page.goto(address)
    held: list[Any] = []
    page.route("**/?part=answer", lambda route: held.append(route))
    page.set_input_files("#photo", [facade, note, facade, big])
    bar, said = page.get_by_role("progressbar"), page.locator(".batch [role=status]")
    of = {"en": "of", "es": "de"}[locale]
    page.wait_for_function("() => document.querySelector('progress').value === 1")
    assert said.inner_text() == f"1 {of} 4"  # the large one is not sent
    assert bar.get_attribute("max") == "4"
    assert not page.locator("[download]").is_visible()
    while said.inner_text() != f"4 {of} 4":
        while held:
            held.pop().continue_()
        page.wait_for_timeout(20)
    assert not bar.is_visible()
    rows = page.locator(".batch tbody tr")
    assert [row.split("\t")[0].strip() for row in rows.all_inner_texts()] == [
        *("my house.jpg", "note, a.txt", "my house.jpg", "big.jpg")
    ]
    assert {"en": "Gothic", "es": "Gótico"}[locale] in rows.nth(2).inner_text()
    with page.expect_download() as saving:
        page.locator("[download]").press("Enter")
    assert saving.value.suggested_filename == "archstyle.csv"
    saved = list(csv.DictReader(Path(saving.value.path()).read_text("utf-8").splitlines()))
    assert [row["style"] for row in saved] == ["gothic", "", "gothic", ""]
    assert saved[1]["file"] == "note, a.txt" and saved[1]["error"]
    rows.nth(2).locator("a").press("Enter")
    assert page.evaluate("document.querySelector(location.hash).matches('.plate')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_photo_is_dropped_or_pasted_anywhere(page: Any, facade: Path, kind: str) -> None:
    page.evaluate(
        """([kind, bytes]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], "it.jpg", { type: "image/jpeg" }));
          document.body.dispatchEvent(kind === "drop"
            ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
            : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        [kind, list(facade.read_bytes())],
    )
    assert answered(page).locator("h2").inner_text() == "Gothic"


def test_drawing_is_answered_with_one_click(page: Any) -> None:
    page.locator("[data-sample]").first.click()
    plate = answered(page)
    assert plate.count() == 1
    assert "a drawing" in plate.inner_text()


def test_server_that_goes_away_is_said(page: Any, facade: Path) -> None:
    page.route("**/?part=answer", lambda route: route.fulfill(status=502, body="Bad gateway"))
    page.set_input_files("#photo", facade)
    assert "could not be reached" in answered(page).inner_text()
    page.unroute("**/?part=answer")


def test_keyboard_reaches_everything_that_can_be_done(page: Any) -> None:
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.href"))
    assert "photo" in reached
    assert any("/sample/" in str(item) for item in reached)


def test_everything_works_under_a_prefix(browser: Any, prefixed: str, facade: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(prefixed)
    page.set_input_files("#photo", facade)
    assert answered(page).locator("h2").inner_text() == "Gothic"
    page.locator("[data-sample]").first.click()
    page.wait_for_selector(".plate:not(.waiting) ~ .plate:not(.waiting)")
    assert page.locator("#api").inner_text() == f"{prefixed}api/v1/predict"
    page.goto(f"{prefixed}sample/gothic-15")
    page.set_input_files("#photo", facade)
    page.wait_for_selector(".plate:not(.waiting) ~ .plate:not(.waiting)")
    page.click(".name")
    assert page.url == prefixed
    addresses = [address for address in asked if address.startswith("http")]
    assert addresses
    assert all(address.startswith(prefixed) for address in addresses), addresses
    context.close()


def test_page_speaks_spanish_to_a_browser_that_does(
    browser: Any, address: str, facade: Path, tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("no photo")
    context = browser.new_context(locale="es-ES", viewport={"width": 1100, "height": 800})
    page = context.new_page()
    page.goto(address)
    page.set_input_files("#photo", [facade, note])
    plates = answered(page)
    assert plates.nth(0).locator("h2").inner_text() == "Gótico"
    assert plates.nth(1).locator("h2").inner_text() == "No es una foto"
    page.locator(".lesson a").click()
    assert page.url == f"{address}/styles/gothic"
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.hreflang") != "en":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/styles/gothic?lang=en")
    assert "Pointed arches" in page.locator(".style").inner_text()
    page.goto(address)
    assert page.locator("html").get_attribute("lang") == "en"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("locale", ["en", "es"])
def test_no_page_shuts_anybody_out_or_is_wider_than_its_window(
    browser: Any, address: str, facade: Path, locale: str, width: int, scheme: str
) -> None:
    """By axe-core, which measures contrast, names, roles and order."""
    context = browser.new_context(
        viewport={"width": width, "height": 700},
        locale=locale,
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    for path in ("/styles", "/styles/gothic", "/model", "/api/v1/docs", "/none", "/"):
        page.goto(address + path)
        if path == "/":
            page.set_input_files("#photo", facade)
            answered(page)
            page.click(".feedback summary")
        shuts_nobody_out(page, width)
    page.check("[name=consent]")
    page.click(".feedback button")
    page.wait_for_selector(".kept")
    shuts_nobody_out(page, width)
    for leads_on in (".kept a", ".kept button"):
        with page.expect_navigation():
            page.click(leads_on)
        shuts_nobody_out(page, width)
    context.close()


def shuts_nobody_out(page: Any, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, (page.url, [(one["id"], one["nodes"][0]["html"]) for one in serious])


def test_correction_is_sent_and_deleted_by_keyboard_on_the_same_page(
    page: Any, facade: Path
) -> None:
    page.set_input_files("#photo", facade)
    plate = answered(page)
    plate.locator("summary", has_text="Not right?").press("Enter")
    file = plate.locator(".feedback [type=file]")
    file.wait_for(state="detached")  # the page has the photo still
    plate.locator("select").select_option("byzantine")
    send = plate.locator(".feedback button")
    send.press("Enter")
    assert plate.locator(".kept").count() == 0  # nobody has agreed
    plate.locator("[name=consent]").press("Space")
    send.press("Enter")
    page.wait_for_selector(".kept")
    assert page.evaluate("document.activeElement.matches('.kept')")
    assert plate.locator("h2").first.inner_text() == "Gothic"  # the answer is still there
    link = plate.locator(".kept a")
    assert link.inner_text() == link.evaluate("link => link.href")
    link.press("Enter")
    page.wait_for_url("**/feedback/*")
    page.locator(".kept button").press("Enter")
    assert page.locator(".kept h2", has_text="It is deleted").count() == 1
    page.go_back()
    page.reload()
    assert "deleted already" in page.locator(".refusal").inner_text()


def test_correction_that_is_refused_says_so_and_can_be_sent_again(page: Any, facade: Path) -> None:
    page.set_input_files("#photo", facade)
    plate = answered(page)
    plate.locator(".feedback summary").click()
    plate.locator("[name=consent]").check()
    page.context.clear_cookies()
    plate.locator(".feedback button").click()
    assert "another site" in plate.locator(".feedback .refusal").inner_text()
    page.route("**/feedback?part=answer", lambda route: route.fulfill(status=502))
    plate.locator(".feedback button").click()
    plate.locator(".feedback .refusal", has_text="could not be reached").wait_for()
    assert plate.locator(".refusal").count() == 1
    page.unroute("**/feedback?part=answer")


def test_correction_works_without_a_script(browser: Any, address: str, facade: Path) -> None:
    context = browser.new_context(java_script_enabled=False, locale="es")
    page = context.new_page()
    page.goto(address)
    page.set_input_files("#photo", facade)
    page.click(".send")
    page.click(".feedback summary")
    page.set_input_files(".feedback [type=file]", facade)
    page.fill("[name=other]", "Rococó")
    page.check("[name=consent]")
    page.click(".feedback button")
    assert re.fullmatch(rf"{address}/feedback/[\w-]+", page.url)
    page.reload()  # sends nothing twice
    assert "Gracias" in page.locator(".kept h2").inner_text()
    page.click(".kept button")
    assert "Se ha borrado" in page.locator(".kept h2").inner_text()
    context.close()


def test_another_site_cannot_send_a_form_here(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    kept = page.evaluate("document.cookie")  # not even the page's own script reads the token
    assert "feedback" not in kept
    page.route(
        "http://evil.example/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<form method="post" enctype="multipart/form-data" action="{address}/feedback">'
            '<input name="consent" value="yes"><button>Win</button></form>',
        ),
    )
    page.goto("http://evil.example/")
    page.click("button")
    assert "another site" in page.locator(".refusal").inner_text()
    context.close()


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_is_wider_than_a_phone(
    browser: Any, address: str, facade: Path, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 700}, is_mobile=True)
    page = context.new_page()
    page.goto(address)
    page.set_input_files("#photo", facade)
    answered(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("label[for=camera]").is_visible()
    context.close()


@pytest.mark.parametrize("script", [True, False])
def test_api_is_tried_on_its_page(browser: Any, address: str, facade: Path, script: bool) -> None:
    context = browser.new_context(java_script_enabled=script)
    page = context.new_page()
    page.goto(f"{address}/api/v1/docs")
    form = page.locator("form").first
    form.locator("[type=file]").set_input_files(facade)
    if script:
        form.locator("[data-name=top]").fill("1")
    form.locator("button").click()
    answer = page.locator("pre", has_text="probabilities").first
    said = answer.inner_text()
    assert '"gothic"' in said
    assert ('"baroque"' in said) is not script
    assert not script or "predict?top=1" in said
    context.close()


def test_all_works_without_a_script(browser: Any, address: str, facade: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.set_input_files("#photo", facade)
    page.click(".send")
    plate = page.locator(".plate")
    assert plate.locator("h2").inner_text() == "Gothic"
    assert plate.locator(".photo img").first.get_attribute("src").startswith("data:image/jpeg")
    layer = plate.locator(".layer")
    style = "image => getComputedStyle(image).opacity"
    assert layer.evaluate(style) != "0"
    plate.locator(".look-switch").uncheck()
    assert layer.evaluate(style) == "0"
    page.locator("[data-sample]").first.click()
    assert re.search("a drawing", page.locator(".plate").inner_text())
    context.close()
