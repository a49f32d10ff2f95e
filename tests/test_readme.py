"""Every command in the README is run by a test or in CI, and every target is listed."""

import re
import subprocess

import pytest

from tests.conftest import ROOT

COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
# Where a command, or the same one on other photos, is run.
RUN_IN = {
    "make run": (".ci/pipelines", "make run"),
    "make serve": (".ci/pipelines", "make serve"),
    "ARCHSTYLE_PHOTOS=~/photos make run": (".ci/pipelines", "ARCHSTYLE_PHOTOS=$photos make run"),
    "ARCHSTYLE_PHOTOS=~/photos make data": (
        ".ci/pipelines",
        "ARCHSTYLE_PHOTOS=$photos make data",
    ),
    "dvc repro": ("tests/test_pipeline.py", '"dvc", "repro"'),
    "dvc exp run -S use.model=cnn -S train.epochs=3": (".ci/pipelines", "dvc exp run --temp -S"),
    "python -m pipeline.train use.model=cnn train.epochs=3": (
        ".ci/pipelines",
        "python -m pipeline.train use.model=cnn train.epochs=",
    ),
    "dvc exp run --queue -S use.model=cnn -S 'train.epochs=2,4'": (
        ".ci/pipelines",
        "dvc exp run --queue",
    ),
    "dvc exp run --run-all": (".ci/pipelines", "dvc exp run --run-all"),
    "dvc exp show": (".ci/pipelines", "dvc exp show"),
    "make ui": (".ci/pipelines", "make ui"),
    "dvc metrics diff": (".ci/pipelines", "dvc metrics diff"),
    "archstyle versions": (".ci/pipelines", "archstyle versions"),
    "archstyle lineage 1": (".ci/pipelines", "archstyle lineage 1"),
    "archstyle lineage 1 2": ("tests/test_portable.py", 'ask("lineage", "1", "2")'),
    "archstyle verify 2": ("tests/test_portable.py", 'ask("verify", "champion")'),
    "archstyle export 2 DIR": ("tests/test_portable.py", 'ask("export", "1", str(target))'),
    "archstyle register DIR/bundle": (
        "tests/test_portable.py",
        'ask("register", str(target / "bundle"))',
    ),
    "curl -F photo=@house.jpg http://127.0.0.1:8000/api/v1/predict": (
        ".ci/pipelines",
        "curl -sf -F photo=@house.jpg",
    ),
    "archstyle predict house.jpg --format jsonl": (
        ".ci/pipelines",
        "archstyle predict house.jpg --format jsonl",
    ),
    "archstyle predict photos.zip 'album/**/*.jpg' --output answers.csv": (
        "tests/test_predict.py",
        "archstyle predict photos.zip 'album/**/*.jpg' --output answers.csv",
    ),
    "find album -name '*.jpg' -print0 | archstyle predict - --output answers.jsonl --resume": (
        "tests/test_predict.py",
        "find album -name '*.jpg' -print0 | archstyle predict - --output answers.jsonl --resume",
    ),
    "archstyle predict s3://bucket/folder --cluster --output answers.parquet": (
        "tests/test_cluster.py",
        '"s3://houses/many", "--output", str(output)]',
    ),
    'eval "$(_ARCHSTYLE_COMPLETE=bash_source archstyle)"': (
        "tests/test_predict.py",
        'eval "$(_ARCHSTYLE_COMPLETE=bash_source archstyle)"',
    ),
    "make test": (".ci/run", "make test"),
    "make test-ray": (".ci/run", "make test-ray"),
    "make test-fast": ("Makefile", "\ntest: test-fast"),
    "make lint": (".ci/run", "make lint"),
    "make bench": (".ci/pipelines", "make bench BENCH="),
    # All recipes take half an hour; one, and the reference's protocol, are measured there.
    "make results": ("tests/test_results.py", "_are_really_measured"),
    "make sweep SWEEP=quick TRIALS=20": (".ci/pipelines", "make sweep SWEEP=quick TRIALS="),
    "archstyle audit": (".ci/pipelines", "archstyle audit"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_run_somewhere(command: str) -> None:
    file, text = RUN_IN[command]
    assert text in (ROOT / file).read_text()
    # What make only prints is not run.
    assert f"make -n {text.removeprefix('make ')}" not in (ROOT / file).read_text()


def test_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in phony[1].split():
        assert f"make {target} " in shown


def test_links_of_the_documents_lead_somewhere() -> None:
    for page in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_lock_file_names_no_registry() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert "http" not in re.sub(r"(?m)^[a-z0-9-]*http[a-z0-9-]*==|#.*$", "", lock)
