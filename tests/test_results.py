"""The comparison of recipes: which ones, what is kept, the reference's protocol, and the pages."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from archstyle.bundle import Answer
from archstyle.common.files import write_json
from archstyle.config import compose
from archstyle.data.manifest import Row, digest, write_manifest
from archstyle.data.preparation import summarize
from archstyle.errors import ArchstyleError
from archstyle.metrics.predictions import Labels
from archstyle.photos.packing import pack
from archstyle.photos.store import PhotoStore
from archstyle.reports.results import measure
from archstyle.reports.results.compare import validation_labels
from archstyle.reports.results.figures import Line
from archstyle.reports.results.measure import (
    corrected_styles,
    leaked,
    measure_recipe,
    measure_reference,
    reference_rows,
)
from archstyle.reports.results.page import (
    END,
    START,
    Results,
    between_markers,
    megabytes,
    minutes,
    results_table,
    spread,
    told,
    write_results,
)
from archstyle.reports.results.recipes import Recipe, read_params, recipes, with_seed
from archstyle.reports.results.robustness import (
    PERTURBATIONS,
    SIDE,
    Perturbation,
    robustness,
    sized,
    tally,
)
from facades import draw_facade
from tests.conftest import ROOT
from tests.evaluation_project import card
from tests.tracking_project import Drawn

STAGE = """
import json, pathlib, sys
if pathlib.Path("stop").is_file() and "{stage}" == pathlib.Path("stop").read_text():
    sys.exit("error: no more")
with pathlib.Path("ran").open("a") as file:
    file.write("{stage}\\n")
path = pathlib.Path("{out}")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text('{{"accuracy": 0.5}}')
if "{stage}" == "train":
    for name in ("bundle", "variants/int8"):
        bundle = pathlib.Path("models") / name
        bundle.mkdir(parents=True, exist_ok=True)
        (bundle / "card.json").write_text("x" * 1000)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose stages do nothing but leave their mark."""
    for name in ("conf", "dvc.yaml", "params.yaml", "src"):
        source = ROOT / name
        if name == "conf":
            shutil.copytree(source, tmp_path / name)
        elif name == "params.yaml":
            shutil.copy(source, tmp_path / name)
        else:
            (tmp_path / name).symlink_to(source)
    (tmp_path / "pipeline").mkdir()
    for file in (ROOT / "pipeline").glob("*.py"):
        shutil.copy(file, tmp_path / "pipeline")
    for stage, out, _ in measure.STAGES:
        (tmp_path / f"pipeline/{stage}.py").write_text(STAGE.format(stage=stage, out=out))
    monkeypatch.setattr(measure, "finish_run", lambda folder, name: None)
    return tmp_path


def test_every_model_is_a_row_but_the_one_whose_weights_are_downloaded(root: Path) -> None:
    model = (root / "conf/model/efficientnet_lite0.yaml").read_text().splitlines()
    model[1:3] = [
        "# python -m pipeline.train use.model=small use.augment=none",
        "# A small one: quickly trained. For a look.",
    ]
    (root / "conf/model/small.yaml").write_text("\n".join(model))
    (root / "conf/model/keras_application.yaml").write_text("\n".join(model))
    params = read_params(root)
    params["train"]["learning_rate"] = 0.5
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    rows = recipes(root)
    found = {recipe.name: recipe for recipe in rows}
    assert len(found) == len(rows)
    models = {path.stem for path in (root / "conf/model").glob("[!_]*.yaml")}
    assert set(found) == {"published", "head", *models} - {"cnn", "keras_application"}
    [default] = [recipe for recipe in found.values() if recipe.is_default]
    assert default.name == params["use"]["model"]
    assert default.params["train"]["learning_rate"] == 0.5
    assert found["small"].title == "`use.model=small use.augment=none`: A small one"
    assert found["small"].params["use"]["augment"] == "none"
    assert "train" not in found["small"].params
    assert found["head"].params["train"]["epochs"] == 0
    for recipe in found.values():
        (root / "params.yaml").write_text(yaml.safe_dump(recipe.params))
        compose(root)
    assert found["published"].params["use"] | {"data": ""} == {
        "data": "",
        "model": "cnn",
        "augment": "published",
    }


def row_of(root: Path) -> Recipe:
    return next(recipe for recipe in recipes(root) if recipe.name == "published")


def ran(work: Path) -> list[str]:
    return (work / "published/ran").read_text().splitlines()


def test_a_row_is_measured_once_and_again_when_something_changed(root: Path) -> None:
    work = root / ".archstyle/results"
    found = measure_recipe(root, work, row_of(root), "photos")
    assert found["metrics"] == {"accuracy": 0.5}
    assert found["bytes"] == {"bundle": 1000, "int8": 1000}
    assert ran(work) == ["augment", "train", "evaluate"]
    assert not (work / "published/data/augmented").exists()
    assert measure_recipe(root, work, row_of(root), "photos")["metrics"] == {"accuracy": 0.5}
    assert ran(work) == ["augment", "train", "evaluate"]
    measure_recipe(root, work, row_of(root), "other photos")
    assert ran(work) == ["augment", "train", "evaluate"] * 2
    recipe = row_of(root)
    recipe.params["train"]["epochs"] = 2
    measure_recipe(root, work, recipe, "other photos")
    assert ran(work) == ["augment", "train", "evaluate"] * 3


def test_an_interrupted_row_goes_on_with_the_stage_that_it_was_in(root: Path) -> None:
    work = root / ".archstyle/results"
    (work / "published").mkdir(parents=True)
    (work / "published/stop").write_text("train")
    with pytest.raises(ArchstyleError, match="The stage train of published failed"):
        measure_recipe(root, work, row_of(root), "photos")
    seconds = json.loads((work / "published/seconds.json").read_text())
    write_json(work / "published/seconds.json", {**seconds, "train": 100.0})
    (work / "published/stop").unlink()
    found = measure_recipe(root, work, row_of(root), "photos")
    assert ran(work) == ["augment", "train", "evaluate"]
    assert found["train_seconds"] >= 100


def photo(file: str, style: str, sha256: str, status: str = "used", group: str = "") -> Row:
    return Row(file, style, sha256, "0" * 64, group or sha256, "train", status, "")


def test_the_reference_s_folders_are_its_splits_duplicates_and_all() -> None:
    rows = [
        photo("train/gothic/1.jpg", "gothic", "a"),
        photo("val/gothic/1.jpg", "gothic", "a", "duplicate"),
        photo("train/gothic/2.jpg", "baroque", "b", "corrected"),
        photo("val/gothic/3.jpg", "gothic", "c", "dropped"),
        photo("val/baroque/4.jpg", "gothic", "d", "duplicate", group="b"),
        replace(photo("val/gothic/5.jpg", "gothic", "e", "broken"), phash=""),
    ]
    found = reference_rows(rows)
    assert [(row.file, row.style, row.split) for row in found] == [
        ("train/gothic/1.jpg", "gothic", "train"),
        ("val/gothic/1.jpg", "gothic", "validation"),
        ("train/gothic/2.jpg", "gothic", "train"),
        ("val/gothic/3.jpg", "gothic", "validation"),
        ("val/baroque/4.jpg", "baroque", "validation"),
    ]
    assert leaked(found) == (1, 3)
    assert corrected_styles(rows) == {"a": "gothic", "b": "baroque"}
    assert reference_rows([replace(row, file=row.file[4:]) for row in rows]) == []


@pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda one: one.name)
def test_a_perturbation_grows_with_its_strength(perturbation: Perturbation) -> None:
    photo = sized(draw_facade("gothic", 3, 600, 400))
    assert min(photo.size) == SIDE
    still = np.asarray(photo.resize((64, 64)), float)
    distances = []
    for strength in perturbation.strengths:
        first, again = (
            perturbation.change(photo, strength, np.random.default_rng(1)) for _ in range(2)
        )
        assert first.tobytes() == again.tobytes()
        assert first.mode == "RGB"
        if perturbation.name in ("crop", "tilt"):  # the less is left of the photo
            distances.append(1 - first.width * first.height / (photo.width * photo.height))
        else:
            distances.append(np.abs(np.asarray(first.resize((64, 64)), float) - still).mean())
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_a_tilted_photo_has_no_corner_that_gives_it_away() -> None:
    white = Image.new("RGB", (700, 512), (255, 255, 255))
    [tilt] = [one for one in PERTURBATIONS if one.name == "tilt"]
    for strength in tilt.strengths:
        turned = tilt.change(white, strength, np.random.default_rng(0))
        assert np.asarray(turned).min() == 255
        assert turned.width / turned.height == pytest.approx(700 / 512, rel=0.02)


def test_answers_are_counted_by_both_kinds_of_labels() -> None:
    said = {"a": ("x", True), "b": ("y", True), "c": ("x", False), "d": ("y", True)}
    labelled = {"a": "x", "b": "x", "c": "x", "d": "y"}
    corrected = {"a": "x", "b": "y", "c": "x"}  # b relabelled, d dropped
    assert tally(said, labelled, corrected) == {
        "accuracy": 0.75,
        "corrected_accuracy": 1.0,
        "answered_share": 0.666667,
        "answered_accuracy": 1.0,
    }
    assert tally({"a": ("x", False)}, {"a": "y"}, {"a": "y"})["answered_accuracy"] == 0.0


class Gothic:
    """Has what robustness uses of a Bundle; says "gothic", and is sure of light photos."""

    digest = "b" * 64
    card = card()

    def __init__(self) -> None:
        self.asked = 0

    def run(self, images: np.ndarray) -> np.ndarray:
        self.asked += len(images)
        return images

    def answers(self, images: np.ndarray) -> list[Answer]:
        return [Answer("gothic", 0.9, bool(image.mean() > 90), {}, None) for image in images]


def test_robustness_is_measured_once_for_a_bundle(
    tmp_path: Path, facades: dict[str, bytes]
) -> None:
    raw, work = tmp_path / "raw", tmp_path / "work"
    raw.mkdir()
    few = dict(list(facades.items())[:3])
    pack(Drawn(few), raw, None, 10**9)
    rows = [photo(name, "gothic", str(n)) for n, name in enumerate(few)]
    by = dict.fromkeys(few, "gothic")
    bundle: Any = Gothic()

    def measured() -> dict[str, list[dict[str, float]]]:
        bundle.asked = 0
        return robustness(bundle, PhotoStore(raw), Labels(rows, by, by), work)

    found = measured()
    assert [*found] == ["unchanged", *(one.name for one in PERTURBATIONS)]
    assert [point["strength"] for point in found["tilt"]] == [5, 10, 20, 30]
    assert bundle.asked == 3 * (1 + sum(len(one.strengths) for one in PERTURBATIONS))
    assert found["unchanged"][0]["corrected_accuracy"] == 1
    assert found["unchanged"][0]["answered_share"] == 1
    assert found["dark"][-1]["answered_share"] == 0
    assert (measured(), bundle.asked) == (found, 0)
    bundle.digest = "c" * 64
    assert measured() == found
    assert bundle.asked


def metrics(accuracy: float) -> dict[str, float]:
    found = {"macro_f1": accuracy - 0.01}
    for end, value in (("", 0.0), ("_low", -0.04), ("_high", 0.03)):
        found[f"accuracy{end}"] = accuracy + value
    corrected = {f"corrected_{name}": value + 0.02 for name, value in found.items()}
    return {**found, **corrected, "most_frequent_style_accuracy": 0.3}


def results(drawn: bool = False, limit: int | None = None) -> Results:
    lines = [
        Line("the reference", "reference", metrics(0.95), leaks=True),
        Line("small", "small", metrics(0.7), 65.0, {"bundle": 3_400_000}),
        Line(
            "the default",
            "default",
            metrics(0.9),
            200.0,
            {"bundle": 4_100_000, "float32": 14_200_000, "int8": 4_100_000},
            is_default=True,
        ),
    ]
    point = {"accuracy": 0.8, "corrected_accuracy": 0.82, "answered_share": 0.9}
    strengths: dict[str, Sequence[float]] = {one.name: one.strengths for one in PERTURBATIONS}
    points = {
        name: [{"strength": s, "answered_accuracy": 0.95, **point} for s in values]
        for name, values in {"unchanged": (0.0,), **strengths}.items()
    }
    counts = {"baroque": {"train": 6, "test": 2}, "gothic": {"train": 9, "test": 2}}
    source = {"location": "photos", "drawn": drawn, "files": 1234}
    rows = [photo("a.jpg", "gothic", "a")]
    labels = Labels(rows, {"a.jpg": "gothic"}, {"a.jpg": "baroque"})
    summary = {"counts": counts, "source": source}
    both = {"validation": points, "test": points}
    return Results(lines, both, labels, summary, (31, 32), limit, {"git.commit": "c0ffee1234567"})


def test_the_table_says_what_was_measured() -> None:
    found = results()
    assert "as labelled on 1 test photographs, as corrected on 1." in told(found)[1]
    text = results_table(found.lines, ("gothic", 0.325))
    assert text.splitlines()[2:] == [
        '| always saying "gothic" | 0.325 | | | | |',
        "| small | 0.700 (0.660 to 0.730) | 0.720 (0.680 to 0.750) | 0.710 | 65 s | 3.4 MB |",
        "| **the default** | 0.900 (0.860 to 0.930) | 0.920 (0.880 to 0.950) | 0.910 "
        "| 3.3 min | 14.2 MB float32, 4.1 MB int8 |",
    ]
    assert (minutes(89), minutes(90)) == ("89 s", "1.5 min")
    assert megabytes({"bundle": 1_000_000}) == "1.0 MB"


def test_the_spread_between_seeds_is_told_where_there_are_several(tmp_path: Path) -> None:
    seeds = {42: metrics(0.9), 43: metrics(0.92), 44: metrics(0.91)}
    text = spread(seeds)
    assert "seeds 42, 43, 44" in text
    assert "as labelled 0.900, 0.920, 0.910 (standard deviation 0.010)" in text
    assert spread({42: metrics(0.9)}) == ""
    [path] = write_results(tmp_path, replace(results(drawn=True), seeds=seeds))
    page = " ".join(path.read_text().split())
    assert text in page
    assert "It ignores the seed" in page


def test_another_seed_is_measured_beside_the_default_recipe(root: Path) -> None:
    recipe = next(recipe for recipe in recipes(root) if recipe.is_default)
    other = with_seed(recipe, 43)
    assert other.name == f"{recipe.name}-seed-43"
    assert other.params == {**recipe.params, "seed": 43}
    assert recipe.params["seed"] == 42
    assert not other.is_default


def test_robustness_is_told_apart_for_choosing_and_for_telling(tmp_path: Path) -> None:
    found = results(drawn=True)
    validation = {
        name: [{**point, "corrected_accuracy": 0.5} for point in points]
        for name, points in found.robustness["test"].items()
    }
    both = {**found.robustness, "validation": validation}
    [path] = write_results(tmp_path, replace(found, robustness=both))
    page = path.read_text()
    _, rest = page.split("### Validation photos, to choose by")
    choosing, telling = rest.split("### Test photos, to tell")
    assert "| blur | 0.500 | 0.500 |" in choosing and "0.820" not in choosing
    assert "| blur | 0.820 | 0.820 |" in telling and "0.500" not in telling


def test_validation_photos_have_the_styles_that_choices_are_made_by() -> None:
    rows = [
        replace(photo("a.jpg", "gothic", "a"), split="validation"),
        replace(photo("gothic/b.jpg", "baroque", "b", "corrected"), split="validation"),
        photo("c.jpg", "gothic", "c"),
    ]
    labels = validation_labels(rows)
    assert [row.file for row in labels.rows] == ["a.jpg", "gothic/b.jpg"]
    assert labels.corrected == {"a.jpg": "gothic", "gothic/b.jpg": "baroque"}


def test_only_what_is_between_the_markers_is_replaced() -> None:
    page = f"before\n{START}\nold\n{END}\nafter\n"
    assert between_markers(page, "new") == f"before\n{START}\nnew\n{END}\nafter\n"
    assert between_markers("before\nafter", "new") is None
    assert between_markers((ROOT / "README.md").read_text(), "new") is not None


def test_pages_and_figures_are_written_into_the_documents(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"# Title\n{START}\nstale\n{END}\nrest\n")
    wrote = write_results(tmp_path, results())
    assert wrote == [tmp_path / "docs/results.md", tmp_path / "README.md"]
    page = (tmp_path / "docs/results.md").read_text()
    assert 'always saying "gothic" | 0.300' in page
    assert "31 of the 32 photos of" in page.replace("\n", " ")
    assert "at commit c0ffee1234:" in page
    assert "say nothing" not in page
    for name in ("results", "robustness", "perturbations"):
        assert f"({name}.png)" in page
        assert (tmp_path / f"docs/{name}.png").is_file()
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("# Title\n")
    assert readme.endswith("\nrest\n")
    assert "stale" not in readme
    assert "**the default**" in readme
    first = (tmp_path / "docs/robustness.png").read_bytes()
    write_results(tmp_path, results())
    assert (tmp_path / "docs/robustness.png").read_bytes() == first


@pytest.mark.parametrize(
    ("toy", "words"),
    [({"drawn": True}, "drawn facades, not photos"), ({"limit": 9}, "only 9 photos of each style")],
)
def test_a_toy_s_results_leave_the_documents_as_they_are(
    tmp_path: Path, toy: dict[str, Any], words: str
) -> None:
    wrote = write_results(tmp_path, results(**toy))
    assert wrote == [tmp_path / "reports/results/results.md"]
    assert f"results on {words}. They say nothing" in wrote[0].read_text()
    assert not (tmp_path / "docs").exists()


@pytest.fixture(scope="session")
def facades() -> dict[str, bytes]:
    """Twenty-four facades as PNG files, in the folders `train` and `val`."""
    drawn = {}
    for style in ("baroque", "gothic"):
        for seed in range(12):
            buffer = BytesIO()
            draw_facade(style, seed, 96, 64).save(buffer, "PNG")
            part = "val" if seed < 4 else "train"
            drawn[f"{part}/{style}/{seed}.png"] = buffer.getvalue()
    return drawn


@pytest.mark.pipeline
def test_a_recipe_and_the_reference_s_protocol_are_really_measured(
    tmp_path: Path, facades: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("conf", "src", "pipeline", "dvc.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    params = read_params(ROOT)
    params["augment"] = {"copies": 1}
    params["model"] = {"image_size": 32, "read_size": 32}
    params["train"] = {"epochs": 1}
    params["use"]["model"] = "cnn"
    params["evaluate"]["bootstrap_samples"] = 100
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    for name in ("raw", "prepared"):
        (tmp_path / "data" / name).mkdir(parents=True)
    pack(Drawn(facades), tmp_path / "data/raw", None, 10**9)
    store = PhotoStore(tmp_path / "data/raw")
    splits = ["train", "validation", "test"]
    rows = [
        Row(
            file=entry.file,
            style=entry.file.split("/")[1],
            sha256=entry.sha256,
            phash=f"{n:064x}",
            group=entry.sha256[:16],
            split=splits[n % 3],
            status="used",
            reason="",
        )
        for n, entry in enumerate(store.entries)
    ]
    write_manifest(tmp_path / "data/prepared/manifest.csv", rows)
    shares = compose(tmp_path).split
    summary = summarize(rows, {"drawn": True, "location": "", "files": 24}, shares)
    write_json(tmp_path / "data/prepared/summary.json", summary)
    for name in ("MLFLOW_TRACKING_URI", "DVC_STAGE", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    work = tmp_path / ".archstyle/results"
    recipe = Recipe("small", "a small one", "small", params, is_default=True)
    found = measure_recipe(tmp_path, work, recipe, digest(rows))
    assert 0 <= found["metrics"]["accuracy_low"] <= found["metrics"]["accuracy"] <= 1
    assert "corrected_accuracy" in found["metrics"]
    assert found["train_seconds"] > 1
    assert all(size > 100_000 for size in found["bytes"].values())
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        [(name, status)] = database.execute("select name, status from runs")
    assert name.startswith("results: small, ")
    assert status == "FINISHED"
    monkeypatch.setattr(measure, "published", lambda _: recipe)
    told = measure_reference(tmp_path, work, rows, digest(rows))
    assert told["leaked"] == [0, 8]
    assert told["metrics"]["photos"] == told["metrics"]["corrected_photos"] == 8
    assert 0 <= told["metrics"]["accuracy_low"] <= told["metrics"]["accuracy"] <= 1
    assert not (work / "reference/data/augmented").exists()
    again = measure_reference(tmp_path, work, [], digest(rows))
    assert again["metrics"] == told["metrics"]
