"""The int8 graph against the float32 one, and maps that are gradients against TensorFlow's tape."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from archstyle.bundle import Outputs
from archstyle.bundle.graph import Graph
from archstyle.models.export import classifier, export_graph, export_int8_graph
from archstyle.models.networks import Network, build_network
from archstyle.models.train import small_is_enough
from archstyle.photos.reader import to_array
from facades import STYLES, draw_facade

SIZE = 64


def photos() -> np.ndarray:
    drawn = [draw_facade(style, seed, 96, 96) for style in STYLES for seed in range(4)]
    return np.stack([to_array(facade, SIZE) for facade in drawn])


def made(name: str) -> tuple[Network, keras.Model]:
    keras.utils.set_random_seed(3)
    network = build_network(name, SIZE, SIZE)
    return network, classifier(network, len(STYLES), 0.2)


def run(graph: bytes, directory: Path) -> Outputs:
    path = directory / "graph.tflite"
    path.write_bytes(graph)
    return Graph(path, workers=1).run(photos())


def alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the cosines of the rows of two arrays [n, ...]."""
    one, other = one.reshape(len(one), -1), other.reshape(len(other), -1)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / lengths)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "cnn", "cnn_gap"])
def test_int8_answers_nearly_as_float32(name: str, tmp_path: Path) -> None:
    network, model = made(name)
    whole = export_graph(network, model, SIZE, 4.0)
    small = export_int8_graph(network, model, SIZE, 4.0, photos())
    assert len(small) < len(whole) / {"efficientnet_lite0": 3, "cnn": 1.05, "cnn_gap": 3}[name]
    expected, given = run(whole, tmp_path), run(small, tmp_path)
    assert expected.maps is not None and given.maps is not None
    assert alike(given.embeddings, expected.embeddings).min() > 0.97
    assert np.median(alike(given.maps, expected.maps)) > 0.98
    np.testing.assert_allclose(given.probabilities, expected.probabilities, atol=0.1)
    # Not 256 steps: the head is in float32.
    assert len(np.unique(given.probabilities)) > 0.9 * given.probabilities.size


def test_photos_of_no_white_and_no_black_give_the_bytes_their_meaning(tmp_path: Path) -> None:
    network, model = made("cnn")
    grey = (photos() // 4 + 90).astype(np.uint8)
    graph = export_int8_graph(network, model, SIZE, 1.0, grey)
    expected = run(export_graph(network, model, SIZE, 1.0), tmp_path)
    assert alike(run(graph, tmp_path).embeddings, expected.embeddings).min() > 0.95


def test_gradient_maps_are_those_of_the_tape(tmp_path: Path) -> None:
    network, model = made("cnn")
    given = run(export_graph(network, model, SIZE, 1.0), tmp_path).maps
    flatten, dense = network.base.layers[-2:]
    features = keras.Model(network.base.input, flatten.input)(photos())
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        logits = model.get_layer("head")(dense(tf.reshape(features, (len(features), -1))))
        of_styles = [logits[:, style] for style in range(len(STYLES))]
    maps = []
    for logit in of_styles:
        weights = tf.reduce_mean(tape.gradient(logit, features), axis=(1, 2), keepdims=True)
        maps.append(tf.reduce_sum(weights * features, axis=3))
    assert given is not None
    np.testing.assert_allclose(given, np.stack(maps, axis=-1), atol=1e-6)


def test_a_network_that_begins_otherwise_is_quantized_as_it_is(tmp_path: Path) -> None:
    photo = keras.Input((SIZE, SIZE, 3), dtype="uint8", name="photo")
    x = keras.layers.Rescaling(1 / 127.5, -1)(photo)
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.Conv2D(8, 3, 2, activation="relu")(x)
    network = Network(keras.Model(photo, x), cuts=(), pooled=True, pretrained=False)
    model = classifier(network, 4, 0.0)
    expected = run(export_graph(network, model, SIZE, 1.0), tmp_path)
    given = run(export_int8_graph(network, model, SIZE, 1.0, photos()), tmp_path)
    assert alike(given.embeddings, expected.embeddings).min() > 0.99


def answers(
    wrong: list[int],
    probability: float = 0.9,
    photos: int = 240,
    close: tuple[int, float] = (7, 0.51),
) -> np.ndarray:
    """Probabilities [n, 2], of which the first style is right, with one photo that is close."""
    given = np.tile([probability, 1 - probability], (photos, 1))
    given[wrong] = given[wrong, ::-1]
    given[close[0]] = close[1], 1 - close[1]
    return given


@pytest.mark.parametrize(
    ("small", "enough"),
    [
        (answers([3, 50]), True),
        (answers([3]), True),
        (answers([3, 50], close=(7, 0.49)), True),  # one photo more, and close
        (answers([3, 50, 70]), False),  # one photo more, and sure of it
        (answers([3, 50, 70, 90]), False),
        (answers([3, 50], 0.895), True),
        (answers([3, 50], 0.88), False),  # as many right, less sure of them
        (answers([60, 70, 80]), False),  # other photos wrong
    ],
)
def test_int8_is_served_where_accuracy_log_loss_and_agreement_allow_it(
    small: np.ndarray, enough: bool
) -> None:
    labels = np.zeros(240, np.int64)
    assert small_is_enough(answers([3, 50]), small, labels) is enough


def test_few_photos_do_not_show_that_int8_is_enough() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros(400, np.int64)
    whole = answers([], 0.9, 400)
    noise = rng.normal(0, 0.05, 400)
    small = np.stack([0.9 + noise, 0.1 - noise], axis=1)
    assert small_is_enough(whole, small, labels)
    assert not small_is_enough(whole[:20], small[:20], labels[:20])
