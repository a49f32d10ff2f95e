"""Many machines: a real Ray cluster of two nodes, of which one is killed in the middle."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from archstyle.cli import main
from archstyle.common.cluster import spread_over
from archstyle.errors import ArchstyleError
from archstyle.photos.bucket import BucketPhotos
from archstyle.photos.reader import PhotoError
from facades import draw_facade
from pipeline import fetch, prepare
from tests.conftest import ROOT
from tests.photo_folders import fill
from tests.test_buckets import bucket, server  # noqa: F401

pytestmark = [
    pytest.mark.slow,
    # Ray's own, of processes and files that it leaves to the system.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MODEL = ROOT / "models/released"
SMALL: dict[str, Any] = {
    "num_cpus": 1,
    "object_store_memory": 80_000_000,
    "include_dashboard": False,
}
COMMAND = ["predict", "--model", str(MODEL), "--format", "jsonl"]


class Machines:
    """A head without a core, for the one who asks, and two nodes of one core each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(True, head_node_args={**SMALL, "num_cpus": 0})
        self.address = self.cluster.address
        self.nodes: list[Any] = []
        self.complete()

    def complete(self) -> None:
        while len(self.nodes) < 2:
            self.nodes.append(self.cluster.add_node(**SMALL))

    def kill_one(self) -> str:
        """End a node and all that runs on it, by SIGKILL; return its id."""
        node = self.nodes.pop()
        self.cluster.remove_node(node, allow_graceful=False)
        return str(node.node_id)


@pytest.fixture(scope="module")
def machines(server: tuple[str, Path]) -> Iterator[Machines]:  # noqa: F811
    """The cluster; its nodes have the credentials of the bucket."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_raylet_start_wait_time_s", "200")  # not 30, which busy cores exceed
        patch.setenv("AWS_ENDPOINT_URL", server[0])
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        made = Machines()
        yield made
        made.cluster.shutdown()


def look(number: int) -> tuple[int, str]:
    import ray

    if number == 13:
        os._exit(1)
    if number == 99:
        raise ArchstyleError("Ninety-nine is too many.")
    time.sleep(0.02)
    return number, ray.get_runtime_context().get_node_id()


@pytest.mark.ray
def test_a_node_that_is_killed_loses_nothing_and_brings_nothing_twice(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.complete()
    monkeypatch.setattr("archstyle.common.cluster.CHUNK", 3)
    results = spread_over(machines.address, look, iter(range(90)), lambda task: (task, "lost"))
    seen = [next(results) for _ in range(8)]
    killed = machines.kill_one()
    seen += results
    assert [number for number, _ in seen] == list(range(90))
    assert [node for number, node in seen if number == 13] == ["lost"]
    assert {node for number, node in seen if number > 50} == {str(machines.nodes[0].node_id)}
    assert killed not in {node for number, node in seen if number > 50}


@pytest.mark.ray
def test_a_sentence_of_another_machine_is_told_here(machines: Machines) -> None:
    with pytest.raises(ArchstyleError, match=r"^Ninety-nine is too many\.$"):
        list(spread_over(machines.address, look, iter([98, 99]), lambda task: (task, "")))


@pytest.mark.ray
def test_a_bucket_is_answered_on_a_cluster_as_here_though_a_node_is_killed(
    machines: Machines,
    bucket: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    machines.complete()
    photo = tmp_path / "photo.jpg"
    for number in range(150):
        draw_facade("gothic", number % 5).resize((64, 64)).save(photo)
        data = b"no photo" if number == 77 else photo.read_bytes()
        bucket.put_object(Bucket="houses", Key=f"many/{number % 3}/{number}.jpg", Body=data)
    output = tmp_path / "answers.parquet"
    command = [*COMMAND[:-2], "s3://houses/many", "--output", str(output)]
    command = [sys.executable, "-m", "archstyle.cli", *command, "--cluster", machines.address]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    rows = Path(f"{output}.jsonl")
    while not (rows.exists() and rows.read_text("utf-8").count("\n") >= 32):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    machines.kill_one()
    told = process.communicate(timeout=600)[1]
    assert process.returncode == 0, told
    assert "150 photos" in told and "1 broken" in told
    here = CliRunner().invoke(main, [*COMMAND, "s3://houses/many"])
    assert here.exit_code == 0
    assert rows.read_text("utf-8") == here.stdout
    table = parquet.read_table(output).to_pylist()
    assert len({row["file"] for row in table}) == len(table) == 150
    assert [row["file"] for row in table if row["error"]] == ["s3://houses/many/2/77.jpg"]

    # What is answered is not answered again.
    bucket.put_object(Bucket="houses", Key="many/new.jpg", Body=photo.read_bytes())
    again = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=True)
    assert "151 photos" in again.stderr and "150 done before" in again.stderr
    assert parquet.read_table(output).num_rows == 151


@pytest.mark.ray
def test_prepare_on_a_cluster_makes_the_same_bytes(
    machines: Machines, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.complete()
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(fill(tmp_path / "p", {"gothic": 40, "baroque": 40})))
    fetch.main([])
    prepare.main([])
    here = {file.name: file.read_bytes() for file in Path("data/prepared").iterdir()}
    for file in Path(".archstyle").glob("inspected.sqlite*"):
        file.unlink()
    monkeypatch.setenv("ARCHSTYLE_CLUSTER", machines.address)
    prepare.main([])
    assert {file.name: file.read_bytes() for file in Path("data/prepared").iterdir()} == here
    assert Path(".archstyle/inspected.sqlite").is_file()


@pytest.mark.ray
def test_a_folder_that_the_other_machines_do_not_see_stops_it(
    machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.complete()
    photo = tmp_path / "a.jpg"
    draw_facade("gothic", 1).save(photo)
    # As on a machine without this folder: the file is not where it was said to be.
    gone = [(str(photo), tmp_path / "gone.jpg")]
    monkeypatch.setattr("archstyle.predict.answering.find_photos", lambda _: iter(gone))
    told = CliRunner().invoke(main, [*COMMAND, str(photo), "--cluster", machines.address])
    assert told.exit_code == 1
    assert "Not all machines of the cluster see" in told.stderr


@pytest.mark.parametrize("error", [ConnectionError, RuntimeError])  # none; of another version
@pytest.mark.parametrize("given", [["127.0.0.1:1"], ["album"], []], ids=str)
def test_no_cluster_is_one_sentence(
    given: list[str], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_facade("gothic", 1).save(tmp_path / "a.jpg")

    def away(*_: object, **__: object) -> None:
        raise error("Could not find any\n    running Ray instance")

    monkeypatch.setitem(sys.modules, "ray", type(sys)("ray"))
    monkeypatch.setattr(sys.modules["ray"], "init", away, raising=False)
    told = CliRunner().invoke(main, [*COMMAND, str(tmp_path), "--cluster", *given, "--jobs", "1"])
    assert told.exit_code == 1
    address = "".join(given) or "auto"
    assert told.stderr.startswith(f"Error: There is no Ray cluster at {address} (Could not find")
    assert len(told.stderr.splitlines()) == 1


def test_a_bucket_is_answered_without_a_cluster(bucket: Any, tmp_path: Path) -> None:  # noqa: F811
    for marker in ("all/", "all/gothic/", "all/gothic/empty/"):  # of folders, as consoles make them
        bucket.put_object(Bucket="houses", Key=marker, Body=b"")
    told = CliRunner().invoke(main, [*COMMAND, "s3://houses/all/gothic"])
    assert told.exit_code == 0, told.stderr
    names = [json.loads(line)["file"] for line in told.stdout.splitlines()]
    assert len(names) == 6 and names == sorted(names)
    assert CliRunner().invoke(main, [*COMMAND, names[0]]).stdout in told.stdout
    listed = CliRunner().invoke(main, [*COMMAND, "-"], input=f"{names[0]}\ns3://houses/none\n")
    first, gone = listed.stdout.splitlines(keepends=True)
    assert first in told.stdout and "vanished" in json.loads(gone)["error"]
    bucket.copy_object(Bucket="houses", CopySource=names[0][5:], Key=".old/a/b.jpg")
    hidden = CliRunner().invoke(main, [*COMMAND, "s3://houses/.old"])
    assert json.loads(hidden.stdout)["file"] == "s3://houses/.old/a/b.jpg"
    with pytest.raises(PhotoError, match=r"vanished \(houses/all/none.jpg\)"):
        BucketPhotos("s3://houses", "the command").read("houses/all/none.jpg")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("s3://houses/none", "or what was in it vanished"),
        ("s3://nowhere/all", "there is no such bucket"),
        ("http://houses/all", "Nothing could be read"),
    ],
)
def test_an_address_without_photos_is_one_sentence(
    bucket: Any,  # noqa: F811
    address: str,
    sentence: str,
) -> None:
    told = CliRunner().invoke(main, [*COMMAND, address])
    assert told.exit_code == 1
    assert sentence in told.output and "Nothing could be read" in told.stderr
