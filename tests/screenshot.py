"""`make screenshot`: the page as the README shows it, answering a drawn facade."""

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from facades import draw_facade
from tests.serving_project import ROOT, running_server
from tests.test_browser import CHROMIUM, FLAGS

TARGET = ROOT / "docs" / "page.png"


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary, running_server(Path(temporary)) as server:
        house = Path(temporary) / "house.jpg"
        draw_facade("byzantine", 2, 640, 640).save(house)
        server.get("/readyz")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(
                viewport={"width": 900, "height": 1250}, locale="en", reduced_motion="reduce"
            )
            page.goto(server.address)
            page.set_input_files("#photo", house)
            page.wait_for_selector(".plate:not(.waiting)")
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=TARGET, full_page=True)
            browser.close()
    with Image.open(TARGET) as shot:
        shot.convert("RGB").quantize(256).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
