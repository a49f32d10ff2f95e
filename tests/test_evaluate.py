import csv
import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archstyle.bundle import Bundle
from archstyle.config import Split
from archstyle.data.manifest import Pair, read_manifest, write_manifest
from archstyle.data.splits import check_data, check_splits, split_of
from archstyle.errors import ArchstyleError
from archstyle.metrics import predictions as predicting
from archstyle.metrics.predictions import predict_photos
from archstyle.photos.packing import pack
from pipeline import evaluate
from tests.evaluation_project import (
    STYLES,
    ColourBundle,
    Photos,
    card,
    make_project,
    photo,
    rows_and_photos,
    stored,
)


class RunLog:
    """Keeps what is sent to the run."""

    def __init__(self):
        self.sent = []

    def reports(self, root):
        self.sent.append("reports")

    def metrics(self, values, prefix="test"):
        assert prefix == "latency_ms" and not values

    def artifacts(self, path, folder=""):
        assert path.exists()
        self.sent.append(folder)


@pytest.fixture
def project(tmp_path, monkeypatch):
    bundle = make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.evaluate.Bundle.load", lambda path: bundle)
    return tmp_path


@pytest.fixture
def run_log(monkeypatch):
    log = RunLog()

    @contextmanager
    def resume_run(root, stage, config=None):
        assert stage == "evaluate"
        yield log

    monkeypatch.setattr(evaluate, "resume_run", resume_run)
    return log


def files(root: Path) -> dict[str, bytes]:
    found = [path for path in (root / "reports").rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def test_sound_splits_pass():
    rows, _ = rows_and_photos()
    copy = replace(rows[0], file="copy", split="", status="duplicate")
    check_splits([*rows, copy])


@pytest.mark.parametrize("key", ["group", "sha256"])
def test_one_photograph_in_two_splits_is_refused(key):
    rows, _ = rows_and_photos()
    assert rows[0].split == "train" and rows[2].split == "test"
    rows[2] = replace(rows[2], **{key: getattr(rows[0], key)})
    with pytest.raises(
        ArchstyleError, match=r"`baroque/0\.png` \(train\) and `baroque/2\.png` \(test\)"
    ):
        check_splits(rows)


def test_a_pair_in_two_splits_is_refused_even_where_the_groups_do_not_say_so():
    rows, _ = rows_and_photos()
    copy = replace(rows[2], file="copy of 2", split="", status="duplicate")
    far = Pair(rows[0].file, copy.file, 50, False)
    check_splits([*rows, copy], [far, Pair(rows[0].file, rows[3].file, 9, True)])
    with pytest.raises(ArchstyleError, match=r"0\.png` \(train\) and `baroque/2\.png` \(test\)"):
        check_splits([*rows, copy], [far, Pair(rows[0].file, copy.file, 9, True)])


def test_other_data_than_the_bundles_is_refused():
    check_data("a", "a")
    with pytest.raises(ArchstyleError, match="dvc repro train"):
        check_data("a", "b")


def test_answers_keep_the_order_of_the_photos():
    rows, photos = rows_and_photos(wrong=2)
    found = predict_photos(ColourBundle(card()), stored(photos), rows)
    assert found.files == tuple(row.file for row in rows)
    wrong = [file for file, right in zip(found.files, found.correct, strict=True) if not right]
    assert wrong == ["baroque/2.png", "byzantine/2.png"]
    assert found.probabilities.sum(1) == pytest.approx(np.ones(len(rows)), abs=1e-5)


def test_memory_does_not_grow_with_the_photos(monkeypatch):
    monkeypatch.setattr(predicting, "CHUNK", 1)
    monkeypatch.setattr("archstyle.common.parallel.cores", lambda: 2)
    rows, photos = rows_and_photos()
    bundle, store = ColourBundle(card()), stored(photos)
    ahead: list[int] = []

    def read(file):
        ahead.append(len(ahead) + 1 - bundle.seen)
        return photos[file]

    monkeypatch.setattr(store, "read", read)
    predict_photos(bundle, store, rows)
    assert len(rows) > 2 * 12 and max(ahead) <= 12  # three chunks a thread wait, others are at work


def test_what_cannot_be_measured_is_named():
    rows, photos = rows_and_photos()
    bundle = ColourBundle(card())
    with pytest.raises(ArchstyleError, match=r"no test photos.*split\.test"):
        predict_photos(bundle, stored(photos), [])
    with pytest.raises(ArchstyleError, match=r"style 'gothic'.*dvc repro train"):
        predict_photos(ColourBundle(card(STYLES[:3])), stored(photos), rows)
    photos["egyptian/4.png"] = b"no photo"
    with pytest.raises(ArchstyleError, match=r"`egyptian/4\.png` cannot be read"):
        predict_photos(bundle, stored(photos), rows)


def test_stage_leaves_everything_and_logs_it(project, run_log, capsys):
    evaluate.main([])
    found = files(project)
    assert {Path(name).suffix for name in found} == {".csv", ".png", ".html", ".json", ".md"}
    metrics = json.loads(found["reports/metrics.json"])
    assert metrics["accuracy"] == pytest.approx(10 / 12, abs=1e-6)
    assert metrics["test_photos"] == 12
    assert metrics["corrected_test_photos"] == 0
    assert metrics["corrected_accuracy"] == metrics["accuracy"]
    assert metrics["most_frequent_style_accuracy"] == 0.25
    with (project / "reports/predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    assert sum(row["style"] == row["predicted"] for row in rows) == 10
    assert all(row["style"] == row["corrected"] for row in rows)
    for row in rows:
        assert sum(float(row[f"probability_{style}"]) for style in STYLES) == pytest.approx(
            1, abs=1e-5
        )
        assert (row["answered"] == "true") == (float(row["probability"]) >= 0.6)
    assert (project / "reports/plots/confusion.csv").read_text().splitlines()[
        0
    ] == "actual,predicted"
    training = (project / "reports/plots/training.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in training[1:]] == [
        ["1", "head"], ["2", "head"], ["3", "network"],
    ]  # fmt: skip
    assert run_log.sent[0] == "reports"
    assert "83.3% of 12 test photos right" in capsys.readouterr().out


def test_photos_of_no_such_building_are_in_numbers_plots_and_page(project, run_log, capsys):
    evaluate.main([])
    without = json.loads((project / "reports/metrics.json").read_text())
    bundle = Bundle.load(project)
    bundle.card = replace(bundle.card, distance_threshold=40.0)
    evaluate.main([])
    assert "Set ARCHSTYLE_OUTSIDE" in (project / "reports/index.html").read_text("utf-8")
    (project / "data/raw/outside").mkdir()
    photos = {f"{i}.png": photo(np.array([128.0, 128, 128]), i) for i in range(4)}
    pack(Photos(photos), project / "data/raw/outside", None, 10**9, anywhere=True)
    evaluate.main([])
    metrics = json.loads((project / "reports/metrics.json").read_text())
    added = {name for name in metrics if name not in without}
    assert {"outside_photos", "outside_refused_share", "outside_roc_auc"} <= added
    assert metrics["outside_refused_share"] == 1
    assert (project / "reports/figures/outside.png").is_file()
    header = (project / "reports/plots/outside.csv").read_text().splitlines()[0]
    assert header == "refused_buildings,refused_outside"
    assert "of 4 photos that show no building" in (project / "reports/index.html").read_text(
        "utf-8"
    )


def test_corrections_are_measured_both_ways(project, run_log, capsys):
    """Of the two wrong answers one is the label's fault and the other is dropped."""
    manifest = project / "data/prepared/manifest.csv"
    rows = {row.file: row for row in read_manifest(manifest)}
    wrong = rows["baroque/2.png"]  # looks byzantine
    rows[wrong.file] = replace(wrong, style="byzantine", status="corrected")
    dropped = rows["byzantine/2.png"]
    group = next(f"{n}" for n in range(99) if split_of(f"{n}", Split(0.3, 0.3)) == "test")
    rows[dropped.file] = replace(dropped, group=group, split="", status="dropped")
    write_manifest(manifest, rows.values())
    evaluate.main([])
    metrics = json.loads((project / "reports/metrics.json").read_text())
    assert (metrics["test_photos"], metrics["corrected_test_photos"]) == (12, 2)
    assert metrics["accuracy"] == pytest.approx(10 / 12, abs=1e-6)
    assert metrics["corrected_accuracy"] == 1.0
    assert metrics["corrected_accuracy_low"] < 1.0
    with (project / "reports/predictions.csv").open(newline="") as file:
        answers = {row["file"]: row for row in csv.DictReader(file)}
    assert len(answers) == 12
    assert (answers[wrong.file]["style"], answers[wrong.file]["corrected"]) == (
        "baroque",
        "byzantine",
    )
    assert answers[dropped.file]["corrected"] == ""
    assert "which touch 2 of them: 100%" in capsys.readouterr().out
    page = (project / "reports/index.html").read_text("utf-8")
    assert "<td>accuracy</td><td>83.3%</td><td>100%</td>" in page
    assert "10 of 12 photos are right and 2 wrong" in page and "No mistakes" in page
    confusion = (project / "reports/plots/confusion.csv").read_text().splitlines()[1:]
    assert len(confusion) == 11
    assert all(line.split(",")[0] == line.split(",")[1] for line in confusion)


def test_server_away_costs_no_report_and_reports_are_the_same_again(
    project, run_log, monkeypatch, capsys
):
    def resume_run(*_):
        raise ArchstyleError("The server does not answer.")

    evaluate.main([])
    before = files(project)
    monkeypatch.setattr(evaluate, "resume_run", resume_run)
    evaluate.main([])
    assert "not in the run: The server does not answer." in capsys.readouterr().out
    assert files(project) == before


def test_stage_refuses_leaks_and_leaves_what_was_there(project, run_log):
    (project / "reports").mkdir()
    (project / "reports/metrics.json").write_text("{}")
    manifest = project / "data/prepared/manifest.csv"
    rows = read_manifest(manifest)
    rows[1] = replace(rows[1], group=rows[0].group)
    write_manifest(manifest, rows)
    with pytest.raises(ArchstyleError, match="same photograph"):
        evaluate.main([])
    assert files(project) == {"reports/metrics.json": b"{}"}


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("models/run.json", "train"),
        ("models/history.csv", "train"),
        ("data/prepared/summary.json", "prepare"),
        ("data/prepared/manifest.csv", "prepare"),
        ("data/raw/source.json", "fetch"),
    ],
)
def test_a_missing_input_names_the_stage_that_makes_it(project, file, stage):
    (project / file).unlink()
    with pytest.raises(ArchstyleError, match=f"dvc repro (--force )?{stage}"):
        evaluate.main([])
    assert files(project) == {}


def test_drawn_facades_are_said_to_be_drawn(tmp_path, monkeypatch, run_log, capsys):
    bundle = make_project(tmp_path, kind="facades")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.evaluate.Bundle.load", lambda path: bundle)
    evaluate.main(["evaluate.bootstrap_samples=50"])
    assert "12 test drawings right" in capsys.readouterr().out
    assert "Drawn facades, not photos." in (tmp_path / "reports/index.html").read_text("utf-8")
