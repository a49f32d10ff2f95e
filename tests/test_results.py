"""The comparison of recipes: which ones, what is kept, the reference's protocol, and the pages."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
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
from benchmarks.results import __main__ as results_module
from benchmarks.results.__main__ import (
    DONE,
    corrected_styles,
    measure_recipe,
    measure_reference,
    reference_rows,
)
from benchmarks.results.page import write_results
from benchmarks.results.recipes import Recipe, recipes
from benchmarks.results.robustness import (
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
with pathlib.Path("../ran").open("a") as file:
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


START, END = "<!-- make results writes this -->", "<!-- up to here -->"


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
    for stage, out in DONE.items():
        (tmp_path / f"pipeline/{stage}.py").write_text(STAGE.format(stage=stage, out=out))
    monkeypatch.setattr(results_module, "finish_run", lambda folder, name: None)
    return tmp_path


def test_every_model_is_a_row_but_the_one_whose_weights_are_downloaded(root: Path) -> None:
    model = (root / "conf/model/efficientnet_lite0.yaml").read_text().splitlines()
    model[1:3] = [
        "# python -m pipeline.train use.model=small use.augment=none",
        "# A small one: quickly trained. For a look.",
    ]
    (root / "conf/model/small.yaml").write_text("\n".join(model))
    (root / "conf/model/keras_application.yaml").write_text("\n".join(model))
    params = yaml.safe_load((root / "params.yaml").read_text())
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
    return (work / "ran").read_text().splitlines()


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


def said(style: str, answered: bool = True) -> Answer:
    return Answer(style, 0.9, answered, {}, None)


def test_what_is_answered_and_what_of_it_is_right_are_counted() -> None:
    rows = [photo(name, "x", name) for name in "abc"]
    answers = [said("x"), said("y"), said("x", answered=False)]
    assert tally(rows, answers) == {
        "accuracy": 0.666667,
        "answered_share": 0.666667,
        "answered_accuracy": 0.5,
    }
    assert tally(rows[:1], [said("y", answered=False)])["answered_accuracy"] == 0.0


class Gothic:
    """Has what robustness uses of a Bundle; says "gothic", and is sure of light photos."""

    digest = "b" * 64
    card = card()

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, image: np.ndarray) -> Answer:
        self.asked += 1
        return said("gothic", bool(image.mean() > 90))


def test_robustness_is_measured_once_for_a_bundle(
    tmp_path: Path, facades: dict[str, bytes]
) -> None:
    raw, work = tmp_path / "raw", tmp_path / "work"
    raw.mkdir()
    few = dict(list(facades.items())[:3])
    pack(Drawn(few), raw, None, 10**9)
    rows = [photo(name, "gothic", str(n)) for n, name in enumerate(few)]
    bundle: Any = Gothic()

    def measured() -> dict[str, list[dict[str, float]]]:
        bundle.asked = 0
        return robustness(bundle, PhotoStore(raw), rows, work)

    found = measured()
    assert [*found] == ["unchanged", *(one.name for one in PERTURBATIONS)]
    assert [point["strength"] for point in found["tilt"]] == [5, 10, 20, 30]
    assert bundle.asked == 3 * (1 + sum(len(one.strengths) for one in PERTURBATIONS))
    assert found["unchanged"][0]["accuracy"] == 1
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


def written(
    folder: Path, drawn: bool = False, limit: int | None = None, **more: Any
) -> tuple[str, str]:
    """Write the results of three made-up recipes; return the page and the README."""
    recipes = [
        Recipe("reference", "the reference", "reference", {}, leaks=True),
        Recipe("small", "small", "small", {}),
        Recipe("default", "the default", "default", {}, is_default=True),
    ]
    sizes = {"bundle": 4_100_000, "float32": 14_200_000, "int8": 4_100_000}
    found: list[dict[str, Any]] = [
        {"metrics": metrics(0.95), "leaked": [31, 32]},
        {"metrics": metrics(0.7), "train_seconds": 89.0, "bytes": {"bundle": 3_400_000}},
        {"metrics": metrics(0.9), "train_seconds": 90.0, "bytes": sizes},
    ]
    strengths: dict[str, Sequence[float]] = {one.name: one.strengths for one in PERTURBATIONS}

    def points(accuracy: float) -> dict[str, list[dict[str, float]]]:
        point = {"accuracy": accuracy, "answered_share": 0.9, "answered_accuracy": 0.95}
        every = {"unchanged": (0.0,), **strengths}
        return {name: [{"strength": s, **point} for s in each] for name, each in every.items()}

    (folder / "README.md").write_text(f"# Title\n{START}\nstale\n{END}\nrest\n")
    counts = {"baroque": {"train": 6, "test": 2}, "gothic": {"train": 9, "test": 2}}
    write_results(
        folder,
        lines=list(zip(recipes, found, strict=True)),
        robust={"validation": points(0.5), "test": points(0.82)},
        labels=Labels([], {"a.jpg": "gothic"}, {"a.jpg": "baroque"}),
        summary={
            "counts": counts,
            "source": {"location": "photos", "drawn": drawn, "files": 1234},
        },
        git={"git.commit": "c0ffee1234567"},
        limit=limit,
        **more,
    )
    page = folder / ("reports/results" if drawn or limit else "docs") / "results.md"
    return page.read_text(), (folder / "README.md").read_text()


def test_page_readme_and_figures_say_what_was_measured(tmp_path: Path) -> None:
    page, readme = written(tmp_path)
    table = [
        '| always saying "gothic" | 0.300 | | | | |',
        "| small | 0.700 (0.660 to 0.730) | 0.720 (0.680 to 0.750) | 0.710 | 89 s | 3.4 MB |",
        "| **the default** | 0.900 (0.860 to 0.930) | 0.920 (0.880 to 0.950) | 0.910 "
        "| 1.5 min | 14.2 MB float32, 4.1 MB int8 |",
    ]
    for text in (page, readme):
        assert "\n".join(table) in text
        assert "at commit c0ffee1234: as labelled on 1 test photographs, as corrected on 1." in text
    assert "| the reference | 0.950 (0.910 to 0.980) |" in page and "say nothing" not in page
    assert "31 of the 32 photos of" in page.replace("\n", " ")
    assert "31 of 32 photos lie in its training folder too" in readme
    assert readme.startswith(f"# Title\n{START}\n|") and readme.endswith(f"\n{END}\nrest\n")
    assert "stale" not in readme
    first = {}
    for name in ("results", "robustness", "perturbations"):
        assert f"({name}.png)" in page
        first[name] = (tmp_path / f"docs/{name}.png").read_bytes()
    written(tmp_path)
    assert (tmp_path / "docs/robustness.png").read_bytes() == first["robustness"]


def test_the_readme_has_a_place_for_the_table() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.index(START) < text.index(END)


def test_the_spread_between_seeds_is_told_where_there_are_several(tmp_path: Path) -> None:
    seeds = {42: metrics(0.9), 43: metrics(0.92), 44: metrics(0.91)}
    page, _ = written(tmp_path, seeds=seeds)
    assert "seeds 42, 43, 44: as labelled 0.900, 0.920, 0.910 (standard deviation 0.010)" in page
    assert "It ignores the seed" in " ".join(page.split())
    page, _ = written(tmp_path, seeds={42: metrics(0.9)})
    assert "with the seeds" not in page


def test_every_recipe_and_other_seeds_of_the_default_are_measured_and_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "data/prepared").mkdir(parents=True)
    rows = [photo(f"{part}/gothic/1.jpg", "gothic", part) for part in ("train", "val")]
    write_manifest(root / "data/prepared/manifest.csv", rows)
    summary = {"digest": "photos", "shares": {"validation": 0.1, "test": 0.1}}
    write_json(root / "data/prepared/summary.json", summary)
    asked: list[str] = []

    def measured(root: Path, work: Path, recipe: Recipe, *_: Any) -> dict[str, Any]:
        asked.append(recipe.name)
        return {"metrics": metrics(0.9), "leaked": [0, 1]}

    told: dict[str, Any] = {}
    stand_ins: dict[str, Any] = {
        "measure_recipe": measured,
        "measure_reference": measured,
        "prepare_store": lambda: None,
        "robustness": lambda *_: {},
        "Bundle": SimpleNamespace(load=lambda path: SimpleNamespace(styles=("gothic",))),
        "PhotoStore": lambda path: None,
        "write_results": lambda root, **values: told.update(values),
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(results_module, name, stand_in)
    results_module.results(root, seeds=3)
    every = recipes(root)
    default = next(recipe.name for recipe in every if recipe.is_default)
    others = [f"{default}-seed-43", f"{default}-seed-44"]
    names = [recipe.name for recipe in every]
    assert asked == ["published", *names, *others]
    assert [recipe.name for recipe, _ in told["lines"]] == ["published", *names]
    assert [recipe.leaks for recipe, _ in told["lines"]] == [True, *(False for _ in names)]
    assert list(told["seeds"]) == [42, 43, 44]
    assert told["robust"].keys() == {"validation", "test"}


def test_another_seed_is_measured_beside_the_default_recipe(root: Path) -> None:
    recipe = next(recipe for recipe in recipes(root) if recipe.is_default)
    other = recipe.with_seed(43)
    assert other.name == f"{recipe.name}-seed-43"
    assert other.params == {**recipe.params, "seed": 43}
    assert recipe.params["seed"] == 42
    assert not other.is_default


def test_robustness_is_told_apart_for_choosing_and_for_telling(tmp_path: Path) -> None:
    page, _ = written(tmp_path)
    _, rest = page.split("### Validation photos, to choose by")
    choosing, telling = rest.split("### Test photos, to tell")
    assert "| blur | 0.500 | 0.500 |" in choosing and "0.820" not in choosing
    assert "| blur | 0.820 | 0.820 |" in telling and "0.500" not in telling


@pytest.mark.parametrize(
    ("toy", "words"),
    [({"drawn": True}, "drawn facades, not photos"), ({"limit": 9}, "only 9 photos of each style")],
)
def test_a_toy_s_results_leave_the_documents_as_they_are(
    tmp_path: Path, toy: dict[str, Any], words: str
) -> None:
    page, readme = written(tmp_path, **toy)
    assert f"results on {words}. They say nothing" in page
    assert "stale" in readme
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
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
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
    train, validation = (
        [row for row in rows if row.file.startswith(f"{part}/")] for part in ("train", "val")
    )
    copied = [replace(validation[0], sha256=train[0].sha256), *validation[1:], *train]
    told = measure_reference(tmp_path, work, recipe, copied, digest(rows))
    assert told["leaked"] == [1, 8]
    assert 0 <= told["metrics"]["accuracy_low"] <= told["metrics"]["accuracy"] <= 1
    assert not (work / "reference/data/augmented").exists()
    again = measure_reference(tmp_path, work, recipe, [], digest(rows))
    assert again["metrics"] == told["metrics"]
