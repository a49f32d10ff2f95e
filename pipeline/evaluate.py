"""Measures the exported bundle on the original test photos.

python -m pipeline.evaluate [section.key=value ...]
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from archstyle.bundle import Bundle
from archstyle.common.console import run, say
from archstyle.common.files import read_json
from archstyle.config import Config, Split, stage_config
from archstyle.data.manifest import others, read_manifest, read_others, read_pairs
from archstyle.data.splits import check_data, check_splits
from archstyle.errors import ArchstyleError
from archstyle.metrics.evaluation import answer_outside, measure, measure_variants, time_variants
from archstyle.metrics.predictions import label_test_photos, measure_others, predict_photos
from archstyle.photos.store import PhotoStore
from archstyle.reports.evaluation import Report, pick, show_answered, write_reports
from archstyle.reports.evaluation_charts import read_history
from archstyle.tracking.runs import resume_run

RAW, PREPARED, MODELS, REPORTS = map(Path, ("data/raw", "data/prepared", "models", "reports"))
VARIANTS = MODELS / "variants"

SECTIONS = ("seed", "evaluate")


def main(argv: Sequence[str]) -> None:
    """Write metrics, plots, figures, predictions and the report, then log them into the run."""
    config = stage_config(SECTIONS, argv)
    rows = read_manifest(PREPARED / "manifest.csv")
    summary = read_json(PREPARED / "summary.json", "run `dvc repro --force prepare`")
    run_record = read_json(MODELS / "run.json", "run `dvc repro --force train`")
    history = read_history(MODELS / "history.csv")
    bundle = Bundle.load(MODELS / "bundle")
    labels = label_test_photos(rows, Split(**summary["shares"]), bundle.styles)
    pairs = PREPARED / "pairs.csv"
    check_splits([*rows, *labels.rows], read_pairs(pairs) if pairs.exists() else ())
    check_data(bundle.card.data_digest, summary["digest"])
    store = PhotoStore(RAW)
    answers = predict_photos(bundle, store, labels.rows)
    judged = [answers.judged_by(by) for by in (labels.labelled, labels.corrected)]
    mistakes, sure = pick(bundle, store, judged[1])
    variants = measure_variants(VARIANTS, bundle, store, labels, answers)
    outside = answer_outside(bundle, RAW, answers)
    train_counts = {style: counts["train"] for style, counts in summary["counts"].items()}
    bootstrap = config.evaluate.bootstrap_samples, config.seed
    labelled, corrected = (measure(one, train_counts, *bootstrap) for one in judged)
    report = Report(
        labelled=labelled,
        corrected=corrected,
        labels=labels,
        answers=answers,
        names=[bundle.label(style) for style in bundle.styles],
        card=bundle.card,
        bundle_digest=bundle.digest,
        summary=summary,
        run=run_record,
        history=history,
        mistakes=mistakes,
        sure=sure,
        outside=outside,
        answered_outside=show_answered(bundle, RAW, outside),
        others=measure_others(bundle, RAW, others(read_others(PREPARED / "manifest.csv"), "test")),
        variants=variants,
    )
    say(write_reports(REPORTS, report))
    # Not in the reports, which are the same again for the same bundle.
    log(config, time_variants(VARIANTS))


def log(config: Config, latency: dict[str, float]) -> None:
    """Send what was measured to the run; the files stay where the tracking server is away."""
    for name, milliseconds in latency.items():
        say(f"{name}: {milliseconds:.1f} ms a photo.")
    read = {"seed": config.seed, "evaluate": asdict(config.evaluate)}
    try:
        with resume_run(Path.cwd(), "evaluate", read) as record:
            record.reports(Path.cwd())
            record.metrics(latency, "latency_ms")
    except ArchstyleError as error:
        say(f"warning: the measurements are in {REPORTS}/ but not in the run: {error}")


if __name__ == "__main__":
    run(main)
