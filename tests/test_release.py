"""The released model: which one answers, what is released, and the one that git brings."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archstyle.bundle import Bundle
from archstyle.cli import main
from archstyle.common.files import write_json
from archstyle.data.manifest import read_manifest
from archstyle.registry.cache import cache_directory, candidates, install, told
from archstyle.registry.release import MOST_BYTES
from benchmarks.results.released import tell as tell_documents
from serving.models import Models
from tests.conftest import ROOT
from tests.serving_project import altered, app_of
from tests.tracking_project import clean, empty_database, facades, project

__all__ = ["empty_database", "facades", "project"]


@pytest.fixture
def boxed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path) -> Path:
    """A project in which nothing was trained, with a released model."""
    clean(monkeypatch, tmp_path)
    folder = altered(tiny_bundle, tmp_path / "models/released", drawn=False, name="boxed")
    monkeypatch.delenv("ARCHSTYLE_RELEASED")
    return folder


@pytest.fixture
def of_photos(tmp_path: Path, tiny_bundle: Path) -> Path:
    return altered(tiny_bundle, tmp_path / "of photos", drawn=False, name="champion")


def looked(models: Models) -> str:
    models.look(cache_directory(), 1)
    assert models.latest is not None
    return told(models.latest.version)


def damage(folder: Path) -> None:
    (folder / "model.tflite").write_bytes(b"x")


def predict(photo: Path) -> Result:
    return CliRunner().invoke(main, ["predict", str(photo), "--format", "jsonl"])


def test_a_champion_of_photos_goes_before_it_and_one_of_drawings_after(
    boxed: Path, tiny_bundle: Path, of_photos: Path
) -> None:
    models = Models()
    assert looked(models) == "the released model"
    first = models.latest
    install(tiny_bundle, "1", "run")
    assert looked(models) == "the released model" and models.latest is first
    install(of_photos, "2", "run 2")
    assert looked(models) == "version 2"
    install(tiny_bundle, "3", "run 3")
    assert looked(models) == "the released model"


def test_a_new_released_model_is_taken_up(boxed: Path, tiny_bundle: Path) -> None:
    models = Models()
    looked(models)
    shutil.rmtree(boxed)
    altered(tiny_bundle, boxed, drawn=False, name="newer")
    looked(models)
    assert models.latest is not None and models.latest.bundle.card.name == "newer"


def test_a_damaged_champion_leaves_it_and_a_server_that_starts_then_has_it(
    boxed: Path, of_photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = Models()
    looked(models)
    damage(of_photos)
    install(of_photos, "2")
    assert looked(models) == "the released model"
    assert looked(Models()) == "the released model"
    assert "version 2 is not used" in caplog.text


def test_a_damaged_one_is_told_once_and_the_next_answers(
    boxed: Path, tiny_bundle: Path, of_photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(boxed)
    models = Models()
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            models.look(cache_directory(), 1)
    assert models.latest is None
    assert caplog.text.count("the released model is not used: ") == 1
    assert "git checkout models/released" in caplog.text
    install(tiny_bundle, "1")
    assert looked(models) == "version 1"
    install(of_photos, "2")
    assert looked(models) == "version 2"


def test_page_and_programs_are_told_which_one_answers(boxed: Path) -> None:
    models = Models()
    looked(models)
    client = app_of(models.latest).test_client()
    assert "boxed, the released model" in client.get("/").text
    assert client.get("/healthz").get_json()["answers"] == "the released model"
    ready = client.get("/readyz").get_json()
    assert ready["answers"] == "the released model"
    assert ready["model"]["released"] and ready["model"]["version"] == "released"


def test_the_command_line_answers_with_it_where_nothing_was_trained(
    boxed: Path, facade: Path, tiny_bundle: Path
) -> None:
    answer = predict(facade)
    assert answer.exit_code == 0
    assert answer.stderr == "Answering with the released model.\n"
    assert json.loads(answer.stdout)["style"]
    damage(boxed)
    failed = predict(facade)
    assert failed.exit_code == 1
    assert failed.stdout == "" and failed.stderr.startswith("Error: the released model is not use")
    assert "`git checkout models/released` restores it, `make run` trains" in failed.stderr
    assert failed.stderr.count("\n") == 1
    install(tiny_bundle, "1")
    assert "Answering with version 1 from the cache." in predict(facade).stderr


def cut_short(folder: Path) -> None:
    model = folder / "model.tflite"
    model.write_bytes(model.read_bytes()[:100_000])


def other_answers(bundle: Path) -> None:
    file = bundle / "golden/golden.json"
    values = json.loads(file.read_text("utf-8"))
    values["probabilities"] = {n: row[::-1] for n, row in values["probabilities"].items()}
    write_json(file, values)


def a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder", "utf-8")


@pytest.mark.parametrize(
    "damaged",
    [
        cut_short,
        other_answers,
        a_file,
        lambda folder: (folder / "card.json").unlink(),
        lambda folder: (folder / "card.json").write_text("{}"),
        lambda folder: (folder / "labels.json").write_text("{"),
        lambda folder: shutil.rmtree(folder / "golden"),
    ],
)
def test_any_damage_to_it_is_one_sentence_that_says_how_to_restore_it(
    boxed: Path, facade: Path, damaged: Callable[[Path], object]
) -> None:
    damaged(boxed)
    failed = predict(facade)
    assert failed.exit_code == 1 and failed.stdout == ""
    assert failed.stderr.startswith("Error: the released model is not used: ")
    assert "`git checkout models/released` restores it" in failed.stderr
    assert failed.stderr.count("\n") == 1
    models = Models()
    models.look(cache_directory(), 1)
    assert models.latest is None


def test_the_command_line_keeps_the_champion_of_photos_of_a_lost_registry(
    boxed: Path, facade: Path, of_photos: Path
) -> None:
    install(of_photos, "4", "run")
    assert "Answering with version 4 from the cache." in predict(facade).stderr


@pytest.fixture
def facade(tmp_path: Path, facades: dict[str, bytes]) -> Path:
    file = tmp_path / "house.png"
    file.write_bytes(next(iter(facades.values())))
    return file


@pytest.fixture
def measured(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project after evaluate and describe, whose bundle says that it is in int8."""
    monkeypatch.setattr("archstyle.registry.release.MOST_BYTES", 20_000_000)
    return tell(project, precision="int8")


def tell(project: Path, **card: object) -> Path:
    """Change the bundle's card, and let the reports tell of that bundle."""
    bundle, reports = project / "models/bundle", project / "reports"
    values = json.loads((bundle / "card.json").read_text("utf-8")) | card
    write_json(bundle / "card.json", values)
    digest = Bundle.load(bundle, verify=False).digest
    (reports / "model-card.md").write_text(f"# Model card\n{digest}", "utf-8")
    (reports / "data-sheet.md").write_text(f"# Sheet\n{values['data_digest']}", "utf-8")
    return project


def release() -> Result:
    return CliRunner().invoke(main, ["release"])


def test_what_was_trained_and_measured_is_released(measured: Path) -> None:
    source = {"kind": "folder", "location": "/home/me/photos", "drawn": False, "missing": ["gone"]}
    tell(measured, source=source)
    made = release()
    assert made.exit_code == 0, made.output
    assert "`git add models/released`" in made.stdout
    card = Bundle.load(measured / "models/released").card
    assert card.metrics["test"]["accuracy"] == 0.9
    assert card.lineage["git.commit"] == "c0ffee"
    assert card.source["used"] == {"photos": 12}
    sheet = (measured / "models/released/data-sheet.md").read_text("utf-8")
    assert "rights in the photos lie with those who made them" in sheet
    assert "| the folder “photos”, without gone, not reached | 12 |" in sheet
    assert "/home/me" not in sheet + str(card)


def test_a_release_tells_its_figures_between_the_markers_of_the_readme(measured: Path) -> None:
    rows = read_manifest(measured / "data/prepared/manifest.csv")
    styles = sorted({row.style for row in rows if row.split == "test"})
    lines = ["file,style,corrected,predicted"]
    for row in (row for row in rows if row.split == "test"):
        lines.append(f"{row.file},{row.style},{row.style},{styles[0]}")
    (measured / "reports/predictions.csv").write_text("\n".join(lines) + "\n", "utf-8")
    before, after = "# Title\n<!-- make release writes this -->\n", "\n<!-- up to here -->\nrest\n"
    (measured / "docs").mkdir()
    for page in ("README.md", "docs/results.md"):
        (measured / page).write_text(f"{before}stale{after}", "utf-8")
    assert release().exit_code == 0
    tell_documents(measured)
    readme = (measured / "README.md").read_text("utf-8")
    assert readme.startswith(before) and readme.endswith(after) and "stale" not in readme
    assert "| the likeliest style is right | 0.900" in readme
    assert "(models/released/data-sheet.md)" in readme
    wrong = sum(row.split == "test" and row.style != styles[0] for row in rows)
    results = (measured / "docs/results.md").read_text("utf-8")
    assert ("Most often confused, as corrected" in results) == (wrong > 0)
    assert "(../models/released/data-sheet.md)" in results and "By source" not in readme
    assert (measured / "models/released/model-card.md").is_file()


def test_of_float32_the_int8_variant_is_released_with_its_own_figures(measured: Path) -> None:
    shutil.copytree(measured / "models/bundle", measured / "models/variants/int8")
    tell(measured, precision="float32")
    assert "was not measured" in release().stderr
    test = json.loads((measured / "reports/metrics.json").read_text("utf-8"))
    write_json(measured / "reports/metrics.json", {**test, "int8_accuracy": 0.8})
    assert release().exit_code == 0
    tell_documents(measured)  # which has no documents
    card = Bundle.load(measured / "models/released").card
    assert (card.precision, card.metrics["test"]) == ("int8", {"accuracy": 0.8, "test_photos": 100})


def of_drawings(project: Path) -> None:
    tell(project, drawn=True)


def quick_look(project: Path) -> None:
    tell(project, config={"data": {"limit": 50}})


def too_big(project: Path) -> None:
    (project / "models/bundle/more").write_bytes(b"x" * 20_000_000)
    tell(project)


def other_golden_photos(project: Path) -> None:
    other_answers(project / "models/bundle")


def measured_on_nothing(project: Path) -> None:
    write_json(project / "reports/metrics.json", {"accuracy": 0.9, "test_photos": 0})


def measured_another(project: Path) -> None:
    (project / "reports/model-card.md").write_text("# Of another bundle", "utf-8")


def described_other_data(project: Path) -> None:
    (project / "reports/data-sheet.md").unlink()


def nothing_trained(project: Path) -> None:
    shutil.rmtree(project / "models/bundle")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (of_drawings, "A model of drawings is not released"),
        (quick_look, "A quick look is not released"),
        (too_big, "20 MB may be released"),
        (other_golden_photos, "golden photo"),
        (measured_on_nothing, "measured on no photos"),
        (measured_another, "model-card.md does not tell of models/bundle: run `dvc repro`"),
        (described_other_data, "data-sheet.md does not tell of models/bundle: run `dvc repro`"),
        (nothing_trained, "`make run` makes one"),
    ],
)
def test_what_must_not_be_given_away_is_refused_and_the_old_one_stays(
    measured: Path, spoil: Callable[[Path], None], said: str
) -> None:
    old = measured / "models/released/card.json"
    old.parent.mkdir()
    old.write_text("old", "utf-8")
    spoil(measured)
    refused = release()
    assert refused.exit_code == 1
    assert said in refused.stderr and refused.stderr.count("\n") == 1
    assert old.read_text("utf-8") == "old" and len(list((measured / "models").glob(".*"))) == 0


def test_the_one_that_git_brings_is_whole_small_and_measured() -> None:
    folder = ROOT / "models/released"
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
    card = Bundle.load(folder).card
    assert not card.drawn and card.precision == "int8"
    assert card.metrics["test"]["test_photos"] > 100
    sheet = (folder / "data-sheet.md").read_text("utf-8")
    assert "rights in the photos" in sheet and "github.com" in sheet
    texts = "".join(file.read_text("utf-8") for file in files if file.suffix in (".json", ".md"))
    assert str(ROOT) not in texts and "/home/" not in texts


def test_nothing_that_may_answer_is_no_candidate(tmp_path: Path) -> None:
    assert candidates(tmp_path) == []
