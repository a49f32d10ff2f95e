import re
from dataclasses import replace
from pathlib import Path

import pytest

from archstyle.registry.model_card import interval, markdown_card
from tests.serving_project import altered, app_of, model_of

TEST = {
    **{"accuracy": 0.85, "accuracy_low": 0.8, "accuracy_high": 0.9, "test_photos": 120},
    **{"answered_share": 0.6, "answered_accuracy": 0.95, "unsure_set_coverage": 0.96},
    **{"unsure_mean_set_size": 2.5, "precision_gothic": 0.9, "recall_gothic": 0.75},
    **{"support_gothic": 60, "recall_baroque": 0.0, "precision_baroque": 0.0, "support_baroque": 9},
}
COUNTS = {style: {"train": 1234} for style in ("baroque", "byzantine", "egyptian", "gothic")}


def text_of(page: str) -> str:
    page = re.sub(r"<[^>]+>", " ", page).replace("&nbsp;", " ").replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", page).replace("\N{EN DASH}", "-")


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "one style for 60 % of the test photos"),
        ("en", "names 2.5 styles on average"),
        ("en", "it has never met, 62 % of the photos"),
        ("en", "Gothic 1,234 60 75 % (63-84 %) 90 % (79-96 %)"),
        ("en", "Baroque 1,234 9 0 % (0-30 %) -"),
        ("en", "Egyptian 1,234 - - -"),
        ("en", "my photos: 4,000 photos"),
        ("es", "un solo estilo en el 60 % de las fotos"),
        ("es", "nombra 2,5 estilos"),
        ("es", "Gótico 1.234 60 75 % (63-84 %) 90 % (79-96 %)"),
        ("es", "my photos: 4.000 fotos"),
    ],
)
def test_card_tells_what_was_measured(tiny_bundle: Path, language: str, told: str) -> None:
    model = model_of(
        tiny_bundle,
        metrics={"test": TEST},
        counts=COUNTS,
        source={"kind": "collection", "location": "all", "used": {"my photos": 4000}},
        left_out={"romanesque": 0.5, "ranch": 0.74, "other": None},
        distance_threshold=1.0,
    )
    assert told in text_of(app_of(model).test_client().get(f"/model?lang={language}").text)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "2026-02-03 04:05 2 a person chose it 2026-01-02 03:04 1 the pipeline found it"),
        ("es", "2026-02-03 04:05 2 la eligió una persona 2026-01-02 03:04 1 la cadena"),
    ],
)
def test_card_tells_the_champions_so_far(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    champions = [
        {"time": "2026-01-02T03:04:05.000006Z", "action": "register", "version": "1"},
        {"time": "2026-02-03T04:05:06.000007Z", "action": "promote", "version": "2"},
    ]
    monkeypatch.setattr("serving.page.read_champions", lambda: champions)
    model = model_of(tiny_bundle)
    client = app_of(model).test_client()
    assert told in text_of(client.get(f"/model?lang={language}").text)
    released = app_of(replace(model, version="released")).test_client()
    assert "2026-02-03" not in released.get("/model").text


def test_markdown_says_what_the_page_shows(tiny_bundle: Path, tmp_path: Path) -> None:
    lineage = {"run_id": "abc", "git.commit": "def"}
    changed = {"metrics": {"test": TEST}, "counts": COUNTS, "lineage": lineage}
    bundle = altered(tiny_bundle, tmp_path / "bundle", **changed)
    printed = markdown_card(str(bundle))
    assert (
        "| Gothic | 1,234 | 60 | 75 % (63\N{EN DASH}84 %) | 90 % (79\N{EN DASH}96 %) |" in printed
    )
    page = text_of(app_of(model_of(bundle)).test_client().get("/model").text)
    for line in re.sub(r":\*\*|[#*`|]|---:?|^- ", " ", printed, flags=re.M).splitlines():
        if line.strip() and "not registered" not in line:
            assert "".join(text_of(line).split()) in re.sub(r"\s", "", page)


def test_card_of_an_older_model_says_what_it_knows(tiny_bundle: Path) -> None:
    model = model_of(tiny_bundle, metrics={}, counts={}, left_out={}, distance_threshold=None)
    page = app_of(model).test_client().get("/model")
    assert page.status_code == 200
    assert "is not measured" in page.text and "not measured yet" in page.text


def test_interval_of_few_photos_is_wide_and_stays_a_share() -> None:
    assert interval(0.8, 10)[1:] == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert interval(1.0, 3)[2] == 1.0
    assert interval(0.0, 3)[1] == pytest.approx(0)
