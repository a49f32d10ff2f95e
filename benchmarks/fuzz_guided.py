"""Fuzzing by coverage of the reader and of the form: `python -m benchmarks.fuzz_guided [RUNS]`.

Atheris (libFuzzer) changes the bytes of a file or of a whole body towards code of Pillow's plugins,
of the reader and of the form that no earlier ones reached. The app answers in this process. None
may end in a 500 or another error than PhotoError, none may take over two seconds. What fails is
kept in cache/fuzz. Atheris is not among the requirements, as it installs on few systems:
`uv pip install atheris`. 20,000 runs take two minutes.
"""

import importlib
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from archstyle.common.console import run, say

RUNS, SEED, MOST_SECONDS, LONGEST = 20_000, 12, 2.0, 60_000
BUNDLE, KEPT = Path("models/released"), Path("cache/fuzz")
TRACED = ("PIL", "archstyle.photos.reader", "serving.uploads", "werkzeug.sansio.multipart")


def main(arguments: Sequence[str]) -> None:
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        say("Nothing is run, as Atheris is missing: `uv pip install atheris`.")
        return
    with atheris.instrument_imports(include=list(TRACED)):
        from archstyle.bundle import Bundle
        from benchmarks.fuzz import encoded, reader_answer
        from benchmarks.serving import BOUNDARY, KIND, body_of
        from facades import draw_facade
        from serving.app import create_app
        from serving.models import Model, Models
        from serving.settings import Settings
    model = Model(Bundle.load(BUNDLE), "1", None)
    client = create_app(Settings(max_megapixels=16), Models(model)).test_client()

    def once(data: bytes) -> None:
        """A first byte that is even says a photo, else a form with whatever is in it."""
        start = time.process_time()
        content = data[1:]
        if data[:1] and data[0] % 2:
            body = content.replace(b"BOUNDARY", BOUNDARY.encode())
            status = client.post("/api/v1/predict", data=body, content_type=KIND).status_code
            found = "" if status in (200, 400, 413, 415, 422) else f"status {status}"
        else:
            answer = reader_answer(content)
            found = answer if answer.startswith("!") else ""
        if (took := time.process_time() - start) > MOST_SECONDS:
            found = f"{took:.1f} s"
        if found:
            raise RuntimeError(found)

    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for name, content in encoded(draw_facade("gothic", SEED, 64, 64)):
            Path(corpus, name).write_bytes(b"\0" + content)
            body = body_of(content).replace(BOUNDARY.encode(), b"BOUNDARY")
            Path(corpus, f"form-{name}").write_bytes(b"\1" + body)
        count = int(arguments[0]) if arguments else RUNS
        options = [f"-atheris_runs={count}", f"-seed={SEED}", f"-max_len={LONGEST}"]
        options += [f"-artifact_prefix={KEPT}/", "-timeout=20", "-rss_limit_mb=2500"]
        random.seed(SEED)
        atheris.Setup([sys.argv[0], *options, corpus], once)
        atheris.Fuzz()


if __name__ == "__main__":
    run(main)
