import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import cast

import pytest

from archstyle.data.manifest import Row
from archstyle.metrics.classification import Interval
from archstyle.metrics.predictions import Labels
from archstyle.reports.evaluation import charts_of, most_confused, told, write_reports
from archstyle.reports.page import between, percent, render, with_promotion
from tests.evaluation_project import STYLES, SUMMARY, card, evaluation, report, shown

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


@pytest.fixture(scope="module")
def charts():
    return charts_of(report())


def page(found, charts) -> str:
    return render("evaluation.html", **told(found), charts=charts)


def model_card(found) -> str:
    return render("model-card.md", **told(found))


class Balance(HTMLParser):
    """Fails where a tag is closed that is not open."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.ids = [], [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.addresses += [found[key] for key in ("src", "srcset", "href", "data") if key in found]
        self.ids += [found["id"]] if "id" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(text: str) -> Balance:
    found = Balance()
    found.feed(text)
    assert not found.open
    return found


def test_page_is_whole_and_asks_for_nothing_but_what_register_decides(charts):
    html = page(report(), charts)
    found = parsed(html)
    assert len(found.addresses) > 15
    found.addresses.remove("promotion.html")
    for address in found.addresses:
        assert address.startswith("data:") or address.lstrip("#") in found.ids
    assert not re.search(r"url\(|@import|<script", html)


def test_page_says_what_was_measured(charts):
    html = page(report(), charts)
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
        assert text in html
    assert "Drawn facades" not in html


def test_both_kinds_of_labels_stand_side_by_side(charts):
    better = evaluation(skill=4.0)
    rows = [Row("a/1", "b", "", "", "g", "test", "corrected", "")]
    labels = Labels(rows, {"a/1": "a", "a/2": "a"}, {"a/1": "b", "c/3": "c"})
    html = page(report(corrected=better, labels=labels), charts)
    parsed(html)
    one, other = percent(evaluation().accuracy.value), percent(better.accuracy.value)
    assert one != other
    assert f"<td>accuracy</td><td>{one}</td><td>{other}</td>" in html
    assert f"touch 3 of the photos (1 relabelled, 1 dropped, 1 let in): <b>{other}</b>" in html
    counts = (
        "As labelled counts 2 photos: 1 of the test split and 1 that corrections drop. As "
        "corrected counts the 2 of the test split; 1 of them has no "
    )
    assert counts in html and counts in model_card(report(corrected=better, labels=labels))
    assert "as corrected" not in page(report(), charts)


@pytest.mark.parametrize("where", ["card", "source"])
def test_drawn_facades_are_announced(charts, where):
    source = {**cast(dict[str, str], SUMMARY["source"]), "drawn": where == "source"}
    changed = report(card=card(drawn=where == "card"), summary={**SUMMARY, "source": source})
    html = page(changed, charts)
    assert 'role="alert"><div><strong>Drawn facades, not photos.' in html
    assert "unseen drawings" in html


def test_a_style_that_is_hardly_told_is_named_when_it_is_measured(tmp_path):
    told = [
        write_reports(tmp_path, report(labelled=found, corrected=found))
        for found in (evaluation(), evaluation(skill=0.0))
    ]
    assert "Fewer than half" not in told[0] and "Fewer than half of the photos of " in told[1]


def test_nothing_wrong_and_nothing_answered_are_said(charts):
    found = evaluation(threshold=1.1, skill=60.0)
    html = page(report(labelled=found, corrected=found, mistakes=[]), charts)
    parsed(html)
    assert "No mistakes" in html
    assert "nothing was answered" in html
    assert "every answer is right" in html


def test_names_of_files_and_styles_are_text(charts):
    hostile = "<script>alert(1)</script>"
    photo = replace(shown(), file=hostile, label=hostile, predicted='"><img src=x>')
    html = page(report(mistakes=[photo], names=[hostile, *STYLES[1:]]), charts)
    parsed(html)
    assert hostile not in html
    assert "<img src=x>" not in html


@pytest.mark.parametrize("measured", [True, False])
def test_the_model_card_says_what_it_is_for_and_how_good(measured):
    found = evaluation(threshold=0.6 if measured else 1.1)
    text = model_card(report(labelled=found, names=["<b>|x", *STYLES[1:]]))
    for part in (
        "## Intended use",
        "## Caveats and recommendations",
        "| test photos | 200 | 200 |",
        f"| accuracy | {percent(found.accuracy.value)} ({between(found.accuracy)}) |",
        "run in MLflow: 0123abc",
        "| gothic | 8 | 2 | 2 |",
        "\\<b\\>\\|x",
    ):
        assert part in text
    assert ("| selective accuracy | none |" in text) != measured
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        lines = table.replace("\\|", "").splitlines()
        assert len({line.count("|") for line in lines}) == 1 and lines[1].startswith("| ---")
    assert "Drawn facades" not in text.replace("drawn", "Drawn")
    assert "drawn facades, not photos" in model_card(report(card=card(drawn=True)))


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

    (tmp_path / "index.html").write_text(page(report(), charts), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        view = browser.new_page(viewport={"width": 360, "height": 740})
        said, asked = [], []
        view.on("console", lambda message: said.append(message.text))
        view.on("request", lambda request: asked.append(request.url.split(":")[0]))
        view.goto((tmp_path / "index.html").as_uri())
        assert view.evaluate("document.documentElement.scrollWidth") == 360
        assert view.locator("#mistakes img.heat").first.evaluate(
            "image => getComputedStyle(image).opacity") == "0"  # fmt: skip
        view.check("#mistakes .switch input")
        view.wait_for_function(
            "getComputedStyle(document.querySelector('#mistakes img.heat')).opacity == 1"
        )
        browser.close()
    assert said == []
    assert set(asked) <= {"file", "data"}


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")
def test_the_report_shows_how_often_its_test_photos_were_looked_at(charts, tmp_path):
    from playwright.sync_api import sync_playwright

    html, folder = page(report(), charts), tmp_path / "# reports"
    folder.mkdir()
    reasons = ["Right on <b>.", "`archstyle promote 12` does."]
    registered = {"version": "12", "alias": "challenger", "decision": "not promoted"}
    complete = {**registered, "reasons": reasons, "looks": 7}
    decided = render("promotion.html", registered=complete)
    parsed(decided)
    (folder / "index.html").write_text(html, "utf-8")
    (folder / "alone.html").write_text(with_promotion(html, decided), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        view = browser.new_page(viewport={"width": 360, "height": 740})
        view.goto((folder / "index.html").as_uri())
        view.get_by_text("dvc repro registers the model and writes it").wait_for()
        (folder / "promotion.html").write_text(decided, "utf-8")
        for name in ("index.html", "alone.html"):
            view.goto((folder / name).as_uri())
            shown = view.frames[-1]
            shown.get_by_text("Why").wait_for()
            told = shown.locator("body").inner_text()
            assert "Looks at these test photos\n7\n" in told and "Version 12\nChallenger" in told
            assert "Right on <b>." in told and "archstyle promote 12 does." in told
            assert not view.get_by_text("dvc repro registers").is_visible()
        browser.close()
