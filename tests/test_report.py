import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from archstyle.data.manifest import Row
from archstyle.metrics.classification import Interval
from archstyle.metrics.predictions import Labels
from archstyle.reports.evaluation.draw import draw_charts
from archstyle.reports.evaluation.inputs import read_history
from archstyle.reports.evaluation.report import Report, between, most_confused, render
from archstyle.reports.page import percent
from archstyle.reports.theme import LIGHT
from tests.evaluation_project import HISTORY, STYLES, card, evaluation
from tests.test_figures import shown

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
VOID = {"br", "meta", "link", "img", "input", "source"}
SUMMARY = {
    "styles": list(STYLES),
    "counts": {s: {"train": 5 + i, "validation": 2, "test": 2} for i, s in enumerate(STYLES)},
    "status": {"used": 43, "duplicate": 7, "broken": 1},
    "digest": "d",
    "source": {"kind": "folder", "location": "photos", "drawn": False, "digest": "s"},
}


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("charts")
    (folder / "history.csv").write_text(HISTORY)
    draw_charts(folder, evaluation(), read_history(folder / "history.csv"), STYLES, False, LIGHT)
    return folder


def report(**changes) -> Report:
    whole = Report(
        labelled=evaluation(),
        corrected=evaluation(),
        labels=Labels([], {}, {}),
        answers=evaluation().predictions,
        names=[style.capitalize() for style in STYLES],
        card=card(),
        bundle_digest="b" * 64,
        summary=SUMMARY,
        run={"run_id": "0123abc"},
        mistakes=[shown(), shown(heat=False)],
        sure={"Gothic": [shown(right=True)], "Baroque": []},
    )
    return replace(whole, **changes)


class Balance(HTMLParser):
    """Fails where a tag is closed that is not open."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.ids = [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.addresses += [found[key] for key in ("src", "srcset", "href") if key in found]
        self.ids += [found["id"]] if "id" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page: str) -> Balance:
    found = Balance()
    found.feed(page)
    assert not found.open
    return found


def test_page_is_whole_and_asks_for_nothing_else(charts):
    page = render(report(), charts, charts)
    found = parsed(page)
    assert len(found.addresses) > 15
    for address in found.addresses:
        assert address.startswith("data:") or address.lstrip("#") in found.ids
    assert not re.search(r"url\(|@import|<script", page)


def test_page_says_what_was_measured(charts):
    page = render(report(), charts, charts)
    metrics = evaluation().headline()
    for text in (
        f"{metrics['accuracy']:.1%}",
        f"95% interval: {between(evaluation().accuracy)}",
        "of 200 unseen photos",
        "“gothic” every time",
        "0123abc",
        "name: colours",
        "git commit",
    ):
        assert text in page
    assert "Drawn facades" not in page


def test_both_kinds_of_labels_stand_side_by_side(charts):
    better = evaluation(skill=4.0)
    rows = [Row("a/1", "b", "", "", "g", "test", "corrected", "")]
    labels = Labels(rows, {"a/1": "a"}, {"a/1": "b"})
    page = render(report(corrected=better, labels=labels), charts, charts)
    parsed(page)
    one, other = percent(evaluation().accuracy.value), percent(better.accuracy.value)
    assert one != other
    assert f"<td>accuracy</td><td>{one}</td><td>{other}</td>" in page
    assert f"Corrections touch 1 of the photos (1 relabelled): <b>{other}</b>" in page
    assert "as corrected" not in render(report(), charts, charts)


@pytest.mark.parametrize("where", ["card", "source"])
def test_drawn_facades_are_announced(charts, where):
    source = {**SUMMARY["source"], "drawn": where == "source"}
    changed = report(card=card(drawn=where == "card"), summary={**SUMMARY, "source": source})
    page = render(changed, charts, charts)
    assert 'role="alert"><div><strong>Drawn facades, not photos.' in page
    assert "unseen drawings" in page


def test_nothing_wrong_and_nothing_answered_are_said(charts):
    found = evaluation(threshold=1.1, skill=60.0)
    page = render(report(labelled=found, corrected=found, mistakes=[]), charts, charts)
    parsed(page)
    assert "No mistakes" in page
    assert "nothing was answered" in page
    assert "every answer is right" in page


def test_names_of_files_and_styles_are_text(charts):
    hostile = "<script>alert(1)</script>"
    photo = replace(shown(), file=hostile, label=hostile, predicted='"><img src=x>')
    page = render(report(mistakes=[photo], names=[hostile, *STYLES[1:]]), charts, charts)
    parsed(page)
    assert hostile not in page
    assert "<img src=x>" not in page


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "100%"), (0.9997, "99.9%"), (0.0002, "0.1%"), (0.0, "0%"), (0.98, "98.0%")],
)
def test_rounding_hides_no_mistake(value, text):
    assert percent(value) == text


def test_interval_in_words():
    assert between(Interval(0.9, 0.85, 0.942)) == "85.0 to 94.2%"


def test_commonest_mistakes_come_first():
    pairs = most_confused(evaluation(), STYLES)
    numbers = [number for _, _, number in pairs]
    assert numbers == sorted(numbers, reverse=True)
    assert all(label != answer for label, answer, _ in pairs)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")
def test_page_fits_a_phone_and_stays_offline(charts, tmp_path):
    from playwright.sync_api import sync_playwright

    (tmp_path / "index.html").write_text(render(report(), charts, charts), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 360, "height": 740})
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url.split(":")[0]))
        page.goto((tmp_path / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.locator("#mistakes img.heat").first.evaluate(
            "image => getComputedStyle(image).opacity") == "0"  # fmt: skip
        page.check("#mistakes .switch input")
        page.wait_for_function(
            "getComputedStyle(document.querySelector('#mistakes img.heat')).opacity == 1"
        )
        browser.close()
    assert said == []
    assert set(asked) <= {"file", "data"}
