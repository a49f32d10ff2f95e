"""Draws the facades that the page offers to try: `python -m serving.samples`."""

from collections.abc import Sequence
from pathlib import Path

from archstyle.common.console import run, say
from archstyle.common.files import whole_directory
from archstyle.photos.heatmap import encode
from facades import STYLES, draw_facade

# Those that a model of photos knows best.
SEEDS = {"baroque": 3, "byzantine": 7, "egyptian": 6, "gothic": 2}
SIDE = 360


def main(arguments: Sequence[str]) -> None:
    """Write one drawn facade of each style into static/samples."""
    target = Path(__file__).with_name("static") / "samples"
    with whole_directory(target) as partial:
        for style in STYLES:
            drawing = draw_facade(style, SEEDS[style], SIDE, SIDE)
            (partial / f"{style}-{SEEDS[style]}.webp").write_bytes(encode(drawing, quality=80))
    say(f"Drew {len(STYLES)} facades into {target}.")


if __name__ == "__main__":
    run(main)
