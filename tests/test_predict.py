"""`archstyle predict` on many photos: what it takes, what it writes, and how it goes on."""

import csv
import json
import os
import signal
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from archstyle.bundle import Bundle
from archstyle.cli import main
from archstyle.errors import ArchstyleError
from archstyle.predict import answering, inputs
from archstyle.predict.answering import Output, open_output
from facades import draw_facade
from tests.conftest import ROOT

MODEL = ROOT / "models/released"
COMMAND = [sys.executable, "-m", "archstyle.cli", "predict", "--model", str(MODEL)]


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder has an album of three photos, a note and an empty file."""
    for name in ("a.jpg", "b/c.jpg", "b/d.png"):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_facade("gothic", len(name)).save(path)
    (tmp_path / "album/note.txt").write_text("no photo")
    (tmp_path / "album/b/.hidden.jpg").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "album"


def run(*arguments: object, given: str | bytes = "") -> Result:
    command = ["predict", "--model", str(MODEL), *map(str, arguments)]
    return CliRunner().invoke(main, command, input=given)


def answered(result: Result) -> list[str]:
    return [json.loads(line)["file"] for line in result.stdout.splitlines()]


ALL = ["album/a.jpg", "album/b/c.jpg", "album/b/d.png", "album/note.txt"]


@pytest.mark.parametrize(
    ("given", "files"),
    [
        (["album"], ALL),
        (["album/note.txt", "album/a.jpg"], ["album/note.txt", "album/a.jpg"]),
        (["album/*.jpg"], ["album/a.jpg"]),
        (["album/*"], ALL),
        (["album/**"], [ALL[0], ALL[3], *ALL[1:3]]),  # folder after folder
        (["album/**/*.jpg"], ["album/a.jpg", "album/b/c.jpg"]),
        (["*/b"], ["album/b/c.jpg", "album/b/d.png"]),
        (["*/?/*.png"], ["album/b/d.png"]),
        (["album/*/", "album/?/"], ALL[1:3] * 2),
        (["album/**/"], [ALL[0], ALL[3], *ALL[1:3]]),
    ],
)
def test_folders_and_quoted_patterns_are_taken_in_order(
    album: Path, given: list[str], files: list[str]
) -> None:
    assert [name for name, _ in inputs.find_photos(given)] == files


def test_a_folder_with_brackets_in_its_name_is_no_pattern(album: Path) -> None:
    album.rename("album [2024]")
    assert [name for name, _ in inputs.find_photos(["album [2024]/*.jpg"])] == [
        "album [2024]/a.jpg"
    ]
    assert len(list(inputs.find_photos(["album [2024]"]))) == 4


def test_a_folder_is_sorted_without_a_list_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "SORTED", 7)
    names = [f"{number:03}.jpg" for number in range(50)]
    for name in reversed(names):
        (tmp_path / name).touch()
    assert [path.name for path in inputs._sorted(tmp_path)] == names


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_archives_are_read_in_place(album: Path, kind: str) -> None:
    if kind == "zip":
        with zipfile.ZipFile("x.zip", "w") as archive:
            for name in ALL:
                archive.write(name)
    else:
        mode = {"tar": "", "tgz": "gz"}.get(kind, kind.removeprefix("tar."))
        with tarfile.open(f"x.{kind}", f"w:{mode}") as packed:  # type: ignore[call-overload]
            for name in ALL:
                packed.add(name)
    before = sorted(Path().rglob("*"))
    in_it = run(f"x.{kind}", "--format", "jsonl")
    assert answered(in_it) == [f"x.{kind}/{name}" for name in ALL]
    beside = run("album", "--format", "jsonl")
    assert in_it.stdout.replace(f"x.{kind}/", "") == beside.stdout
    assert sorted(Path().rglob("*")) == before


def test_bombs_and_broken_members_are_rows_with_their_reason(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_BYTES", 1_000_000)
    with zipfile.ZipFile("x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write("album/a.jpg")
        archive.writestr("bomb.jpg", bytes(2_000_000))
        archive.writestr("broken.jpg", b"0123456789" * 100, zipfile.ZIP_STORED)
    content = Path("x.zip").read_bytes().replace(b"0123456789" * 2, b"x" * 20, 1)
    Path("x.zip").write_bytes(content)
    Path("cut.tar.gz").write_bytes(b"\x1f\x8b no tar")
    result = run("x.zip", "cut.tar.gz", "album/a.jpg", "--format", "jsonl")
    found = {row["file"]: row.get("error") for row in map(json.loads, result.stdout.splitlines())}
    assert found["x.zip/album/a.jpg"] is None and found["album/a.jpg"] is None
    assert "larger than 1 MB" in found["x.zip/bomb.jpg"]
    assert "CRC" in found["x.zip/broken.jpg"]
    assert "damaged" in found["cut.tar.gz"]
    assert "5 photos: " in result.stderr and "3 broken" in result.stderr


@pytest.mark.parametrize(
    "given",
    ["album/a.jpg\nalbum/b\n", "album/a.jpg\0album/b", "\ufeffalbum/a.jpg\r\nalbum/b\r"],
)
def test_a_list_on_standard_input(album: Path, given: str) -> None:
    assert answered(run("-", "--format", "jsonl", given=given)) == ALL[:3]


def test_a_name_with_a_line_break_is_listed_with_nul(album: Path) -> None:
    (album / "a.jpg").rename("two\nlines.jpg")
    result = run("-", "--format", "csv", given=b"two\nlines.jpg\0gone.jpg\0")
    assert len(result.stdout.splitlines()) == 3
    assert "two\\nlines.jpg," in result.stdout


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_name_of_any_bytes_is_a_row_on_one_line(album: Path, form: str) -> None:
    names = [os.fsdecode(name) for name in (b"caf\xe9.zip", b"caf\xe9*.jpg", b"two\nlines*")]
    Path(names[0]).touch()
    assert run(*names, "album/a.jpg", "--output", f"x.{form}").exit_code == 0
    lines = Path(f"x.{form}").read_text("utf-8").splitlines()[form == "csv" :]
    assert len(lines) == 4 and "two\\" in lines[2] and "caf\\" in lines[1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["nothing*"], "No file matches this pattern"),
        ([""], "This names no file"),
        (["empty"], "The folder has no files"),
        (["-"], "Standard input lists no files"),
        (["gone.jpg"], "No such file"),
    ],
)
def test_what_has_no_photos_is_told(album: Path, given: list[str], told: str) -> None:
    Path("empty").mkdir()
    result = run(*given)
    assert told in result.stdout
    assert result.exit_code == 1 and "Error: Nothing could be read" in result.stderr


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--resume"], "--resume and Parquet need --output FILE"),
        (["--format", "parquet"], "--resume and Parquet need --output FILE"),
        (["--output", "x.docx"], "x.docx can be .jsonl, .csv or .parquet"),
        (["--output", "x.csv", "--format", "table"], "x.csv can be"),
        (["--output", "there.csv"], "there.csv is there already"),
        (["--output", "there.csv", "--resume"], "was begun with another model"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(album: Path, given: list[str], told: str) -> None:
    Path("there.csv").write_text("mine\n")
    result = run("album", *given)
    assert result.exit_code == 1 and told in result.stderr
    assert Path("there.csv").read_text() == "mine\n"
    assert not Path("x.csv").exists() and not Path("x.docx").exists()


def test_a_list_of_another_encoding_is_one_sentence(album: Path) -> None:
    result = run("-", given="album/a.jpg\r\n".encode("utf-16"))
    assert result.exit_code == 1 and "is UTF-16" in result.stderr


def test_an_output_that_is_taken_away_does_not_hide_the_reason(album: Path) -> None:
    with (
        pytest.raises(ArchstyleError, match="the reason"),
        open_output("csv", Bundle.load(MODEL), Path("gone.csv")),
    ):
        Path("gone.csv").unlink()
        raise ArchstyleError("the reason")


def test_a_photo_on_standard_input_is_no_list(album: Path) -> None:
    result = run("-", given=(album / "a.jpg").read_bytes())
    assert result.exit_code == 1 and "Standard input is a photo" in result.stderr


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_an_interrupted_output_goes_on(album: Path, form: str) -> None:
    assert run("album", "gone.jpg", "--output", f"whole.{form}").exit_code == 0
    begun = run("album/a.jpg", "album/b", "--output", f"out.{form}")
    assert begun.exit_code == 0 and begun.stdout == ""
    rows = Path(f"out.{form}.jsonl" if form == "parquet" else f"out.{form}")
    rows.write_bytes(rows.read_bytes()[:-9])  # killed in the middle of the last row
    again = run("album", "gone.jpg", "--output", f"out.{form}", "--resume")
    assert "5 photos: " in again.stderr and "2 done before" in again.stderr
    assert Path(f"out.{form}.model").read_text() == Path(f"whole.{form}.model").read_text()
    if form != "parquet":
        assert rows.read_bytes() == Path(f"whole.{form}").read_bytes()
    else:
        tables = [parquet.read_table(f"{name}.parquet").to_pylist() for name in ("out", "whole")]
        assert tables[0] == tables[1] and [row["file"] for row in tables[0]] == [*ALL, "gone.jpg"]
    third = run("album", "--output", f"out.{form}", "--resume")
    assert third.exit_code == 0 and "5 photos: 5 done before." in third.stderr


def test_what_was_killed_at_once_goes_on(album: Path) -> None:
    run("album", "--output", "whole.csv")
    Path("x.csv").write_text(Path("whole.csv").read_text().partition("\n")[0] + "\n")
    Path("whole.csv.model").rename("x.csv.model")
    run("album", "--output", "x.csv", "--resume")
    assert Path("x.csv").read_text() == Path("whole.csv").read_text()


def test_another_model_does_not_go_on(album: Path) -> None:
    assert run("album", "--output", "x.jsonl").exit_code == 0
    before = Path("x.jsonl").read_bytes()
    Path("x.jsonl.model").write_text("another jsonl\n")
    result = run("album", "--output", "x.jsonl", "--resume")
    assert result.exit_code == 1 and "was begun with another model" in result.stderr
    assert Path("x.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("form", "damage"), [("jsonl", b"{}\n"), ("jsonl", b'{"file": [1]}\n'), ("csv", b"\n")]
)
def test_damaged_rows_do_not_go_on(album: Path, form: str, damage: bytes) -> None:
    path = Path(f"x.{form}")
    run("album/a.jpg", "--output", path)
    path.write_bytes(path.read_bytes() + damage)
    before = path.read_bytes()
    result = run("album", "--output", path, "--resume")
    assert result.exit_code == 1 and f"{path} is damaged in line" in result.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_an_error_before_the_first_row_leaves_no_file(
    album: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> Iterator[inputs.Photo]:
        raise ArchstyleError("The bucket does not answer.")

    before = sorted(Path().iterdir())
    command = ["album", "--output", f"x.{form}"]
    with monkeypatch.context() as patch:
        patch.setattr(answering, "find_photos", fails)
        assert "does not answer" in run(*command).stderr
        assert sorted(Path().iterdir()) == before
        patch.undo()
        patch.setitem(sys.modules, "pyarrow.parquet", None)
        if form == "parquet":
            assert "This needs pyarrow" in run(*command).stderr
            assert sorted(Path().iterdir()) == before
    assert run(*command).exit_code == 0
    kept = sorted(Path().iterdir())
    monkeypatch.setattr(answering, "find_photos", fails)
    assert "does not answer" in run(*command, "--resume").stderr
    assert sorted(Path().iterdir()) == kept


def test_every_format_says_the_same(album: Path) -> None:
    for form in ("jsonl", "csv", "parquet"):
        run("album", "--output", f"x.{form}")
    lines = [json.loads(line) for line in Path("x.jsonl").read_text().splitlines()]
    cells = list(csv.DictReader(Path("x.csv").read_text().splitlines()))
    table = parquet.read_table("x.parquet").to_pylist()
    styles = Bundle.load(MODEL, verify=False).styles
    for line, cell, row in zip(lines, cells, table, strict=True):
        assert line["file"] == cell["file"] == row["file"]
        if "error" in line:
            assert line["error"] == cell["error"] == row["error"] and row["style"] is None
            continue
        assert {key: row[key] for key in line} == line
        assert cell["styles"] == " ".join(line["styles"])
        assert cell["answered"] == json.dumps(line["answered"])
        assert {style: float(cell[f"p_{style}"]) for style in styles} == line["probabilities"]


def test_a_million_photos_are_taken_as_they_are_answered(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def million(_: object) -> Iterator[inputs.Photo]:
        for number in range(1_000_000):
            assert number - len(written) <= 7
            if number == 2000:
                raise KeyboardInterrupt
            yield f"{number}.jpg", Path("gone")

    monkeypatch.setattr(answering, "find_photos", million)
    monkeypatch.setattr(Output, "add", lambda _, row: written.append(row["file"]))
    with pytest.raises(KeyboardInterrupt):
        answering.predict_many(Bundle.load(MODEL, verify=False), [], "jsonl", jobs=2)
    assert written == [f"{number}.jpg" for number in range(len(written))] and len(written) > 1900


def test_a_name_to_go_on_after_takes_few_bytes() -> None:
    bundle, many = Bundle.load(MODEL, verify=False), 100_000
    tracemalloc.start()
    try:
        output = Output("jsonl", bundle, sys.stderr, (f"{i}.jpg" for i in range(many)))
        assert tracemalloc.get_traced_memory()[1] < 30 * many
    finally:
        tracemalloc.stop()
    assert "99999.jpg" in output and "100000.jpg" not in output


def test_ctrl_c_leaves_whole_rows_that_go_on(album: Path) -> None:
    read, write = os.pipe()
    command = [*COMMAND, "-", "--output", "x.jsonl"]
    process = subprocess.Popen(
        command, stdin=read, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    os.write(write, b"album/a.jpg\n" * 20)
    while not Path("x.jsonl").exists() or not Path("x.jsonl").stat().st_size:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    told = process.communicate()[1]
    os.close(read)
    os.close(write)
    assert process.returncode == 130
    assert "Traceback" not in told and "Go on by --resume" in told
    assert [json.loads(line)["file"] for line in Path("x.jsonl").read_text().splitlines()]
    assert Path("x.jsonl").read_bytes().endswith(b"\n")
    assert run("album", "--output", "x.jsonl", "--resume").exit_code == 0
    assert {json.loads(line)["file"] for line in Path("x.jsonl").read_text().splitlines()} == {*ALL}


def test_a_reader_that_goes_away_is_silent(album: Path) -> None:
    done = subprocess.run(
        f"{' '.join(COMMAND)} album album album album --format csv | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("file,") and "Traceback" not in done.stderr


def test_an_archive_needs_nothing_heavy(album: Path) -> None:
    with zipfile.ZipFile("x.zip", "w") as archive:
        archive.write("album/a.jpg")
    heavy = {"mlflow", "tensorflow", "keras", "hydra", "sklearn", "matplotlib", "pyarrow"}
    code = (
        "import sys; from archstyle.cli import main\n"
        f"try: main()\nfinally: print(*{heavy} & set(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "predict", "x.zip", "--model", str(MODEL)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


PROGRAM = Path(sys.executable).with_name("archstyle")


def completed(words: str) -> list[str]:
    """What the shell is offered where the cursor stands at the end of `words`."""
    words_before = str(words.count(" "))
    environment = {"COMP_WORDS": words, "COMP_CWORD": words_before}
    environment["_ARCHSTYLE_COMPLETE"] = "bash_complete"
    done = subprocess.run(
        [PROGRAM], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_the_shell_completes_commands_and_options() -> None:
    assert completed("archstyle pre") == ["predict"]
    assert completed("archstyle predict --re") == ["--resume"]
    assert completed("archstyle predict --format ") == ["table", "jsonl", "csv", "parquet"]


@pytest.mark.parametrize(
    "command",
    [
        "archstyle predict photos.zip 'album/**/*.jpg' --output answers.csv",
        "find album -name '*.jpg' -print0 | archstyle predict - --output answers.jsonl --resume",
        'eval "$(_ARCHSTYLE_COMPLETE=bash_source archstyle)"',
    ],
)
def test_the_commands_of_the_readme(album: Path, command: str) -> None:
    with zipfile.ZipFile("photos.zip", "w") as archive:
        archive.write("album/a.jpg")
    command = command.replace("predict ", f"predict --model {MODEL} ")
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    shell = ["bash", "-c", f"{command} && complete -p"]
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=True)
    assert ("archstyle" in done.stdout) is command.startswith("eval")
    if not command.startswith("eval"):
        written = Path("answers.jsonl" if "jsonl" in command else "answers.csv")
        assert "album/b/c.jpg" in written.read_text()


def test_only_the_opening_of_the_output_is_said_to_fail(tmp_path: Path) -> None:
    bundle = Bundle.load(MODEL, verify=False)
    with (
        pytest.raises(PermissionError),
        open_output("csv", bundle, tmp_path / "out.csv"),
    ):
        raise PermissionError(13, "Permission denied", "a photo")
