"""What a run is about, model, configuration, data and origin, and how it is told in Markdown."""

import getpass
import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from archstyle import __version__
from archstyle.bundle.card import Card, in_words
from archstyle.common.files import read_json

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

SPLITS = ("train", "validation", "test")
STAGES = ("fetch", "prepare", "augment", "train", "evaluate", "register")


@dataclass(frozen=True)
class Facts:
    """What a run is about, known before training (from prepare) and after (from the card)."""

    model: str
    config: dict[str, Any]
    source: dict[str, Any]
    counts: dict[str, dict[str, int]]  # {style: {split: photos}}
    data_digest: str
    git: dict[str, str] = field(default_factory=dict)

    @property
    def drawn(self) -> bool:
        """Whether these are drawn facades, no photos."""
        return bool(self.source.get("drawn"))

    @property
    def data_name(self) -> str:
        """What to call the data in a sentence."""
        if self.drawn:
            return "drawn facades, not photos"
        missing = ", ".join(self.source.get("missing") or ())
        return str(self.source.get("location", "?")) + (f" without {missing}" if missing else "")

    def photos(self, split: str | None = None) -> int:
        """Return the number of photos, of one split or of all."""
        names = [split] if split else SPLITS
        return sum(of_style.get(name, 0) for of_style in self.counts.values() for name in names)

    def tags(self) -> dict[str, str]:
        """Return the tags by which runs and versions are told apart and found."""
        return {
            "model": self.model,
            "data": self.data_name,
            "data.kind": str(self.source.get("kind", "?")),
            "data.digest": self.data_digest,
            "data.drawn": str(self.drawn).lower(),
            "data.photos": str(self.photos()),
            **self.git,
        }


def facts_from_summary(root: Path, config: Mapping[str, Any]) -> Facts:
    """Read data/prepared/summary.json, for a run that begins."""
    summary = read_json(root / "data/prepared/summary.json", "run `dvc repro prepare`")
    source, counts, digest = (summary[key] for key in ("source", "counts", "digest"))
    return Facts(config["model"]["name"], dict(config), source, counts, digest, git_tags(root))


def facts_from_card(card: Card, run: Mapping[str, Any]) -> Facts:
    """Read a bundle's card and models/run.json, for a run that is resumed or made again."""
    git = {key: str(value) for key, value in run.items() if key.startswith("git.")}
    return Facts(card.name, card.config, card.source, card.counts, card.data_digest, git)


def dataset_input(facts: Facts) -> "DatasetInput":
    """Return the metadata of the prepared data; MLflow's own datasets read every photo."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    photos = {split: facts.photos(split) for split in SPLITS}
    profile = {"photos": facts.photos(), **photos, "styles": len(facts.counts)}
    dataset = Dataset(
        name=facts.data_name[:500],  # MLflow's limit, as the next
        digest=facts.data_digest[:36],
        source_type=str(facts.source.get("kind", "local")),
        source=json.dumps(facts.source),
        profile=json.dumps({**profile, "counts": facts.counts}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def git_tags(root: Path) -> dict[str, str]:
    """Return commit, branch and whether tracked files were changed; nothing outside of git.

    params.yaml does not count: every run records its values.
    """
    command = ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    command += ["--", ".", ":(exclude)params.yaml"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    told = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    if told.get("branch.oid", "(initial)") == "(initial)":
        return {}
    dirty = any(not line.startswith("#") for line in lines)
    return {
        "git.commit": told["branch.oid"],
        "git.branch": told["branch.head"].replace("(detached)", "HEAD"),
        "git.dirty": str(dirty).lower(),
    }


def dvc_tags(root: Path, before: str) -> dict[str, str]:
    """Return {dvc.<stage>.<out>: md5} of the stages before one, as dvc.lock has them.

    What dvc.lock says of `before` itself and of later stages is of an earlier execution.
    """
    try:
        lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    stages = (lock or {}).get("stages", {})
    return {
        f"dvc.{stage}.{out['path']}": str(out["md5"])
        for stage in STAGES[: STAGES.index(before)]
        for out in stages.get(stage, {}).get("outs", [])
        if "md5" in out
    }


def process_tags(stage: str) -> dict[str, str]:
    """Return who runs the stage, so that a run whose process died can be found, and how."""
    by = f"dvc exp {name}" if (name := os.environ.get("DVC_EXP_NAME")) else "dvc repro"
    by = by if os.environ.get("DVC_STAGE") else f"python -m pipeline.{stage}"
    return {
        "archstyle.host": socket.gethostname(),
        "archstyle.pid": str(os.getpid()),
        "archstyle.stage": stage,
        "archstyle.started_by": by,
        "archstyle.version": __version__,
        "mlflow.user": user_name(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": "dvc.yaml",
    }


def is_alive(pid: str) -> bool:
    """Say whether a process of this machine runs."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, OSError) as error:
        return isinstance(error, PermissionError)
    return True


def user_name() -> str:
    """Return who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user's name
        return str(os.getuid())


def percent(share: float | str) -> str:
    """Return 0.9134 as `91.3 %`."""
    return f"{100 * float(share):.1f} %"


def accuracy_text(metrics: Mapping[str, Any], kind: str = "accuracy") -> str:
    """Return `91.3 % (88.0 % to 94.1 %)`, as far as it was measured."""
    if kind not in metrics:
        return "not measured"
    low, high = metrics.get(f"{kind}_low"), metrics.get(f"{kind}_high")
    between = "" if low is None or high is None else f" ({percent(low)} to {percent(high)})"
    return percent(metrics[kind]) + between


def listed(words: Sequence[str]) -> str:
    """Return `a, b and c`, or how many styles there are."""
    return in_words(words, "and") if len(words) <= 8 else f"{len(words)} styles"


def described(template: str, **values: Any) -> str:
    """Return what a person reads at the top of a run or a version; `template` is of templates/."""
    made = Environment(
        loader=PackageLoader("archstyle.tracking"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(accuracy=accuracy_text, listed=listed, percent=percent)
    return made.get_template(template).render(values)
