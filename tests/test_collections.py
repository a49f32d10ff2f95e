"""Several sources as one collection: all that can be had, named, mapped to styles, and told."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from archstyle.common.console import warn
from archstyle.config.schema import Source
from archstyle.data.manifest import Row, read_manifest, read_others
from archstyle.errors import ArchstyleError
from archstyle.photos.names import Found
from archstyle.photos.packing import pack
from archstyle.photos.sources import choose, split_paths
from archstyle.photos.sources.collection import Collection, name_parts, repository_of
from archstyle.photos.sources.folders import FolderPhotos
from archstyle.photos.store import PhotoStore
from archstyle.reports.page import where_from
from archstyle.tracking.facts import Facts
from pipeline import fetch, prepare
from tests.photo_folders import fill
from tests.test_prepare import PROJECT

BIG = 10_000_000
Commit = Callable[[str, dict[str, int]], Source]


@pytest.fixture
def commit(tmp_path: Path) -> Commit:
    """Makes a git repository with that many photos in each folder; returns it as a source."""

    def make(name: str, folders: dict[str, int]) -> Source:
        root = fill(tmp_path / "repositories" / name, folders)

        def git(*arguments: str) -> str:
            identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
            command = ["git", "-C", str(root), *identity, *arguments]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        git("init", "--quiet")
        git("config", "uploadpack.allowFilter", "true")
        git("config", "uploadpack.allowAnySHA1InWant", "true")
        git("add", ".")
        git("commit", "--quiet", "-m", "photos")
        return Source("git", root.as_uri(), git("rev-parse", "HEAD").strip())

    return make


def chosen(sources: list[Source], tmp_path: Path, **variables: str) -> Collection:
    return choose(sources, 20, tmp_path / "clones", variables)[0]


def packed(collection: Collection, target: Path, limit: int | None = None) -> PhotoStore:
    target.mkdir()
    pack(collection, target, limit, BIG)
    return PhotoStore(target)


def configure(project: Path, **lists: list[Source]) -> None:
    """Put other sources into conf/data/photos.yaml; none of other styles where none are given."""
    if (project / "conf").is_symlink():
        (project / "conf").unlink()
        shutil.copytree(PROJECT / "conf", project / "conf")
    file = project / "conf/data/photos.yaml"
    conf = yaml.safe_load(file.read_text())
    conf["data"] |= {"others": [], **{key: [*map(asdict, of)] for key, of in lists.items()}}
    file.write_text(f"# @package _global_\n{yaml.safe_dump(conf)}")


def manifest_of(*places: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Row]:
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", os.pathsep.join(map(str, places)))
    fetch.main([])
    prepare.main([])
    return {row.file: row for row in read_manifest(Path("data/prepared/manifest.csv"))}


def test_all_folders_and_repositories_are_used_and_their_files_say_which(
    commit: Commit, tmp_path: Path
) -> None:
    one, two = commit("one", {"gothic": 2}), commit("two", {"gothic": 1, "baroque": 2})
    folder = Source("folder", str(fill(tmp_path / "mine", {"tudor": 3})))
    sources = [Source("environment", "PHOTOS"), one, two, folder, Source("facades", count=4)]
    collection = chosen(sources, tmp_path)
    store = packed(collection, tmp_path / "raw")
    begin = Counter(name.rpartition("/")[0] for name in store.files())
    assert begin == {"one/gothic": 2, "two/gothic": 1, "two/baroque": 2, "mine/tudor": 3}
    assert {(entry.style, entry.source) for entry in store.entries if entry.sha256} == {
        ("gothic", "one"), ("gothic", "two"), ("baroque", "two"), ("tudor", "mine"),
    }  # fmt: skip
    assert store.source.kind == "collection" and store.source.location == "one, two, mine"
    assert store.source.sources == [f"{s.location}@{s.commit}" for s in (one, two)] + ["mine"]
    # A variable comes before the list, wherever it stands there, and replaces it.
    alone = chosen([*sources[1:], sources[0]], tmp_path, PHOTOS=folder.location)
    assert alone.kind == "folder" and next(alone.files(BIG)).name == "tudor/00000.jpg"


def test_a_repository_that_cannot_be_reached_is_told_and_recorded_and_the_rest_is_used(
    commit: Commit, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, gone = commit("one", {"gothic": 2, "baroque": 1}), Source("git", "file:///none/lost", "1")
    configure(project, sources=[gone, one])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ARCHSTYLE_PHOTOS", raising=False)
        fetch.main([])
    told = capsys.readouterr().err
    assert "warning: file:///none/lost cannot be reached" in told and "NO PHOTOS" not in told
    store = PhotoStore(Path("data/raw"))
    assert {name.split("/")[0] for name in store.files()} == {"one"}  # the name stays as it was
    assert store.source.missing == ["file:///none/lost"]
    assert "without file:///none/lost" in where_from(vars(store.source))
    assert "without file:///none/lost" in Facts("m", {}, vars(store.source), {}, "").data_name
    # Nobody but the drawings is left.
    drawn, passed = choose([gone, Source("facades", count=2)], 20, tmp_path, {})
    assert drawn.kind == "facades" and drawn.missing == [gone.location] and passed


def test_a_variable_takes_several_places_as_path_does(tmp_path: Path) -> None:
    one, two = (
        fill(tmp_path / "a/photos", {"gothic": 1}),
        fill(tmp_path / "b/photos", {"gothic": 1}),
    )
    odd = fill(tmp_path / "with:colon", {"baroque": 1})
    archive = shutil.make_archive(str(tmp_path / "more"), "zip", one)
    value = os.pathsep.join(map(str, (one, odd, two, archive)))
    assert split_paths(value) == [str(one), str(odd), str(two), archive]
    assert split_paths(f"{one}{os.pathsep}") == [str(one)]
    collection = chosen([Source("environment", "PHOTOS")], tmp_path, PHOTOS=value)
    assert [found.name for found in collection.files(BIG)] == [
        "photos/gothic/00000.jpg",
        "with:colon/baroque/00000.jpg",
        "photos-2/gothic/00000.jpg",
        "more/gothic/00000.jpg",
    ]
    with pytest.raises(ArchstyleError, match=r"PHOTOS says /none, but /none does not exist"):
        chosen([Source("environment", "PHOTOS")], tmp_path, PHOTOS=f"{one}{os.pathsep}/none")


def test_names_of_sources_are_short_and_no_two_alike() -> None:
    places = ["https://github.com/a/photos.git", "git@host:b/Photos", "photos.tar.gz", ".hidden/"]
    assert name_parts(places) == ["photos", "Photos-2", "photos-3", "hidden"]
    assert repository_of(places[0], "photos") == "a/photos"
    assert repository_of(places[1], "photos") == "b/Photos"
    assert repository_of("file:///somewhere/photos", "photos") == "photos"


def test_a_map_takes_only_its_folders_and_names_their_styles(
    commit: Commit, tmp_path: Path
) -> None:
    folders = {"data/train/Queen Anne [1]": 2, "data/test/Queen Anne [1]": 1, "data/train/Mixed": 2}
    source = commit("one", {**folders, "big": 3})
    source.folder, source.styles = "data", {"Queen Anne [1]": "victorian", "train/Mixed": "tudor"}
    store = packed(chosen([source], tmp_path), tmp_path / "raw")
    styles = {entry.file: entry.style for entry in store.entries if entry.sha256}
    assert Counter(styles.values()) == {"victorian": 3, "tudor": 2}
    assert styles["test/Queen Anne [1]/00000.jpg"] == "victorian"
    # Nothing else was downloaded.
    checkout = tmp_path / "clones/0"
    assert not (checkout / "big").exists() and (checkout / "data/train/Mixed").exists()

    shutil.rmtree(tmp_path / "clones")
    few = [packed(chosen([replace(source, count=1)], tmp_path), tmp_path / name) for name in "ab"]
    assert Counter(entry.style for entry in few[0].entries) == {"victorian": 1, "tudor": 1}
    assert few[0].files() == few[1].files()
    assert len([*checkout.rglob("*.jpg")]) == 2

    root = fill(tmp_path / "mine", {"Mixed": 1, "else": 1, "Mixed/deeper": 1})
    mapped = Source("folder", str(root), styles={"Mixed": "tudor"})
    store = packed(chosen([mapped], tmp_path), tmp_path / "raw2")
    assert store.files() == ["Mixed/00000.jpg", "Mixed/deeper/00000.jpg"]
    reasons = {entry.reason for entry in store.entries if entry.file.startswith("else")}
    assert reasons == {"lies in no folder that the source's `styles` name"}
    # The style is part of what was fetched.
    other = Source("folder", str(root), styles={"Mixed": "tudor_revival"})
    renamed = packed(chosen([other], tmp_path), tmp_path / "raw3")
    assert renamed.source.digest != store.source.digest


def test_of_photos_that_are_too_large_a_smaller_sample_is_taken(
    commit: Commit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = commit("one", {"gothic": 40, "baroque": 40, "else": 5})
    source.styles = {"gothic": "gothic", "baroque": "baroque"}
    source.count = 30
    all_of_them = packed(chosen([source], tmp_path / "0"), tmp_path / "raw0")
    assert len(all_of_them.files()) == 60 and "in place of" not in capsys.readouterr().out
    source.megabytes = sum(entry.bytes for entry in all_of_them.entries) / 3e6
    few = [packed(chosen([source], tmp_path / n), tmp_path / f"raw{n}") for n in "12"]
    taken = len(few[0].files()) // 2
    assert f"{taken} in place of 30 photos of each style of file:" in capsys.readouterr().out
    assert 5 <= taken <= 10 and few[0].entries == few[1].entries
    assert sum(entry.bytes for entry in few[0].entries) <= source.megabytes * 1e6
    assert {*few[0].files()} < {*all_of_them.files()}
    # Little else was downloaded.
    clone = ["git", "-C", str(tmp_path / "1/clones/0"), "cat-file", "--batch-all-objects"]
    objects = subprocess.run([*clone, "--batch-check"], capture_output=True, text=True, check=True)
    assert 2 * taken <= objects.stdout.count(" blob ") <= 2 * taken + 4
    source.megabytes = 0.001
    with pytest.raises(
        ArchstyleError, match=r"^No photos of each style of .* fit into 0\.001 MB: raise"
    ):
        packed(chosen([source], tmp_path / "3"), tmp_path / "raw3")


def test_repositories_of_other_styles_that_are_gone_stop_nothing_and_are_told(
    commit: Commit,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(fill(tmp_path / "mine", {"gothic": 8})))
    kept = commit("kept", {"tudor": 9, "ranch": 9, "else": 9})
    kept.styles, kept.count = {"tudor": "tudor", "ranch": "ranch"}, 3
    other = commit("other", {"novelty": 4})
    rewritten, gone = replace(other, commit="abcdef1"), Source("git", "file:///none/lost", "1")
    broken = commit("broken", {"lost": 2})
    objects = tmp_path / "repositories/broken/.git/objects"
    listing = ["git", "-C", str(objects), "rev-parse", "HEAD:lost/00000.jpg"]
    blob = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.strip()
    (objects / blob[:2] / blob[2:]).unlink()  # the download will break off
    configure(project, others=[kept, rewritten, gone, broken])
    for _ in range(2):
        warn.cache_clear()
        fetch.main([])
        told = capsys.readouterr().err
        assert told.count("warning:") == 1 and "3 of 4 sources of other styles cannot be" in told
        assert "file:///none/lost cannot be reached" in told
        store = PhotoStore(Path("data/raw/others"))
        styles = Counter(entry.style for entry in store.entries if entry.sha256)
        assert styles == {"tudor": 3, "ranch": 3}
        assert store.source.missing == [gone.location, rewritten.location, broken.location]
        assert PhotoStore(Path("data/raw")).source.missing == ["3 of 4 sources of other styles"]
    # A map that is wrong is a person's mistake.
    configure(project, others=[replace(kept, styles={"Tudor": "tudor"})])
    with pytest.raises(ArchstyleError, match=r"has no photos in 'Tudor'"):
        fetch.main([])
    # What is pinned and here is not asked for again.
    configure(project, others=[kept])
    fetch.main([])
    shutil.rmtree(tmp_path / "repositories")
    with pytest.raises(SystemExit) as ended:
        fetch.main(["--changed"])
    assert ended.value.code == 3


def test_a_map_that_names_a_folder_that_is_not_there_is_an_error_that_names_it(
    commit: Commit, tmp_path: Path
) -> None:
    source = commit("one", {"gothic": 1})
    for each in (source, Source("folder", source.location.removeprefix("file://"))):
        each.styles = {"gothic": "gothic", "Gothik": "gothic"}
        with pytest.raises(ArchstyleError, match=r"has no photos in 'Gothik', which its `st"):
            packed(chosen([each], tmp_path), tmp_path / each.kind)


def test_a_table_says_the_styles_of_single_files_of_a_folder_that_mixes_them(
    commit: Commit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = commit("one", {"Mixed": 3, "Tudor Revival": 1})
    source.styles, source.labels = {"Tudor Revival": "tudor"}, "labels.csv"
    with pytest.raises(ArchstyleError, match=r"labels\.csv cannot be read"):
        chosen([source], tmp_path)
    table = tmp_path / "labels.csv"
    table.write_text("file,style\nMixed/00000.jpg,georgian\nMixed/00002.jpg,tudor\n")
    store = packed(chosen([source], tmp_path), tmp_path / "raw")
    assert {entry.file: entry.style for entry in store.entries if entry.sha256} == {
        "Mixed/00000.jpg": "georgian",
        "Mixed/00002.jpg": "tudor",
        "Tudor Revival/00000.jpg": "tudor",
    }
    assert not (tmp_path / "clones/0/Mixed/00001.jpg").exists()
    table.write_text("file,style\nMixed/00000.jpg,\n")
    with pytest.raises(ArchstyleError, match=r"maps 'Mixed/00000\.jpg' to no style"):
        chosen([source], tmp_path)


def test_styles_that_differ_in_case_only_and_photos_under_two_are_told_with_their_sources(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = fill(tmp_path / "one", {"gothic": 8, "baroque": 8})
    two = fill(tmp_path / "two", {"tudor": 8})
    shutil.copy(one / "gothic/00001.jpg", two / "tudor/copy.jpg")
    rows = manifest_of(one, two, monkeypatch=monkeypatch)
    for file in ("one/gothic/00001.jpg", "two/tudor/copy.jpg"):
        assert rows[file].status == "conflict"
        assert rows[file].reason == "one photograph lies under gothic (one) and tudor (two)"
    (two / "tudor").rename(two / "Gothic")
    with pytest.raises(ArchstyleError, match="styles Gothic and gothic are spelt nearly alike"):
        manifest_of(one, two, monkeypatch=monkeypatch)
    # Of maps it is known before anything is downloaded.
    maps = [Source("git", "none", styles={"a": style}) for style in ("Gothic", "gothic")]
    with pytest.raises(ArchstyleError, match=r"spelt nearly alike: .* a map in conf/data/"):
        chosen(maps, tmp_path)


def test_the_manifest_says_the_repository_where_a_list_at_the_top_of_a_source_tells_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, grey = fill(tmp_path / "world", {"gothic": 8}), fill(tmp_path / "grey", {"baroque": 8})
    other = fill(tmp_path / "other", {"novelty": 3})
    (world / "sources.csv").write_text(
        "file,repository,commit\nworld/gothic/00000.jpg,a/one,1\ngothic/00001.jpg,b/two,1\n"
        "grey/baroque/00000.jpg,c/three,1\nother/novelty/00000.jpg,d/four,1\nelse/x.jpg,e/f,1\n"
    )
    monkeypatch.setenv("ARCHSTYLE_OTHERS", str(other))
    rows = manifest_of(world, grey, monkeypatch=monkeypatch)
    named = {file: row.source for file, row in rows.items() if row.source not in ("world", "grey")}
    assert named == {
        "world/gothic/00000.jpg": "a/one",
        "world/gothic/00001.jpg": "b/two",
        "grey/baroque/00000.jpg": "c/three",
    }
    assert rows["world/sources.csv"].reason == "lists the sources"
    strange = read_others(Path("data/prepared/manifest.csv"))
    assert [row.source for row in strange] == ["d/four", "other", "other"]
    (world / "sources.csv").write_text("photo,where\n")
    with pytest.raises(ArchstyleError, match=r"first line of world/sources.csv must be `file,repo"):
        fetch.main([])


def test_a_folder_that_vanishes_half_way_stops_fetch_and_nothing_is_lost(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = fill(tmp_path / "photos", {"gothic": 2, "baroque": 2})
    monkeypatch.setenv("ARCHSTYLE_PHOTOS", str(photos))
    fetch.main([])
    before = Path("data/raw/source.json").read_bytes()
    files = FolderPhotos.files

    def pulled_out(self: FolderPhotos, max_bytes: int) -> Iterator[Found]:
        going = files(self, max_bytes)
        yield next(going)
        shutil.rmtree(gone)
        yield from going

    monkeypatch.setattr(FolderPhotos, "files", pulled_out)
    for gone in (photos / "gothic", photos):  # noqa: B007  # pulled_out reads it
        with pytest.raises(ArchstyleError, match=r"vanished while it was read: bring it back"):
            fetch.main([])
        assert Path("data/raw/source.json").read_bytes() == before


def test_a_repository_that_vanishes_half_way_is_one_sentence(
    commit: Commit, tmp_path: Path
) -> None:
    one, two = commit("one", {"gothic": 1}), commit("two", {"baroque": 1})
    collection = chosen([one, two], tmp_path)
    shutil.rmtree(tmp_path / "repositories/two/.git/objects")
    with pytest.raises(
        ArchstyleError, match=r"The download of file:.*two broke off \(.+\): run this"
    ):
        packed(collection, tmp_path / "raw")
