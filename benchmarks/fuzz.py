"""Damaged photos, seeded, to the reader and to the endpoint: `python -m benchmarks.fuzz [COUNT]`.

Real photos (of ARCHSTYLE_PHOTOS, else drawings) in every format that is read, mutated one to three
times each. None may end in a 500 or another error than PhotoError, none may take over two seconds,
and no process may grow. What fails is kept in cache/fuzz. With
`2> /dev/null` nobody reads the complaints of libtiff. 20,000 take about ten minutes on two cores.
"""

import http.client
import io
import json
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from archstyle.common.console import progress, run, say
from archstyle.errors import ArchstyleError
from archstyle.photos.reader import PhotoError, Preprocessing, read_photo
from benchmarks.serving import KIND, Server, body_of, prepared_cache
from facades import STYLES, draw_facade

COUNT, SEED, PHOTOS = 20_000, 12, 8
MOST_SECONDS, MOST_GROWTH = 2.0, 40.0  # MB, from a fifth of the uploads on
KEPT = Path("cache/fuzz")
BUNDLE = Path("models/released")
EDGES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]


def main(arguments: Sequence[str]) -> None:
    count, draw = int(arguments[0]) if arguments else COUNT, random.Random(SEED)
    seeds = [(name, content) for photo in originals(draw) for name, content in encoded(photo)]
    told, failed = Counter[str](), list[str]()
    slowest = {"reader": (0.0, ""), "endpoint": (0.0, "")}
    memory: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = {"ARCHSTYLE_WORKERS": "1", "ARCHSTYLE_MAX_MEGAPIXELS": "16"}
        with Server({**prepared_cache(Path(folder), BUNDLE), **settings}) as server:
            server.wait()
            server_answer(server)(seeds[0][1])
            for number in progress(range(count), "uploads"):
                name, content = seeds[draw.randrange(len(seeds))]
                content = mutated(content, seeds, draw)
                for where, ask in (("endpoint", server_answer(server)), ("reader", reader_answer)):
                    start = time.perf_counter() if where == "endpoint" else time.process_time()
                    found = ask(content)
                    end = time.perf_counter() if where == "endpoint" else time.process_time()
                    slowest[where] = max(slowest[where], (end - start, f"{number} {name}"))
                    told[f"{where}: {found}"] += 1
                    if found.startswith("!") or end - start > MOST_SECONDS:
                        failed.append(
                            f"{where}, upload {number}, {name}: {found}, {end - start:.1f} s"
                        )
                        KEPT.mkdir(parents=True, exist_ok=True)
                        (KEPT / f"{number}-{name}").write_bytes(content)
                if number in (count // 5, count - 1):
                    memory.append(
                        (megabytes(server.process.pid), psutil.Process().memory_info().rss / 1e6)
                    )
    say(f"\n{count} uploads of {len(seeds)} photos in {len({name for name, _ in seeds})} formats")
    for line, number in sorted(told.items()):
        say(f"{line:44}{number:10d}")
    for where, (seconds, which) in slowest.items():
        say(f"{f'slowest of the {where}, s (aim: under 2)':44}{seconds:10.2f}  upload {which}")
    growth = [late - early for early, late in zip(memory[0], memory[-1], strict=True)]
    for where, mb, more in zip(("server", "reader"), memory[-1], growth, strict=True):
        say(f"{f'{where}, MB, and growth since a fifth':44}{mb:10.0f}{more:+10.1f}")
    if failed or max(growth) > MOST_GROWTH:
        raise ArchstyleError("\n".join([*failed[:20], f"{len(failed)} failed; see {KEPT}."]))


def originals(draw: random.Random) -> list[Image.Image]:
    """Return small copies of real photos, else drawings."""
    folder = os.environ.get("ARCHSTYLE_PHOTOS")
    files = [f for f in sorted(Path(folder).rglob("*")) if f.is_file()] if folder else []
    found = []
    for file in draw.sample(files, len(files)):
        try:
            found.append(Image.fromarray(read_photo(file, Preprocessing(160))))
        except PhotoError:
            continue
        if len(found) == PHOTOS:
            return found
    return [draw_facade(STYLES[n % len(STYLES)], n, 160, 160) for n in range(PHOTOS)]


def encoded(photo: Image.Image) -> list[tuple[str, bytes]]:
    """Return the photo in every format that is read, with metadata where that holds any."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "camera"
    grey, clear = photo.convert("L"), photo.convert("RGBA")
    few, behind = photo.quantize(64), [photo.rotate(90)]
    ways: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("jpeg", photo, {"exif": exif, "icc_profile": bytes(200)}),
        ("progressive.jpeg", photo, {"format": "JPEG", "progressive": True}),
        ("cmyk.jpeg", photo.convert("CMYK"), {"format": "JPEG"}),
        ("mpo", photo, {"save_all": True, "append_images": behind}),
        ("png", clear, {"exif": exif}),
        ("palette.png", few, {"format": "PNG"}),
        ("deep.png", grey.convert("I;16"), {"format": "PNG"}),
        ("webp", clear, {"exif": exif}),
        ("lossless.webp", photo, {"format": "WEBP", "lossless": True}),
        ("moving.webp", photo, {"format": "WEBP", "save_all": True, "append_images": behind}),
        ("gif", few, {"save_all": True, "append_images": [few.rotate(90)]}),
        ("bmp", photo, {}),
        ("lzw.tiff", photo, {"format": "TIFF", "compression": "tiff_lzw", "exif": exif}),
        ("jpeg.tiff", photo, {"format": "TIFF", "compression": "jpeg"}),
        ("deflate.tiff", grey, {"format": "TIFF", "compression": "tiff_adobe_deflate"}),
        ("avif", photo, {"exif": exif}),
        ("heif", photo, {"exif": exif}),
    ]
    found = []
    for name, image, options in ways:
        memory = io.BytesIO()
        image.save(memory, **{"format": name.upper(), **options})
        found.append((name, memory.getvalue()))
    return found


def mutated(content: bytes, seeds: Sequence[tuple[str, bytes]], draw: random.Random) -> bytes:
    """Return the file with one to three changes, many of them near its head, where structure is."""
    data = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        size = len(data)
        at = draw.randrange(min(size, 600) if draw.random() < 0.3 else size) if size else 0
        length = draw.choice([1, 2, 4, 16, 300])
        match draw.choice([0, 0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7]):
            case 0:
                data[at : at + 1] = draw.randbytes(1)
            case 1:
                data[at : at + length] = draw.randbytes(length)
            case 2:
                width = draw.choice([1, 2, 4])
                value = draw.choice(EDGES) & (256**width - 1)
                data[at : at + width] = value.to_bytes(width, draw.choice(["big", "little"]))
            case 3:
                del data[at : at + length]
            case 4:
                data[at:at] = data[at : at + length] * draw.choice([1, 2, 50])
            case 5:
                data[at:at] = draw.randbytes(length)
            case 6:
                del data[max(at, size // 4) :]
            case 7:
                other = draw.choice(seeds)[1]
                data[at:] = other[draw.randrange(len(other)) :]
    return bytes(data)


def server_answer(server: Server) -> Callable[[bytes], str]:
    def ask(content: bytes) -> str:
        try:
            body, kind = body_of(content), {"Content-Type": KIND}
            server.connection.request("POST", "/api/v1/predict?map=1", body, kind)
            response = server.connection.getresponse()
            told = json.loads(response.read())
            code = str(told.get("code", "answered"))
            wrong = response.status not in (200, 400, 415, 422)
            return f"!{response.status}" if wrong else code
        except (OSError, http.client.HTTPException, ValueError) as error:
            server.connection.close()
            return f"!{type(error).__name__}"

    return ask


def reader_answer(content: bytes) -> str:
    try:
        read_photo(content, Preprocessing(288, 16_000_000))
        return "answered"
    except PhotoError as error:
        return error.code
    except Exception as error:
        return f"!{type(error).__name__}"


def megabytes(process: int) -> float:
    """Return what the server's processes hold, but for the follower, which imports at its pace."""
    found = psutil.Process(process).children(recursive=True)
    return sum(p.memory_info().rss for p in found if "follower" not in " ".join(p.cmdline())) / 1e6


if __name__ == "__main__":
    run(main)
