"""How far a photo lies from what was trained on, against the formula written out."""

import ast
from pathlib import Path

import numpy as np
import pytest

from archstyle.bundle import BundleError, Outputs
from archstyle.bundle.out_of_distribution import features, load_score, save_score
from archstyle.models.rejection import fit_distance, fit_distance_threshold


def embeddings(n: int, seed: int = 0, moved: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return [n, 24] of three styles, of which the last ones may have moved."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, n)
    spread = np.linspace(0.1, 1.0, 24)
    found = random.normal(0, spread, (n, 24)) + 3 * np.eye(24)[labels] + 1
    found[:, 20:] += moved
    return found, labels


def test_with_all_axes_it_is_the_mahalanobis_distance() -> None:
    photos, labels = embeddings(400)
    found = fit_distance(photos, labels, axes=23)
    covariance = found.axes.T.astype(float) @ np.diag(
        found.variances.astype(float)
    ) @ found.axes + found.rest * (np.eye(24) - found.axes.T.astype(float) @ found.axes)
    inverse = np.linalg.inv(covariance)
    apart = photos[:, np.newaxis] - found.means
    expected = np.sqrt(np.einsum("nkd,de,nke->nk", apart, inverse, apart).min(axis=1))
    np.testing.assert_allclose(found(photos), expected, rtol=5e-3)  # of axes in half precision


@pytest.mark.parametrize("axes", [4, 12])
def test_what_is_unlike_the_training_photos_is_farther(axes: int) -> None:
    found = fit_distance(*embeddings(400), axes=axes)
    known, _ = embeddings(200, seed=1)
    strange, _ = embeddings(200, seed=2, moved=6.0)
    assert np.median(found(strange)) > np.quantile(found(known), 0.95)
    assert found.axes.shape == (axes, 24)


def test_the_lengths_of_embeddings_and_peaks_do_not_count() -> None:
    random = np.random.default_rng(0)
    embeddings, peaks = random.random((2, 6, 8), np.float32)
    nothing = np.empty((6, 0), np.float32)
    plain = features(Outputs(nothing, None, embeddings))
    both = features(Outputs(nothing, None, 3 * embeddings, 7 * peaks))
    np.testing.assert_allclose(np.linalg.norm(both.reshape(6, 2, 8), axis=2), 1)
    np.testing.assert_allclose(both[:, :8], plain, atol=1e-6)
    assert np.isfinite(features(Outputs(nothing, None, 0 * embeddings))).all()


def test_fewer_photos_than_dimensions_and_dead_dimensions_are_enough() -> None:
    photos, labels = embeddings(9)
    photos[:, 3] = 0
    assert np.isfinite(fit_distance(photos, labels)(photos)).all()


def test_the_share_that_is_refused_is_the_share_that_was_asked_for() -> None:
    distances = np.random.default_rng(0).gamma(5, size=1000).astype(np.float32)
    threshold = fit_distance_threshold(distances, 0.02)
    assert (distances > threshold).sum() == 20


def test_it_is_saved_the_same_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    found = fit_distance(*embeddings(100), axes=5)
    path = tmp_path / "distance.npz"
    save_score(path, found)
    first = path.read_bytes()
    save_score(path, found)
    assert path.read_bytes() == first
    photos, _ = embeddings(10, seed=1)
    np.testing.assert_array_equal(load_score(path)(photos), found(photos))
    for length in (0, 10, len(first) // 2, len(first) - 3):
        path.write_bytes(first[:length])
        with pytest.raises(BundleError, match=r"distance.npz cannot be read .it is damaged"):
            load_score(path)
    with pytest.raises(BundleError, match=r"distance.npz cannot be read .No such file"):
        load_score(tmp_path / "none" / "distance.npz")


def test_no_answer_to_a_photo_asks_blas() -> None:
    """BLAS has threads of its own, which wait busily and take the cores from other answers."""
    asks = {"dot", "inner", "matmul", "tensordot", "vdot", "inv", "solve", "lstsq"}
    for folder in (
        "src/archstyle/bundle",
        "src/archstyle/photos",
        "src/archstyle/registry",
        "serving",
    ):
        for path in (Path(__file__).parents[1] / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                by_operator = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
                by_name = isinstance(node, ast.Attribute) and node.attr in asks
                assert not by_operator and not by_name, f"{path}:{getattr(node, 'lineno', 0)}"
