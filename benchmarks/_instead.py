"""What people would use in place of our server; `benchmarks.serving` starts and measures it.

`python -m benchmarks._instead WAY BUNDLE PORT FOLDER`, where WAY is
flask: as the reference does, Flask's own server and `model.predict` of Keras a request, with the
same network (with its ImageNet weights: its answers mean nothing, they cost the same);
mlflow: `mlflow models serve` of the bundle as it is registered.
"""

import os
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from archstyle.bundle import Bundle


def flask(bundle: Path, port: int) -> None:
    import numpy as np
    from flask import Flask, request
    from PIL import Image

    from archstyle.models.export import classifier
    from archstyle.models.networks import build_network

    card = Bundle.load(bundle).card
    side = card.preprocessing.image_size
    model = classifier(build_network(card.name, 224, side), len(card.styles), 0.2)
    app = Flask("reference")

    @app.post("/")
    def answer() -> dict[str, Any]:
        photo = Image.open(BytesIO(request.files["photo"].read())).convert("RGB")
        array = np.asarray(photo.resize((side, side)))[np.newaxis]
        given = model.predict(array, verbose=0)[0]
        return {"style": card.styles[int(given.argmax())]}

    app.run("127.0.0.1", port)


def mlflow(bundle: Path, port: int, folder: Path) -> None:
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    import archstyle
    from archstyle.registry import model_as_code

    mlflow.pyfunc.save_model(
        folder,
        python_model=model_as_code.__file__,
        artifacts={"bundle": str(bundle)},
        code_paths=[str(Path(archstyle.__file__).parent)],
        signature=ModelSignature(Schema([ColSpec(DataType.binary, "photo")])),
    )
    programs = Path(sys.executable).parent  # it starts uvicorn by name
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    serve = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    os.execv(sys.executable, [*serve, "-m", str(folder), "-p", str(port)])


if __name__ == "__main__":
    way, path, port, folder = sys.argv[1:]
    if way == "flask":
        flask(Path(path), int(port))
    else:
        mlflow(Path(path), int(port), Path(folder))
