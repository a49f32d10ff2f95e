"""Train: data/augmented and data/raw -> models/bundle and variants, history.csv, run.json."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from archstyle.bundle.bundle import write_seen
from archstyle.common import console
from archstyle.common.files import read_json, whole_directory, whole_file, write_json
from archstyle.config import compose, stage_config
from archstyle.data.arrays import open_others, read_arrays
from archstyle.data.manifest import learned, others, read_manifest, read_others
from archstyle.photos.reader import Preprocessing
from archstyle.tracking.runs import start_run
from archstyle.tracking.store import prepare_store

SECTIONS = ("use", "seed", "model", "train", "thresholds")


def main(overrides: Sequence[str]) -> None:
    """Train the chosen network and export its bundle."""
    root = Path.cwd()
    config = stage_config(SECTIONS, overrides)
    raw, manifest = root / "data/raw", root / "data/prepared/manifest.csv"
    arrays = read_arrays(root / "data/augmented", raw)
    rows, strange = read_manifest(manifest), read_others(manifest)
    # Nothing of the network depends on them, so what is not for the test may be learned from.
    learned_from = [*others(strange, "train"), *others(strange, "validation")]
    size = Preprocessing(config.model.read_size)
    prepare_store()
    # TensorFlow takes ten seconds to import; what can fail before that has been tried.
    from archstyle.models import device, identity, open_checkpoint, train_bundle, write_history

    everything = asdict(compose(root, overrides))
    what = identity(root, config.model, config.train, config.seed)
    with (
        # Not in an out of this stage, which DVC deletes before it runs.
        open_checkpoint(root / ".archstyle/training", **what) as checkpoint,
        start_run(root, everything, resume=checkpoint.run_id) as run,
    ):
        checkpoint.run_id = run.run_id
        run.note({"device": device(config.train.precision)})
        with (
            whole_directory(root / "models/bundle") as directory,
            whole_directory(root / "models/variants") as variants,
        ):
            fitted, bundle = train_bundle(
                directory,
                arrays,
                config.model,
                config.train,
                variants=variants,
                seed=config.seed,
                thresholds=config.thresholds,
                summary=read_json(root / "data/prepared/summary.json"),
                # What register reads is no part of what was trained.
                config={key: everything[key] for key in everything if key != "register"},
                on_epoch=run.epoch,
                checkpoint=checkpoint,
                others=open_others(raw, rows, learned_from, size),
            )
            photos = learned(rows) | {row.sha256 for row in learned_from}
            for folder in (directory, *variants.iterdir()):
                write_seen(folder, photos)
        with whole_file(root / "models/history.csv") as path:
            write_history(path, fitted.history)
        write_json(root / "models/run.json", run.as_json())
    validation = bundle.card.metrics["validation"]
    console.say(
        f"Trained {config.model.name}: {validation['accuracy']:.3f} of the validation photos are "
        f"right. The bundle is in models/bundle, in {bundle.card.precision}; evaluate measures it "
        "on the test photos."
    )


if __name__ == "__main__":
    console.run(main)
