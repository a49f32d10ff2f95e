"""The page by the Tab key alone, with and without its script; and what its first view costs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_browser import address, browser, facade, pytestmark

__all__ = ["address", "browser", "facade", "pytestmark"]

FOCUSED = """() => {
  const one = document.activeElement;
  const seen = one.matches(".js .file") ? one.previousElementSibling : one;
  const [style, box] = [getComputedStyle(seen), seen.getBoundingClientRect()];
  return {
    what: one.matches("body") ? "" : `${one.tagName} ${one.id} ${one.className}`,
    drawn: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


def walk(page: Any) -> Iterator[str]:
    """Press Tab until the page is left; each stop has to be seen, and seen to be the one."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if not focused["what"]:
            return
        assert focused["drawn"] and focused["inside"], focused
        yield focused["what"]
    raise AssertionError("the Tab key never leaves the page")


def go_to(page: Any, selector: str) -> None:
    for _ in walk(page):
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"the Tab key does not reach {selector}")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize(
    ("locale", "width", "scheme"),
    [("en", 320, "dark"), ("es", 320, "light"), ("en", 1280, "light"), ("es", 1280, "dark")],
)
def test_photo_is_sent_and_its_answer_read_by_the_tab_key_alone(
    browser: Any, address: str, facade: Path, locale: str, width: int, scheme: str, script: bool
) -> None:
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": 700},
        color_scheme=scheme,
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(address)
    stops = list(walk(page))
    assert len(stops) > 8
    page.reload()
    go_to(page, "#photo")
    page.set_input_files("#photo", facade)  # the window that Enter opens is the browser's
    if not script:
        go_to(page, ".send")
        page.keyboard.press("Enter")
    page.wait_for_selector(".plate:not(.waiting) .layer", state="attached")
    layer = page.locator(".layer")
    opacity = "image => Number(getComputedStyle(image).opacity)"
    assert layer.evaluate(opacity) > 0.5
    assert page.locator(".verdict h2").inner_text() == {"en": "Gothic", "es": "Gótico"}[locale]
    page.evaluate("document.activeElement.blur()")
    go_to(page, ".look input" if script else ".look-switch")
    page.keyboard.press("Home" if script else "Space")
    assert layer.evaluate(opacity) == 0
    page.keyboard.press("End" if script else "Space")
    assert layer.evaluate(opacity) > 0.5
    go_to(page, ".lesson a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/styles/gothic*")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_first_view_is_light_and_takes_one_round_trip_after_the_page(
    browser: Any, address: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    network = context.new_cdp_session(page)
    asked: dict[str, dict[str, Any]] = {}
    sizes: dict[str, float] = {}
    network.on("Network.requestWillBeSent", lambda e: asked.setdefault(e["requestId"], e))
    network.on(
        "Network.loadingFinished", lambda e: sizes.update({e["requestId"]: e["encodedDataLength"]})
    )
    network.send("Network.enable")
    page.goto(address, wait_until="networkidle")
    urls = [event["request"]["url"] for event in asked.values()]
    assert sizes.keys() == asked.keys()
    assert len(urls) > 5  # the page, its style, its script, the drawings
    assert all(url.startswith(f"{address}/") for url in urls)
    assert sum(sizes.values()) < 120_000
    # Everything is named in the page itself: no style or script asks for more.
    first, *rest = asked.values()
    document = first["request"]["url"]
    later = [e["request"]["url"] for e in rest if e["initiator"].get("url") != document]
    assert [url for url in later if "favicon" not in url] == []
    context.close()
