"""Archives as people's tools write them."""

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from archstyle.errors import ArchstyleError
from archstyle.photos.store import PhotoStore
from tests.photo_folders import fill, jpeg, photo
from tests.test_sources import from_variable, packed, reasons

STYLE = "Gründerzeit"


def zipped(root: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in root.rglob("*"):
            archive.write(file, file.relative_to(root))
    return path


def tarred(root: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        archive.add(root, ".")
    return path


def test_folder_zip_and_tar_hold_the_same_photos(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"train/gothic": 3, "val/gothic": 2, "val/baroque": 2})
    stores = [
        packed(from_variable(path), tmp_path / f"raw{number}")
        for number, path in enumerate(
            [
                root,
                zipped(root, tmp_path / "a.zip"),
                tarred(root, tmp_path / "a.tar"),
                tarred(root, tmp_path / "a.tar.gz"),
            ]
        )
    ]
    assert [store.source.kind for store in stores] == ["folder"] + ["archive"] * 3
    assert len({store.source.digest for store in stores}) == 1
    for store in stores:
        assert len(store.files()) == 7
        assert store.read("val/gothic/00001.jpg") == (root / "val/gothic/00001.jpg").read_bytes()


def test_an_archives_members_cannot_leave_it(tmp_path: Path) -> None:
    image = jpeg(photo(1))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("../../gothic/up.jpg", "/gothic/root.jpg", "gothic\\windows.jpg"):
            archive.writestr(name, image)
        archive.writestr("gothic/twice.jpg", image)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("gothic/twice.jpg", jpeg(photo(2)))
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("../../gothic/up.jpg", "/gothic/root.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(image)
            archive.addfile(member, io.BytesIO(image))
        link = tarfile.TarInfo("gothic/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    before = sorted(tmp_path.iterdir())
    from_zip = packed(from_variable(tmp_path / "a.zip"), tmp_path / "raw/zip")
    from_tar = packed(from_variable(tmp_path / "a.tar"), tmp_path / "raw/tar")
    assert sorted(tmp_path.iterdir()) == [*before, tmp_path / "raw"]
    assert from_zip.files() == [
        f"gothic/{name}"
        for name in ("root.jpg", "twice.jpg", "twice.jpg~2", "up.jpg", "windows.jpg")
    ]
    assert from_zip.read("gothic/twice.jpg") != from_zip.read("gothic/twice.jpg~2")
    assert from_tar.files() == ["gothic/root.jpg", "gothic/up.jpg"]
    assert reasons(from_tar) == {"gothic/link.jpg": "a link or no ordinary file"}


def test_a_damaged_member_is_listed_and_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", {"gothic": 2})
    path = zipped(root, tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    start = data.index((root / "gothic/00000.jpg").name.encode()) + 400
    data[start : start + 50] = bytes(50)
    path.write_bytes(data)
    store = packed(from_variable(path), tmp_path / "raw")
    assert store.files() == ["gothic/00001.jpg"]
    assert "cannot be read from the archive" in reasons(store)["gothic/00000.jpg"]
    tar = tarred(root, tmp_path / "a.tar.gz")
    tar.write_bytes(tar.read_bytes()[:-500])
    with pytest.raises(ArchstyleError, match="is damaged"):
        packed(from_variable(tar), tmp_path / "raw2")


def written(path: Path, names: dict[str, bytes], flags: int = 0, system: int = 3) -> Path:
    """Write a zip whose names are these bytes, by a stand-in of the same length."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, data) in enumerate(names.items()):
            raw = name.encode("latin-1")
            member = zipfile.ZipInfo(chr(65 + number) * len(raw))
            member.create_system = system
            archive.writestr(member, data)
    content = path.read_bytes()
    for number, name in enumerate(names):
        raw = name.encode("latin-1")
        content = content.replace(chr(65 + number).encode() * len(raw), raw)
    for start, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(start)
        while at >= 0:
            content = content[: at + offset] + struct.pack("<H", flags) + content[at + offset + 2 :]
            at = content.find(start, at + 1)
    path.write_bytes(content)
    return path


def named(encoding: str, *names: str) -> dict[str, bytes]:
    return {
        name.encode(encoding).decode("latin-1"): jpeg(photo(number))
        for number, name in enumerate(names)
    }


def test_the_finders_names_keep_their_umlauts_and_match_the_list_of_buildings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = named("utf-8", "photos/Gru\u0308nderzeit/ha\u0308user.jpg", "photos/baroque/1.jpg")
    names["__MACOSX/photos/baroque/._1.jpg"] = b"twin"
    names["photos/buildings.csv"] = f"file,building\n{STYLE}/h\u00e4user.jpg,Palais\n".encode()
    store = packed(from_variable(written(tmp_path / "a.zip", names)), tmp_path / "raw")
    assert store.files() == ["photos/Gru\u0308nderzeit/ha\u0308user.jpg", "photos/baroque/1.jpg"]
    assert [entry.building for entry in store.entries if entry.building] == ["Palais"]
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp850", "Gründerzeit/Ølandsgården.jpg"),
        ("cp866", "готика/готика.jpg"),
        ("cp1252", "Grün ÄÖÜ/Straße.jpg"),
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_in_a_code_page_are_read_and_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str, name: str, kind: str
) -> None:
    path = tmp_path / f"{encoding}.{kind}"
    if kind == "zip":
        written(path, named(encoding, name))
    else:
        with tarfile.open(path, "w", encoding=encoding, format=tarfile.GNU_FORMAT) as archive:
            for number, file in enumerate((name, f"{name}.jpg")):
                member = tarfile.TarInfo(file)
                member.size = len(jpeg(photo(number)))
                archive.addfile(member, io.BytesIO(jpeg(photo(number))))
    assert packed(from_variable(path), tmp_path / "raw").files()[0] == name
    said = capsys.readouterr().err
    assert said.startswith(f"warning: The names in {path.name} are in an unknown code page")
    assert said.count("\n") == 1 and "UTF-8" in said


def test_names_in_utf_8_are_sure_by_their_flag_and_by_their_extra_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{STYLE}/1.jpg", jpeg(photo(1)))
        member = zipfile.ZipInfo("Gr_nder/2.jpg")
        name = "Gründer/2.jpg".encode()
        field = struct.pack("<BL", 1, zlib.crc32(b"Gr_nder/2.jpg")) + name
        member.extra = struct.pack("<HH", 0x7075, len(field)) + field
        archive.writestr(member, jpeg(photo(2)))
    files = packed(from_variable(path), tmp_path / "raw").files()
    assert files == ["Gründer/2.jpg", f"{STYLE}/1.jpg"]
    assert not capsys.readouterr().err


def test_backslashes_drives_and_folder_entries_of_windows(tmp_path: Path) -> None:
    names = {
        "gothic\\": b"",
        "C:\\photos\\baroque\\1.jpg": jpeg(photo(1)),
        "photos/gothic\\2.jpg": jpeg(photo(2)),
        "gothic\\3.jpg": jpeg(photo(3)),
    }
    store = packed(from_variable(written(tmp_path / "a.zip", names, system=0)), tmp_path / "raw")
    assert store.files() == ["gothic/3.jpg", "photos/baroque/1.jpg", "photos/gothic/2.jpg"]
    assert not reasons(store)


def mixed(path: Path, harm: str) -> PhotoStore:
    """Pack an archive of which the style baroque cannot be read, and gothic can."""
    with zipfile.ZipFile(path, "w") as archive:
        for style in ("baroque", "gothic"):
            member = zipfile.ZipInfo(f"{style}/1.jpg")
            if harm == "link" and style == "baroque":
                member.external_attr = 0o120777 << 16
            archive.writestr(member, jpeg(photo(len(style))))
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(start)
        if harm == "encrypted":
            content[at + flags] |= 1
        if harm == "deflate64":
            content[at + flags + 2] = 9
    path.write_bytes(content)
    return packed(from_variable(path), path.with_suffix(""))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("encrypted", "encrypted: make the archive again without a password"),
        ("deflate64", "compressed by deflate64, which cannot be read"),
        ("link", "a link or no ordinary file"),
    ],
)
def test_what_python_cannot_read_of_a_zip_is_named_and_the_lost_style_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str, reason: str
) -> None:
    store = mixed(tmp_path / f"{harm}.zip", harm)
    assert store.files() == ["gothic/1.jpg"]
    assert reasons(store)["baroque/1.jpg"].startswith(reason)
    assert f"No photo of baroque in {harm}.zip can be used" in capsys.readouterr().err


def test_an_encrypted_archive_is_said_to_be_encrypted(tmp_path: Path) -> None:
    path = written(tmp_path / "a.zip", named("ascii", "gothic/1.jpg", "baroque/2.jpg"), flags=1)
    with pytest.raises(ArchstyleError, match=r"2 of 2 files, because: encrypted: make the archive"):
        packed(from_variable(path), tmp_path / "raw")


def test_a_zip_that_was_cut_short_is_one_sentence(tmp_path: Path) -> None:
    path = zipped(fill(tmp_path / "photos", {"gothic": 2}), tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArchstyleError, match="cut short or no archive"):
        from_variable(path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_style_folder_that_is_a_link_in_an_archive_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    root = fill(tmp_path / "photos", {"all/gothic": 1})
    path = tmp_path / f"linked.{kind}"
    if kind == "tar":
        (root / "gothic").symlink_to("all/gothic")
        tarred(root, path)
    else:
        link = zipfile.ZipInfo("gothic")
        link.external_attr = 0o120777 << 16
        with zipfile.ZipFile(zipped(root, path), "a") as archive:
            archive.writestr(link, "all/gothic")
    assert packed(from_variable(path), tmp_path / "raw").files() == ["all/gothic/00000.jpg"]
    assert f"gothic in linked.{kind} is a link, which is not followed" in capsys.readouterr().err


def test_one_part_of_a_split_zip_is_said_to_be_one(tmp_path: Path) -> None:
    path = zipped(fill(tmp_path / "photos", {"gothic": 1}), tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 34] = 1  # the part in which the member begins
    path.write_bytes(content)
    with pytest.raises(ArchstyleError, match="one of several parts: join them first"):
        packed(from_variable(path), tmp_path / "raw")
