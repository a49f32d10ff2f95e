import csv
import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from PIL import Image

from archstyle.config.schema import Split
from archstyle.data.corrections import BUILDING_COLUMNS, Building, read_buildings
from archstyle.data.inspection import Inspection, inspect_all
from archstyle.data.manifest import Row
from archstyle.data.preparation import make_manifest
from archstyle.data.previous import previous_splits
from archstyle.data.splits import (
    assign_splits,
    check_splits,
    join_buildings,
)
from archstyle.errors import ArchstyleError
from archstyle.photos.archives import ArchivePhotos
from archstyle.photos.names import building_of
from archstyle.photos.packing import match_buildings, pack
from archstyle.photos.sources.folders import FolderPhotos
from archstyle.photos.store import Packed, PhotoStore
from tests.conftest import ROOT
from tests.photo_folders import SAME, fill, jpeg

SHARES = Split(validation=0.2, test=0.2)
FILES = ["gothic/1.jpg", "gothic/2.jpg", "baroque/e\u0301glise.jpg"]


@pytest.mark.parametrize(
    "text",
    [
        "file,building\ngothic/1.jpg,Chartres\ngothic/2.jpg,\nbaroque/e\u0301glise.jpg,Melk\n",
        "\ufeffBuilding;Year;File\r\nChartres;1194;gothic/1.jpg\r\nMelk;1702;baroque/\u00e9glise.jpg",
        'file\tbuilding\n.\\gothic\\1.jpg\t" Chartres "\n\n"baroque/e\u0301glise.jpg"\tMelk',
    ],
)
def test_reads_what_spreadsheets_write(text: str) -> None:
    found = match_buildings({"buildings.csv": text.encode()}, FILES)
    assert found == {FILES[0]: "Chartres", FILES[2]: "Melk"}
    assert match_buildings({"buildings.csv": text.encode("utf-16")}, FILES) == found


def test_files_are_named_from_where_the_list_lies() -> None:
    inner = {"photos/gothic/Buildings.CSV": b"file,building\n1.jpg,Ulm\n"}
    assert match_buildings(inner, ["photos/gothic/1.jpg", "1.jpg"]) == {
        "photos/gothic/1.jpg": "Ulm"
    }


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "first line of buildings.csv must be `file,building`"),
        (b"photo,house\ngothic/1.jpg,Ulm\n", "first line"),
        (b"file,building,file\na,b,c\n", "first line"),
        (b"file,building\ngothic/9.jpg,Ulm\n", "Line 2 of buildings.csv names gothic/9.jpg, which"),
        (b"file,building\na,Ulm\nb,Ulm\nc,Ulm\n", "and 2 more do alike"),
        (b"file,building\n,Ulm\n", "Line 2 of buildings.csv names no file"),
        (b"file,building\ngothic/1.jpg,Ulm\ngothic/1.jpg,Melk\n", "remove one of the two"),
        (b"file,building\ngothic/1.jpg,\x81\x8d\n", "as text: save it as CSV in UTF-8"),
        ("file,building\n".encode("utf-16")[:-1], "as text: save it as CSV in UTF-8"),
        (b"file,building\n" + b"x" * 200_000, "as a table"),
    ],
)
def test_a_malformed_list_is_one_sentence(data: bytes, problem: str) -> None:
    with pytest.raises(ArchstyleError, match=problem) as caught:
        match_buildings({"buildings.csv": data}, FILES)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "building"),
    [
        ("b/12_800px-Villa_Bergeret_(2).jpg", "villa bergeret"),
        ("a/Somebody__31_450px-Villa%20B%C3%A9rgeret_03_0a1b2c3d.jpg", "villa bergeret"),
        ("lossy-page1-401px-Villa_Bergeret_from_NE_1.tif.jpg", "villa bergeret"),
        ("9_800px-Seattle_-_4866_Beach_Dr._SW_02.jpg", "seattle 4866 beach dr"),
        ("9_800px-Klehm_House_5.jpg", "klehm house"),
        ("9_800px-Old_House_5.jpg", ""),
        ("9_800px-Monadnock.jpg", ""),
        ("9_800px-IMG_1234.jpg", ""),
        ("12_gothic_church.jpg", ""),
        ("1 (26).jpg", ""),
        ("000054_566a382d.jpg", ""),
        ("Beaux-Arts_architecture 12.jpg", ""),
    ],
)
def test_a_name_as_on_commons_tells_the_building(name: str, building: str) -> None:
    assert building_of(name) == building


def test_photos_whose_names_tell_one_building_share_a_split(
    prepared: Callable[..., dict[str, Row]], tmp_path: Path
) -> None:
    root = fill(tmp_path / "photos", {"gothic": 40, "baroque": 40})
    for number, path in enumerate(sorted((root / "gothic").iterdir())):
        name = "Villa of Somebody" if number < 5 else f"Hall of Person {chr(70 + number)}x"
        path.rename(path.with_name(f"{number}_800px-{name}_0{number}.jpg"))
    listed = "gothic/0_800px-Villa of Somebody_00.jpg"
    write_list(root / "buildings.csv", {listed: "church", "baroque/00000.jpg": "church"})
    rows = prepared()
    villa = [row for row in rows.values() if row.building == "villa of somebody"]
    assert len(villa) == 4 and len({row.split for row in villa}) == 1
    assert rows[listed].building == "church"  # who lists it knows better
    assert len({row.split for row in rows.values() if row.building == "church"}) == 1
    assert len({row.split for row in rows.values() if row.style == "gothic"}) == 3


def write_list(path: Path, buildings: dict[str, str]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "building"), *buildings.items()])


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., dict[str, Row]]:
    def run(
        memory: dict[str, str] | None = None,
        limit: int | None = None,
        buildings: Sequence[Building] = (),
    ) -> dict[str, Row]:
        raw = tmp_path / "raw"
        raw.mkdir(exist_ok=True)
        pack(FolderPhotos(tmp_path / "photos"), raw, limit, 10_000_000)
        store = PhotoStore(raw)
        looked = inspect_all(store, 1_000_000)
        rows = make_manifest(store.entries, looked, [], SAME, SHARES, memory, buildings).rows
        return {row.file: row for row in rows}

    return run


def test_photos_of_one_building_share_a_split_and_stay_photographs(
    prepared: Callable[..., dict[str, Row]], tmp_path: Path
) -> None:
    root = fill(tmp_path / "photos", {"gothic": 40, "baroque": 40})
    alone = prepared()
    # Five photos of each building; the first one has parts of both styles.
    buildings = {f"gothic/{n:05d}.jpg": f"church {n // 5}" for n in range(40)}
    buildings |= {f"baroque/{n:05d}.jpg": "church 0" for n in range(3)}
    write_list(root / "buildings.csv", buildings)
    rows = prepared(previous_splits(list(alone.values())))
    row = rows.pop("buildings.csv")
    assert (row.status, row.reason) == ("dropped", "lists the buildings")
    splits = defaultdict(set)
    for row in rows.values():
        assert row.status == "used" and row.building == buildings.get(row.file, "")
        splits[row.building].add(row.split)
    assert len({row.group for row in rows.values()}) == 80
    unlisted = splits.pop("")
    assert len(unlisted) == 3 and {len(of_one) for of_one in splits.values()} == {1}
    assert {row.split for row in rows.values() if row.style == "gothic"} == unlisted
    for file, row in rows.items():
        assert row.building or row.split == alone[file].split
    assert "buildings.csv" not in {row.file for row in prepared(limit=6).values() if row.split}

    apart = list(rows.values())
    check_splits(apart)
    first = next(row for row in apart if row.building and row.split == "train")
    moved = [Row(*(getattr(row, name) for name in row.__slots__)) for row in apart]
    moved.append(
        Row("gothic/x.jpg", "gothic", "x", "", "other", "test", "used", "", first.building)
    )
    with pytest.raises(ArchstyleError, match="show the same building"):
        check_splits(moved)


def building(row: Row, name: str) -> Building:
    return Building(row.sha256, row.phash, name, row.file)


def test_our_list_holds_for_copies_and_joins_what_the_users_list_names(
    prepared: Callable[..., dict[str, Row]], tmp_path: Path
) -> None:
    root = fill(tmp_path / "photos", {"gothic": 40, "baroque": 40})
    alone = prepared()
    apart = [
        min(file for file, row in alone.items() if row.split == split and file[0] == "g")
        for split in ("train", "test", "validation")
    ]
    listed = [building(alone[file], "Ulm") for file in apart[:2]]
    path = root / apart[0]  # saved again, with a smaller copy beside it
    photo = Image.open(io.BytesIO(path.read_bytes()))
    path.write_bytes(jpeg(photo, 70))
    (root / "gothic/copy.jpg").write_bytes(jpeg(photo.resize((80, 60)), 80))
    write_list(root / "buildings.csv", {apart[1]: "the minster", apart[2]: "the minster"})
    rows = prepared(buildings=listed)
    assert rows[apart[0]].sha256 != alone[apart[0]].sha256
    assert [rows[file].building for file in apart] == ["Ulm", "the minster", "the minster"]
    assert len({rows[file].split for file in apart}) == 1
    assert rows[apart[0]].group == rows["gothic/copy.jpg"].group
    assert rows["gothic/copy.jpg"].building == "Ulm"
    for file in alone.keys() - {*apart}:
        assert (rows[file].split, rows[file].building) == (alone[file].split, "")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a,b", "Line 2 of .* has 2 values"),
        (f"{'a' * 64},,,x.jpg", "Line 2 of .* names no building"),
        (",,Ulm,x.jpg", "Line 2 of .* names no photo"),
        ("xyz,,Ulm,x.jpg", "Line 2 of .* no hash"),
        (
            f",{'a' * 64},Ulm,\n{'b' * 64},{'a' * 64},Melk,",
            "Line 2 of .* and line 3 of .* one photo",
        ),
    ],
)
def test_a_wrong_row_of_our_list_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "buildings.csv"
    assert read_buildings(path) == []
    path.write_text(",".join(BUILDING_COLUMNS) + f"\n{line}\n")
    with pytest.raises(ArchstyleError, match=problem) as caught:
        read_buildings(path)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_the_projects_own_list_names_every_building_twice() -> None:
    buildings = read_buildings(ROOT / "data/buildings.csv")
    counts = Counter(one.building for one in buildings)
    assert min(counts.values()) > 1
    assert len({name.casefold() for name in counts}) == len(counts) > 100


def test_no_test_split_is_of_one_large_building() -> None:
    styles = {f"{number:016x}": "egyptian" for number in range(300)}
    sizes = {"Giza": 141, "Djoser": 50, "Karnak": 24} | {f"temple {n}": 7 for n in range(10)}
    names = (f"building {name}" for name, size in sizes.items() for _ in range(size))
    together = dict(zip(styles, names, strict=False))
    splits = assign_splits(styles, Split(0.15, 0.15), None, together)
    of: dict[str, Counter[str]] = defaultdict(Counter)
    for group, split in splits.items():
        of[split][together.get(group, group)] += 1
    for split in ("test", "validation"):
        assert of[split].total() > 0.06 * 300
        assert max(of[split].values()) < of[split].total() / 2
    assert of["train"]["building Giza"] == 141
    # What lay in one split stays there, whatever grew since.
    remembered = {group: "test" for group, name in together.items() if name == "building Karnak"}
    kept = assign_splits(styles, Split(0.15, 0.15), remembered, together)
    assert {kept[group] for group in remembered} == {"test"}


def test_a_list_travels_in_an_archive(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 2})
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for file in root.rglob("*.jpg"):
            archive.write(file, Path("my photos") / file.relative_to(root))
        archive.writestr("my photos/buildings.csv", "file,building\ngothic/00001.jpg,Ulm\n")
        archive.writestr("my photos/.hidden/buildings.csv", "no list")
    (tmp_path / "raw").mkdir()
    pack(ArchivePhotos(tmp_path / "photos.zip"), tmp_path / "raw", None, 10_000_000)
    found = {entry.file: entry for entry in PhotoStore(tmp_path / "raw").entries}
    assert found["my photos/gothic/00001.jpg"].building == "Ulm"
    assert found["my photos/gothic/00000.jpg"].building == ""
    assert found["my photos/.hidden/buildings.csv"].reason == "a hidden file"


def test_a_list_is_part_of_what_identifies_the_photos(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 2})
    digests = set()
    for building in ("", "Ulm", "Speyer"):
        write_list(root / "buildings.csv", {"gothic/00001.jpg": building})
        digests.add(pack(FolderPhotos(root), tmp_path, None, 10_000_000).digest)
    assert len(digests) == 3


def made_up(
    count: int, first: int = 0, building_of: int = 0
) -> Iterator[tuple[Packed, Inspection]]:
    """Photos that nobody drew: unlike hashes, and a building for every `building_of` of them."""
    for number in range(first, first + count):
        for style in ("baroque", "gothic"):
            key = sha256(f"{style} {number}".encode())
            building = f"{style} {number // building_of}" if building_of else ""
            file = f"{style}/{number}.jpg"
            yield (
                Packed(file, 1, key.hexdigest(), 0, "", building, file.split("/")[0]),
                Inspection(key.digest(), 100, 100, "JPEG", bytes(2 * 48 * 48)),
            )


@pytest.mark.parametrize("building_of", [0, 4])
@pytest.mark.parametrize("remembering", [False, True])
def test_adding_a_thousand_photos_moves_none_of_the_old_ones(
    building_of: int, remembering: bool
) -> None:
    old = list(made_up(301, building_of=building_of))
    # The first of the new ones show a building that is there already.
    new = list(made_up(500, first=301, building_of=building_of))
    before = make_manifest([], old, [], SAME, SHARES).rows
    memory = previous_splits(before) if remembering else None
    made = make_manifest([], [*old, *new], [], SAME, SHARES, memory)
    after = {row.file: row for row in made.rows}
    assert len(after) == len(before) + 1000
    assert {row.file: after[row.file].split for row in before} == {
        row.file: row.split for row in before
    }
    if building_of:
        check_splits(list(after.values()))
        assert after["gothic/301.jpg"].split == after["gothic/300.jpg"].split


def test_a_photograph_of_two_buildings_makes_them_one() -> None:
    together = join_buildings(
        {"a": ["Ulm"], "b": ["Ulm", "Melk"], "c": ["Melk", "Chartres"], "d": ["Speyer"], "e": []}
    )
    assert together == {
        "a": "building Chartres",
        "b": "building Chartres",
        "c": "building Chartres",
        "d": "building Speyer",
    }


def test_too_few_buildings_are_named_with_their_numbers() -> None:
    styles = {f"{number:016x}": "gothic" for number in range(20)}
    two = {group: f"building {number % 2}" for number, group in enumerate(styles)}
    with pytest.raises(ArchstyleError, match="20 photographs of the style gothic show 2 buildings"):
        assign_splits(styles, SHARES, None, two)
    three = {group: f"building {number % 3}" for number, group in enumerate(styles)}
    assert set(assign_splits(styles, SHARES, None, three).values()) == {
        "train",
        "validation",
        "test",
    }


def test_what_lay_apart_before_it_was_one_building_goes_where_the_building_belongs() -> None:
    styles = {f"{number:016x}": "gothic" for number in range(100)}
    together = dict.fromkeys(list(styles)[:4], "building Ulm")
    fresh = assign_splits(styles, SHARES, None, together)["0" * 16]
    for before in (("train", "test", "", ""), ("validation", "test", "train", "test")):
        remembered = dict(zip(styles, before, strict=False))
        after = assign_splits(styles, SHARES, remembered, together)
        assert {after[group] for group in together} == {fresh}
    remembered = dict.fromkeys(list(styles)[:2], "validation")
    after = assign_splits(styles, SHARES, remembered, together)
    assert {after[group] for group in together} == {"validation"}
