"""Photos in a bucket, of a real S3 server on this machine."""

import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import boto3
import pytest

from archstyle.data.manifest import read_manifest
from archstyle.errors import ArchstyleError
from archstyle.photos.bucket import TRIES, BucketPhotos
from archstyle.photos.sources import split_paths
from archstyle.photos.store import PhotoStore
from archstyle.reports.page import where_from
from pipeline import fetch, prepare
from tests.photo_folders import fill

pytestmark = pytest.mark.slow
BIG = 10**9


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of an S3 server, and its log, which has a line a request."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("s3") / "log"
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        try:
            for _ in range(600):
                with socket.socket() as asked:
                    if not asked.connect_ex(("127.0.0.1", port)):
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", log
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def bucket(
    server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[object]:
    """A bucket `houses` with photos below `all/`."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server[0])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    client = boto3.client("s3")
    client.create_bucket(Bucket="houses")
    folder = fill(tmp_path / "photos", {"gothic": 6, "baroque": 7})
    for file in folder.rglob("*.*"):
        client.upload_file(str(file), "houses", f"all/{file.relative_to(folder).as_posix()}")
    yield client
    for one in client.list_objects_v2(Bucket="houses").get("Contents", ()):
        client.delete_object(Bucket="houses", Key=one["Key"])
    client.delete_bucket(Bucket="houses")


def fetched(server: tuple[str, Path]) -> int:
    """How many photos were asked for so far."""
    return server[1].read_text("utf-8").count("GET /houses/all/")


def test_photos_come_from_a_bucket_and_only_what_changed_comes_again(
    server: tuple[str, Path], bucket: object, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", "s3://houses/all")
    for marker in ("all/", "all/gothic/", "all/gothic/empty/"):  # of folders, as consoles make them
        bucket.put_object(Bucket="houses", Key=marker, Body=b"")  # type: ignore[attr-defined]
    before = fetched(server)
    fetch.main([])
    assert fetched(server) == before + 13
    store = PhotoStore(Path("data/raw"))
    assert len(store.files()) == 13 and store.source.location == "s3://houses/all"
    assert {name.partition("/")[0] for name in store.files()} == {"gothic", "baroque"}
    assert where_from(vars(store.source)).startswith("the bucket “s3://houses/all”")
    head, *etags = Path("data/raw/etags.csv").read_text("utf-8").splitlines()
    assert head == "file,etag" and len(etags) == 13
    md5 = hashlib.md5(store.read(store.files()[0])).hexdigest()  # what S3 takes as an etag
    assert md5 in etags[0] and etags[0].startswith(store.files()[0])
    prepare.main([])
    rows = read_manifest(Path("data/prepared/manifest.csv"))
    assert {row.style for row in rows} == {"gothic", "baroque"}

    with pytest.raises(SystemExit) as same:
        fetch.main(["--changed"])
    assert same.value.code == 3
    changed = store.files()[0]
    body = store.read(store.files()[1])
    bucket.put_object(Bucket="houses", Key=f"all/{changed}", Body=body)  # type: ignore[attr-defined]
    with pytest.raises(SystemExit) as other:
        fetch.main(["--changed"])
    assert other.value.code == 0
    fetch.main([])
    assert fetched(server) == before + 14
    assert PhotoStore(Path("data/raw")).read(changed) == body


def test_a_bucket_that_is_not_there_or_not_ours_is_told_by_the_variable_to_look_at(
    bucket: object, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(address: str) -> str:
        monkeypatch.setenv("ARCHSTYLE_PHOTOS", address)
        with pytest.raises(ArchstyleError) as error:
            fetch.main([])
        assert not Path("data/raw").exists() and "\n" not in str(error.value)
        return str(error.value)

    assert "ARCHSTYLE_PHOTOS says s3://nobody" in refused("s3://nobody/all")
    assert "no photos lie below it" in refused("s3://houses/none")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "see AWS_ACCESS_KEY_ID" in refused("s3://houses/all")

    def azure(*_: object, **__: object) -> object:
        raise ValueError("Must provide either a connection_string or account_name with credentials")

    monkeypatch.setattr("fsspec.filesystem", azure)  # which asks for them when it is made
    assert "see AZURE_STORAGE_CONNECTION_STRING" in refused("az://box/photos")


def test_a_photo_that_is_too_large_is_not_fetched(
    server: tuple[str, Path], bucket: object, tmp_path: Path
) -> None:
    before = fetched(server)
    photos = BucketPhotos("s3://houses/all", "ARCHSTYLE_PHOTOS", tmp_path / "cache")
    found = list(photos.files(10))
    assert len(found) == 13 and fetched(server) == before
    assert all(one.data is None and one.reason.startswith("larger than") for one in found)


def test_an_address_is_one_place_among_several() -> None:
    assert split_paths("a:s3://houses/all:b") == ["a", "s3://houses/all", "b"]


def test_a_server_that_never_answers_is_one_sentence_after_four_tries(
    bucket: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3fs.S3FileSystem.read_timeout", 0.2)
    monkeypatch.setattr("archstyle.photos.bucket.PAUSE", 0.01)
    with socket.create_server(("127.0.0.1", 0), backlog=99) as silent, ExitStack() as held:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        photos = BucketPhotos("s3://houses/all", "ARCHSTYLE_PHOTOS", tmp_path)
        with pytest.raises(ArchstyleError, match=r"does not answer .*ARCHSTYLE_PHOTOS"):
            list(photos.stamps())
        silent.setblocking(False)
        asked = 0
        with suppress(BlockingIOError):
            while True:
                held.enter_context(silent.accept()[0])
                asked += 1
    assert asked == TRIES
