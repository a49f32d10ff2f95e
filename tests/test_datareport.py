import csv
import json
import shutil
from collections import Counter
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from archstyle.data.corrections import COLUMNS
from archstyle.data.manifest import Pair, Row, read_manifest
from archstyle.errors import ArchstyleError
from archstyle.reports import data_report as charts
from archstyle.reports.collection import Alike, by_style
from archstyle.reports.data_report import charts_of, sheets_of, write_report
from archstyle.reports.highlights import SMALL, choose, find
from archstyle.reports.theme import DARK, LIGHT, applied, save
from pipeline import describe, fetch, prepare
from tests.conftest import ROOT
from tests.datareport_project import SOURCE, collection, row
from tests.photo_folders import fill, jpeg, photo
from tests.test_report import CHROMIUM, CHROMIUM_ARGUMENTS, parsed

PICTURE = photo(1)
HOSTILE = '"><img src=x onerror=1>'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three styles in train and val, with one of everything that can be wrong."""
    root = tmp_path_factory.mktemp("project")
    photos = fill(root / "photos/train", {"gothic": 12, "Модерн & Арт": 12, "b": 12})
    gothic = photos / "gothic"
    with Image.open(gothic / "00000.jpg") as one:
        (gothic / "larger.jpg").write_bytes(jpeg(one.resize((192, 144))))
        (gothic / "mirrored.jpg").write_bytes(jpeg(ImageOps.mirror(one), 60))
    (photos / "b/same.jpg").write_bytes((gothic / "00001.jpg").read_bytes())
    (gothic / "cut.jpg").write_bytes((gothic / "00002.jpg").read_bytes()[:900])
    (root / "photos/loose.jpg").write_bytes(b"x")
    validation = root / "photos/val/gothic"
    validation.mkdir(parents=True)
    shutil.copy(gothic / "00003.jpg", validation / "1.jpg")
    (validation / "2.jpg").write_bytes(jpeg(photo(77)))
    shutil.copytree(ROOT / "conf", root / "conf")
    shutil.copy(ROOT / "params.yaml", root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("DVC_ROOT", raising=False)
        patch.setenv("ARCHSTYLE_PHOTOS", str(root / "photos"))
        fetch.main([])
        prepare.main([])
        rows = {row.file: row for row in read_manifest(Path("data/prepared/manifest.csv"))}
        with Path("data/corrections.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for name, action, style, why in (
                ("train/gothic/00005.jpg", "relabel", "b", "it is a <b>"),
                ("train/gothic/00006.jpg", "drop", "", "a poster"),
            ):
                writer.writerow((rows[name].sha256, rows[name].phash, action, style, why, name))
        prepare.main([])
        describe.main([])
    return root


def test_the_stage_leaves_a_page_and_figures(project: Path) -> None:
    drawn = {path.name for path in (project / "reports/data").iterdir()}
    assert {"counts.png", "sizes.png", "styles"} <= drawn
    assert {"copies.jpg", "conflicts.jpg", "relabelled.jpg", "dropped.jpg"} <= drawn
    styles = {path.stem for path in (project / "reports/data/styles").iterdir()}
    assert styles == {"gothic", "___", "b"}  # any disk and locale takes these
    page = (project / "reports/data.html").read_text("utf-8")
    found = parsed(page)
    for address in found.addresses:
        assert address.startswith("data:") or address.lstrip("#") in found.ids
    assert "<script" not in page and "Drawn facades" not in page


def test_the_page_says_what_became_of_everything(project: Path) -> None:
    page = (project / "reports/data.html").read_text("utf-8")
    for text in (
        "different photographs in 43 files",
        "1 of the 2 photos in the source&#39;s “val” folder",
        "No photograph lies in two splits.",
        "1 photograph lies under more than one style (2 files)",
        "<h3>b and gothic: 2 files</h3>",
        "3 files, 3 versions",
        "<td>broken</td><td>1</td>",
        "lies in no style&#39;s folder",
        "it is a &lt;b&gt;",
        "a poster",
        "Модерн &amp; Арт",
    ):
        assert text in page, text


def test_the_data_sheet_says_it_too(project: Path) -> None:
    sheet = (project / "reports/data-sheet.md").read_text("utf-8")
    for text in (
        "## Collection process",
        "43 files",
        "| style | train | validation | test | duplicate | conflict | dropped | broken | all |",
        "1 of the 2 photos in the source's “val” folder",
        "val shares 1 photo with train",
        "15% validation, 15% test",
        "Модерн & Арт",
    ):
        assert text in sheet, text
    assert "rawn" not in sheet


def test_contact_sheets_show_what_was_chosen() -> None:
    rows = [row("a/1", "g"), row("a/2", "g", "", "duplicate"), row("b/3"), row("b/4")]
    alike = Alike(nearest=[Pair("a/1", "b/3", 50, False)])
    found = replace(collection(rows), alike=alike)
    pictures = {row.file: PICTURE for row in rows}
    sheets = {name: tiles for name, _, tiles in sheets_of(choose(found), pictures)}
    assert sheets.keys() == {"copies", "nearest", "styles/a", "styles/b"}
    assert [tile.caption for tile in sheets["copies"]] == ["a: 2 files"]
    assert [(tile.caption, len(tile.pictures)) for tile in sheets["nearest"]] == [("50 bits", 2)]
    assert [len(sheets[f"styles/{style}"]) for style in "ab"] == [1, 2]


def test_the_same_collection_gives_the_same_report(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contents() -> dict[str, bytes]:
        reports = [path for path in (project / "reports").rglob("*") if path.is_file()]
        return {path.relative_to(project).as_posix(): path.read_bytes() for path in reports}

    before = contents()
    monkeypatch.chdir(project)
    describe.main([])
    assert contents() == before


def test_a_missing_input_names_the_stage_that_makes_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    Path("data/prepared/photos.csv").unlink()
    with pytest.raises(ArchstyleError, match="dvc repro --force prepare"):
        describe.main([])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row("a/1.jpg")],
        [row("x.jpg", split="", status="dropped", reason="r")],
        [replace(row(f"{HOSTILE}/1", split="", status="broken", reason=HOSTILE), group="")],
    ],
)
def test_any_collection_has_a_report(tmp_path: Path, rows: list[Row]) -> None:
    files = [row.file for row in rows if row.group]
    facts = pd.DataFrame({"file": files, "width": 16, "height": 16, "format": "PNG"})
    found = collection(rows, facts.set_index("file"))
    pictures = {row.file: PICTURE for row in rows}
    write_report(tmp_path, found, choose(found), pictures, [])
    page = (tmp_path / "data.html").read_text("utf-8")
    parsed(page)
    assert "<img src=x" not in page


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_twenty_styles_are_readable(theme: str) -> None:
    names = [f"style {n}" for n in range(17)] + ["$x^2", "Ελληνικός", "very " * 20]
    rows = [row(f"{name}/{n}", split="test") for name in names for n in range(3)]
    with applied(theme):
        figure = charts.counts(by_style(rows))
        figure.draw_without_rendering()
        axes = figure.axes[0]
        boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
        assert len(boxes) == 20
        assert all(a.y0 >= b.y1 or b.y0 >= a.y1 for a, b in pairwise(boxes))
        assert min(box.x0 for box in boxes) >= 0
        assert axes.get_window_extent().width > figure.bbox.width / 2
    assert [bar.get_width() for bar in axes.containers[0]] == [3] * 20
    assert axes.get_yticklabels()[0].get_text() == "$x^2 (3)"


@pytest.mark.parametrize("photos", [0, 1, charts.MANY + 1])
def test_sizes_of_any_number_of_photos_are_drawn(photos: int) -> None:
    sides = np.arange(photos)
    facts = pd.DataFrame({"width": 16 + sides, "height": 20_000 - sides})
    with applied(LIGHT):
        figure = charts.sizes(facts, SMALL)
        save(figure, BytesIO(), 50)
    low, high = figure.axes[0].get_xlim()
    assert ((facts > low) & (facts < high)).all(axis=None)
    assert 4 <= len(figure.axes[0].get_xticks()) <= 9


@pytest.mark.parametrize("farthest", [30, 90])
def test_the_threshold_is_shown_among_the_pairs(tmp_path: Path, farthest: int) -> None:
    rows = [row("a/1", "g"), row("a/2", "g", "", "duplicate"), row("b/3")]
    one, other = Pair("a/1", "a/2", farthest, True), Pair("a/1", "b/3", 50, False)
    alike = Alike(Counter({farthest: 1}), Counter({50: 1}), [one], [other])
    found = replace(collection(rows), alike=alike)
    pictures = {row.file: PICTURE for row in rows}
    write_report(tmp_path, found, choose(found), pictures, [])
    with applied(LIGHT):
        (axes,) = charts.distances(alike, found.distance).axes
    bars = [bar for series in axes.containers for bar in series]
    shown = [(round(bar.get_x() + 0.44), bar.get_height()) for bar in bars]
    assert shown == [(farthest, 1), (50, 1)]
    assert axes.get_lines()[0].get_xdata() == [found.distance + 0.5] * 2
    assert (tmp_path / "data/distances.png").read_bytes() == charts_of(found)["distances"].light
    page = (tmp_path / "data.html").read_text("utf-8")
    assert "Taken for duplicates, the least alike" in page
    assert "Taken for different photographs, the most alike" in page
    assert f"{farthest} bits of 256" in page and "50 bits of 256" in page
    assert ("alignment decided" in page) == (farthest > found.distance)


def test_drawn_facades_are_called_so(tmp_path: Path) -> None:
    found = collection([row("gothic/1")])
    summary = json.loads(json.dumps(found.summary))
    summary["source"]["drawn"] = True
    found = replace(found, summary=summary)
    write_report(tmp_path, found, choose(found), {"gothic/1": PICTURE}, [])
    assert 'role="alert"><div><strong>Drawn' in (tmp_path / "data.html").read_text("utf-8")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")
def test_page_fits_a_phone_and_stays_offline(project: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 360, "height": 740})
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url.split(":")[0]))
        page.goto((project / "reports/data.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.locator("#duplicates img").first.is_visible()
        browser.close()
    assert said == []
    assert set(asked) <= {"file", "data"}


def test_a_style_that_comes_from_one_source_while_others_have_several_is_warned_of(
    tmp_path: Path,
) -> None:
    rows = [
        row(f"{style}/{number}", style=style, source=source)
        for style, sources in {"gothic": ("a/one", "b/two"), "tudor": ("b/two",)}.items()
        for number, source in enumerate(sources * 4)
    ]
    found = collection(rows)
    assert found.sources == {"gothic": {"a/one": 4, "b/two": 4}, "tudor": {"b/two": 4}}
    warned = "All photographs of tudor come from one source"
    assert any(warned in text for _, _, text in find(found, []))
    sources = ["https://host/a/one@1", "https://host/b/two@2"]
    found = replace(found, summary={**found.summary, "source": {**SOURCE, "sources": sources}})
    write_report(
        tmp_path, found, choose(found), dict.fromkeys((one.file for one in rows), PICTURE), []
    )
    page, sheet = ((tmp_path / name).read_text("utf-8") for name in ("data.html", "data-sheet.md"))
    assert "a/one 4, b/two 4" in page and "| gothic | a/one 4, b/two 4 |" in sheet
    assert "https://host/a/one@1" in sheet
    alike = [replace(one, source="a/one") for one in rows]
    assert not any("one source" in text for _, _, text in find(collection(alike), []))
