"""compose.yaml and the Dockerfiles, as far as they can be checked without Docker.

tests/test_team_store.py runs MLflow, the pages and nginx with the commands of compose.yaml.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import compose
from tests.conftest import ROOT

DOCKERFILES = ("serving/Dockerfile", "pipeline/Dockerfile")
COMPOSE = compose.compose({}, {})
SERVICES = COMPOSE["services"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_hadolint_has_nothing_to_say(dockerfile: str) -> None:
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}")
    if program is None:
        pytest.skip("hadolint comes with `make setup` on Linux alone")
    done = subprocess.run([program, ROOT / dockerfile], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_gets_all_that_it_copies_and_nothing_else(dockerfile: str) -> None:
    kept = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = {line.removeprefix("!") for line in kept if line.startswith("!")}
    assert "*" in kept
    for name, rest in compose.instructions(dockerfile):
        if name == "COPY" and not rest.startswith("--from"):
            *sources, _ = rest.split()
            assert set(sources) <= sent and all((ROOT / one).exists() for one in sources)


def test_the_page_runs_as_nobody_on_a_read_only_file_system_without_tensorflow() -> None:
    said = compose.instructions("serving/Dockerfile")
    assert ("USER", "10001") in said and said[-1] == ("CMD", '["python", "-m", "serving"]')
    assert any(name == "HEALTHCHECK" and "/healthz" in rest for name, rest in said)
    assert compose.environment("serving/Dockerfile")["ARCHSTYLE_CACHE"] == "/cache"
    for page in ("page1", "page2"):
        one = SERVICES[page]
        assert one["read_only"] and one["tmpfs"] == ["/tmp"] and one["cap_drop"] == ["ALL"]
        assert one["volumes"] == [f"{page}:/cache"]


def test_every_service_is_whole_and_its_image_is_pinned_or_made_here() -> None:
    assert {"postgres", "s3", "mlflow", "page1", "page2", "nginx"} <= SERVICES.keys()
    built = {one["image"] for one in SERVICES.values() if "build" in one}
    for name, one in SERVICES.items():
        assert one["image"] in built or re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", one["image"])
        assert set(one.get("depends_on", ())) <= SERVICES.keys(), name
        for volume in one.get("volumes", ()):
            place = volume.partition(":")[0]
            there = (ROOT / place).exists() or place == "./tls"  # which docs/team.md makes
            assert there if place.startswith(".") else place in COMPOSE["volumes"], volume
        for config in one.get("configs", ()):
            assert config["source"] in COMPOSE["configs"]
        if "build" in one:
            assert (ROOT / one["build"]["dockerfile"]).is_file()


def test_every_variable_of_compose_is_explained() -> None:
    told = (ROOT / "docs" / "team.md").read_text("utf-8")
    assert set(compose.variables()) == set(re.findall(r"(?m)^\| `([A-Z0-9_]+)` \|", told))


def test_no_port_but_nginx_is_open_and_no_password_is_in_a_command() -> None:
    assert [name for name, one in SERVICES.items() if "ports" in one] == ["nginx"]
    text = (ROOT / "compose.yaml").read_text("utf-8")
    raw = yaml.safe_load(text)["services"]
    assert not any("PASSWORD" in str(one.get("command")) for one in raw.values())


def test_the_pipelines_container_sets_nothing_up_that_its_image_has() -> None:
    make, *words = compose.command("pipeline/Dockerfile")
    done = subprocess.run(
        [make, "-n", *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "dvc repro" in done.stdout and "pip install" not in done.stdout
