"""The label audit: what it doubts, what it shows, and the rows that a person carries away."""

import csv
import hashlib
import io
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.neighbors import KNeighborsClassifier

from archstyle.audit import auditing
from archstyle.audit.auditing import find_graph, graph_digest, read_features
from archstyle.audit.findings import Photograph, alike, find, out_of_fold, photographs
from archstyle.cli import main
from archstyle.data.corrections import COLUMNS, Correction, read_corrections
from archstyle.data.duplicates.hash import fingerprint
from archstyle.data.manifest import Row, write_manifest
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import open_photo
from facades import draw_facade
from tests.conftest import ROOT
from tests.evaluation_project import STYLES, Photos, make_project, rows_and_photos

CHROMIUM = Path("/usr/bin/chromium")
PICTURE_STYLES = ("baroque", "byzantine", "egyptian", "gothic")


def row(file: str, style: str = "", group: str = "", **changes: str) -> Row:
    folder = file.split("/")[0]
    sha256 = hashlib.sha256(file.encode()).hexdigest()
    made = Row(file, style or folder, sha256, "", group or sha256[:16], "train", "used", "")
    return replace(made, **changes)


def clusters(styles: int, each: int, wrong: int) -> tuple[list[Photograph], Any, set[int]]:
    """Photographs of well separated styles, some of which lie in the folder of the next one."""
    random = np.random.default_rng(0)
    names = [f"style {k:02d}" for k in range(styles)]
    truth = np.repeat(np.arange(styles), each)
    mistaken = set(range(0, styles * each, each))
    mistaken = set(sorted(mistaken)[:wrong])
    said = [(k + 1) % styles if i in mistaken else k for i, k in enumerate(truth.tolist())]
    rows = [row(f"{names[k]}/{i:04d}.jpg") for i, k in enumerate(said)]
    centres = random.normal(0, 1, (styles, 48))
    features = centres[truth] + random.normal(0, 0.35, (len(truth), 48))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    every = [Photograph(r, (r.style,), r.style, None) for r in rows]
    return every, features.astype(np.float32), mistaken


@pytest.mark.parametrize("styles", [2, 4, 20])
def test_wrong_labels_come_first_with_the_right_style(styles: int) -> None:
    every, features, mistaken = clusters(styles, 24, wrong=min(styles, 6))
    found = find(every, features, seed=1)
    assert len(found.styles) == styles and len(found.ranking) == len(every)
    first = found.ranking[: len(mistaken)]
    assert {suspect.index for suspect in first} == mistaken
    for suspect in first:
        assert suspect.suggestion == found.styles[suspect.index // 24]
        assert suspect.probability > suspect.of_label
    assert not any(suspect.label == suspect.suggestion for suspect in found.ranking)
    assert found.accuracy == pytest.approx(1 - len(mistaken) / len(every), abs=0.02)


def test_photos_that_belong_together_do_not_vouch_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nearest_photo(features: Any, labels: Any) -> Any:
        return KNeighborsClassifier(1).fit(features, labels)

    monkeypatch.setattr("archstyle.audit.findings.fit_head", nearest_photo)
    random = np.random.default_rng(3)
    once = random.normal(size=(60, 80)).astype(np.float32)
    features, labels = np.repeat(once, 2, axis=0), np.repeat(random.integers(0, 2, 60), 2)
    apart = out_of_fold(features, labels, [str(i // 2) for i in range(120)], seed=0)
    leaking = out_of_fold(features, labels, [str(i) for i in range(120)], seed=0)
    assert (apart.argmax(axis=1) == labels).mean() < 0.65
    assert (leaking.argmax(axis=1) == labels).mean() > 0.75


def test_too_few_photographs_are_refused() -> None:
    features = np.eye(4, dtype=np.float32)
    with pytest.raises(ArchstyleError, match="two styles with two photographs each"):
        out_of_fold(features, np.array([0, 0, 0, 1]), list("abcd"), seed=0)
    with pytest.raises(ArchstyleError, match="two styles with two photographs each"):
        out_of_fold(features, np.array([0, 0, 0, 0]), list("abcd"), seed=0)
    with pytest.raises(ArchstyleError, match="No photo is in a split"):
        find([], features, seed=0)


def test_what_looks_alike_is_of_the_asked_style_and_of_another_building() -> None:
    every, features, _ = clusters(3, 10, wrong=1)
    every = [
        replace(p, row=replace(p.row, building="one")) if i in (5, 6, 7) else p
        for i, p in enumerate(every)
    ]
    suspect = next(s for s in find(every, features, 0).ranking if s.index == 5)
    beside = alike(every, features, suspect, ["style 00", "style 02"])
    assert [len(indices) for indices in beside.values()] == [4, 4]
    assert not {5, 6, 7} & set(beside["style 00"])
    for style, indices in beside.items():
        assert {every[i].label for i in indices} == {style}
        likeness = [float(features[i] @ features[5]) for i in indices]
        assert likeness == sorted(likeness, reverse=True)


def test_photographs_know_their_folders_and_their_decision() -> None:
    rows = [
        row("gothic/a.jpg", group="g1"),
        row("gothic/copy.jpg", group="g1", split="", status="duplicate"),
        row("baroque/b.jpg", group="g2", split="", status="conflict"),
        row("gothic/b.jpg", group="g2", split="", status="conflict"),
        row("baroque/c.jpg", style="gothic", group="g3", status="corrected"),
        row("baroque/d.jpg", group="g4", split="", status="dropped"),
        row("baroque/broken.jpg", group="", split="", status="broken"),
    ]
    rows[-1] = replace(rows[-1], group="")
    decisions = [
        Correction(rows[4].sha256, "", "relabel", "gothic", "Ulm: Gothic", "c"),
        Correction(rows[5].sha256, "", "drop", "", "a map", "d"),
        Correction(rows[1].sha256, "", "keep", "gothic", "Reims: Gothic", "a"),
    ]
    found = {p.row.file: p for p in photographs(rows, decisions)}
    assert list(found) == ["baroque/b.jpg", "baroque/c.jpg", "baroque/d.jpg", "gothic/a.jpg"]
    conflict = found["baroque/b.jpg"]
    assert conflict.undecided and conflict.folders == ("baroque", "gothic")
    assert found["baroque/c.jpg"].label == "gothic" and found["baroque/c.jpg"].folders == (
        "baroque",
    )
    assert found["baroque/d.jpg"].label == "" and not found["baroque/d.jpg"].undecided
    assert [p.decision.action for p in found.values() if p.decision] == ["relabel", "drop", "keep"]


def test_a_decision_finds_its_photo_after_it_was_saved_again() -> None:
    saved = []
    for quality in (95, 40):
        memory = io.BytesIO()
        draw_facade("gothic", 3, 200, 200).save(memory, "JPEG", quality=quality)
        saved.append(fingerprint(open_photo(memory.getvalue()))[0].hex())
    rows = [row("gothic/a.jpg", phash=saved[1]), row("gothic/b.jpg", phash="0" * 64)]
    decision = Correction("f" * 64, saved[0], "keep", "gothic", "drawn", "a")
    assert [p.decision for p in photographs(rows, [decision])] == [decision, None]


class Counting:
    """In the place of the network: the mean colour, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def looker(self, store: Any, graph: Path) -> Any:
        def look(photo: Row) -> Any:
            self.asked.append(photo.file)
            pixels = np.asarray(open_photo(store.read(photo.file)), dtype=np.float32)
            return np.append(pixels.mean(axis=(0, 1)) / 64, 1).astype(np.float16)

        return look


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(auditing, "looker", counting.looker)
    return counting


def test_features_are_kept_and_only_missing_ones_made(
    tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "SHARD", 10)
    rows, photos = rows_and_photos()
    store: Any = Photos(photos)
    first = read_features(store, rows[:25], tmp_path / "graph", tmp_path / "kept")
    assert len(counting.asked) == 25 and len(list((tmp_path / "kept").glob("*.npz"))) == 3
    again = read_features(store, rows, tmp_path / "graph", tmp_path / "kept")
    assert sorted(counting.asked) == sorted(photos)
    np.testing.assert_array_equal(again[:25], first)
    np.testing.assert_allclose(np.linalg.norm(again, axis=1), 1, atol=1e-6)
    # A file cut short costs its own photos only.
    (damaged, *_) = sorted((tmp_path / "kept").glob("*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    np.testing.assert_array_equal(
        read_features(store, rows, tmp_path / "graph", tmp_path / "kept"), again
    )
    assert len(photos) < len(counting.asked) <= len(photos) + 11


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counting: Counting) -> Path:
    """A prepared project of 36 one-coloured photos, two of them under the wrong style."""
    make_project(tmp_path)
    rows, photos = rows_and_photos()
    for i, one in enumerate(rows):
        content = photos[one.file]
        sha256, phash = hashlib.sha256(content).hexdigest(), f"{i:064x}"
        rows[i] = replace(one, sha256=sha256, phash=phash, group=sha256[:16])
    write_manifest(tmp_path / "data/prepared/manifest.csv", rows)
    (tmp_path / "data/corrections.csv").write_text(",".join(COLUMNS) + "\n")
    monkeypatch.setattr("archstyle.audit.auditing.find_graph", lambda cache: cache / "graph.tflite")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_audit(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["audit", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_writes_page_and_ranking(project: Path) -> None:
    said = run_audit("--show", "5")
    assert "2 of 36 labels look doubtful, 0 photographs are decided" in said
    with (project / "reports/audit.csv").open(newline="") as file:
        ranking = list(csv.DictReader(file))
    assert len(ranking) == 36
    assert {line["file"] for line in ranking[:2]} == {f"{style}/2.png" for style in STYLES[:2]}
    assert [line["suggestion"] for line in ranking[:2] if line["label"] == STYLES[0]] == [STYLES[1]]
    page = (project / "reports/audit.html").read_text("utf-8")
    assert page.count('<li class="suspect"') == 5
    assert "src=http" not in page and 'src="http' not in page and 'href="http' not in page
    assert page == (run_audit("--show", "5"), (project / "reports/audit.html").read_text())[1]


def test_decided_photographs_are_shown_as_decided(project: Path) -> None:
    run_audit()
    page = (project / "reports/audit.html").read_text("utf-8")
    assert 'id="decided"' not in page
    with (project / "reports/audit.csv").open(newline="") as file:
        worst = next(csv.DictReader(file))
    photos = rows_and_photos()[1]
    sha256 = hashlib.sha256(photos[worst["file"]]).hexdigest()
    reason = 'a "borderline" <case>, kept'
    with (project / "data/corrections.csv").open("a", newline="") as file:
        csv.writer(file).writerow([sha256, "", "keep", worst["label"], reason, worst["file"]])
    said = run_audit()
    assert "1 of 36 labels look doubtful, 1 photographs are decided" in said
    page = (project / "reports/audit.html").read_text("utf-8")
    assert "<td>a &#34;borderline&#34; &lt;case&gt;, kept</td>" in page
    assert f'data-sha256="{sha256}"' not in page


def test_a_photograph_under_two_styles_can_be_decided(project: Path) -> None:
    manifest = project / "data/prepared/manifest.csv"
    lines = manifest.read_text().splitlines()
    files = [line.split(",")[0] for line in lines]
    for i in [files.index(f"{style}/0.png") for style in STYLES[:2]]:
        values = lines[i].split(",")
        values[4:7] = ["one group", "", "conflict"]
        lines[i] = ",".join(values)
    manifest.write_text("\n".join(lines) + "\n")
    assert "1 lie under two styles" in run_audit()
    page = (project / "reports/audit.html").read_text("utf-8")
    assert f"Under {STYLES[0]} and {STYLES[1]}:" in page


def test_without_photos_the_command_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("params.yaml", "conf"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["audit"])
    assert result.exit_code == 1 and "run `dvc repro fetch`" in result.stderr


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")
def test_decisions_made_on_the_page_become_rows(project: Path, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    run_audit("--show", "4")
    said: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 360, "height": 740})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((project / "reports/audit.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.locator("#rows").is_hidden()
        suspects = page.locator(".suspect")
        suspects.nth(0).locator("select").select_option(STYLES[3])
        assert "1 without a reason" in page.locator("#rows p").inner_text()
        suspects.nth(0).locator("input[type=text]").fill(' Ulm, the "Minster": Gothic ')
        suspects.nth(1).locator("input[value=drop]").check()
        suspects.nth(1).locator("input[type=text]").fill("a map")
        suspects.nth(2).locator("input[value=keep]").check()
        page.reload()  # what was begun is still there
        suspects.nth(2).locator("input[type=text]").fill("a revival: borderline")
        assert page.locator("#rows p").inner_text().startswith("3 new decisions.")
        with page.expect_download() as download:
            page.locator("#download").click()
        download.value.save_as(project / "data/corrections.csv")
        browser.close()
    assert said == []
    first, second, third = read_corrections(project / "data/corrections.csv")
    assert (first.action, first.style) == ("relabel", STYLES[3])
    assert first.reason == 'Ulm, the "Minster": Gothic' and len(first.phash) == 64
    assert (second.action, second.style, second.reason) == ("drop", "", "a map")
    assert third.action == "keep" and third.style == third.file.split("/")[0]
    assert "3 photographs are decided" in run_audit()


def drawn() -> tuple[Any, list[Row]]:
    """A drawn facade of each style, and the same saved once more."""
    photos = {}
    for style in PICTURE_STYLES:
        facade = draw_facade(style, 0, 160, 160)
        for name, form in (("facade.png", "PNG"), ("again.jpg", "JPEG")):
            memory = io.BytesIO()
            facade.save(memory, form)
            photos[f"{style}/{name}"] = memory.getvalue()
    return Photos(photos), [row(file) for file in photos]


def test_the_frozen_network_is_exported_once_and_knows_a_photo_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archstyle.models import features as exporting

    def small(network: str, size: int, path: Path) -> None:
        asked.append((network, size))
        export(network, 64, path)  # because this is a test

    asked: list[tuple[str, int]] = []
    export = exporting.export_features
    monkeypatch.setattr(exporting, "export_features", small)
    graph = find_graph(tmp_path)
    assert graph == find_graph(tmp_path) == tmp_path / f"{graph_digest()}.tflite"
    assert asked == [("efficientnet_lite0", 288)]
    store, rows = drawn()
    features = read_features(store, rows, graph, tmp_path / "kept")
    assert features.shape == (8, 1280)
    alike = features @ features.T - 2 * np.eye(8)
    assert [int(most) for most in alike.argmax(axis=1)] == [1, 0, 3, 2, 5, 4, 7, 6]


def test_a_network_that_cannot_be_exported_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "archstyle.models.features", None)
    with pytest.raises(ArchstyleError, match=r"models\.features .*`make setup`"):
        find_graph(tmp_path)


def test_the_command_line_does_not_import_tensorflow() -> None:
    code = "import sys, archstyle.audit.auditing; print('tensorflow' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout == "False\n"
