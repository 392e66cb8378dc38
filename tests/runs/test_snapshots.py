"""Snapshots of a run, and how they are thinned out."""

from pathlib import Path

import numpy as np
import pytest

from cifarviz.analysis.evaluation import cross_entropy
from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.runs.artifacts import FolderArtifacts, load_arrays, save_arrays
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.snapshots import (
    is_weights_epoch,
    load_predictions,
    load_weights,
    save_predictions,
    save_weights,
    snapshot_bytes,
    snapshot_epochs,
    snapshot_path,
    thin,
    thin_all,
)
from cifarviz.runs.stored_maps import load_maps

RANDOM = np.random.default_rng(3)
INDICES = np.arange(200, 500)


def some_probabilities() -> np.ndarray:
    logits = RANDOM.normal(size=(300, 10)) * 3
    shares = np.exp(logits)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def test_the_epochs_with_saved_weights_get_further_apart() -> None:
    kept = [epoch for epoch in range(70) if is_weights_epoch(epoch)]
    assert kept == [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64]


def test_rounded_predictions_keep_the_most_probable_class(tmp_path: Path) -> None:
    probabilities = some_probabilities()
    # So close that float16 cannot tell them apart.
    probabilities[7] = 0.02
    probabilities[7, [2, 6]] = 0.42, 0.42001
    save_predictions(
        FolderArtifacts(tmp_path),
        4,
        "train",
        INDICES,
        Predictions.from_probabilities(probabilities),
    )
    answers = load_predictions(tmp_path, 4, 10)
    assert answers.split == "train"
    np.testing.assert_array_equal(answers.indices, INDICES)
    assert answers.predictions.probabilities.dtype == np.float32
    np.testing.assert_allclose(
        answers.predictions.probabilities, probabilities, rtol=1e-2, atol=1e-7
    )
    np.testing.assert_array_equal(
        answers.predictions.probabilities.argmax(axis=1), probabilities.argmax(axis=1)
    )
    stored = load_arrays(snapshot_path(tmp_path, "predictions", 4))[0]["log_probabilities"]
    assert stored.dtype == np.float16


@pytest.mark.filterwarnings("error")
def test_saved_predictions_keep_any_large_loss(tmp_path: Path) -> None:
    exact = RANDOM.normal(size=(300, 10)) * 300
    exact -= np.logaddexp.reduce(exact, axis=1, keepdims=True)
    exact[0, 3] = -1e5  # more than float16 holds
    save_predictions(
        FolderArtifacts(tmp_path), 4, "test", INDICES, Predictions(exact.astype(np.float32))
    )
    stored = load_predictions(tmp_path, 4, 10).predictions
    assert stored.exact
    np.testing.assert_allclose(stored.log_probabilities[1:], exact[1:], rtol=5e-4, atol=1e-7)
    assert stored.log_probabilities[0, 3] == -65504
    labels = np.arange(300) % 10
    loss = cross_entropy(labels, exact)
    assert loss > 300
    assert cross_entropy(labels, stored.log_probabilities) == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize(
    "arrays",
    [
        {"probabilities": np.ones(2, np.float16)},
        {"probabilities": np.ones((2, 0), np.float16)},
        {"probabilities": np.ones((2, 3), np.int8)},
        {"log_probabilities": np.zeros((2, 3), np.float16)},
    ],
)
def test_arrays_of_an_unknown_kind_are_damaged(
    tmp_path: Path, arrays: dict[str, np.ndarray]
) -> None:
    save_arrays(
        snapshot_path(tmp_path, "predictions", 4),
        arrays | {"indices": np.arange(2)},
        {"format": 1, "epoch": 4, "split": "test"},
    )
    with pytest.raises(ArtifactDamaged):
        load_predictions(tmp_path, 4, 3)


def test_predictions_of_an_earlier_version_are_marked_as_inexact(tmp_path: Path) -> None:
    probabilities = np.array([[1, 0, 0], [0.25, 0.5, 0.25]], np.float16)
    save_arrays(
        snapshot_path(tmp_path, "predictions", 4),
        {"probabilities": probabilities, "indices": np.arange(2)},
        {"format": 1, "epoch": 4, "split": "test"},
    )
    found = load_predictions(tmp_path, 4, 3).predictions
    assert not found.exact
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-7)
    # 0 counts as the smallest that float16 holds, 2⁻²⁴.
    assert found.log_probabilities[0, 1] == pytest.approx(-24 * np.log(2))


def test_missing_damaged_and_newer_predictions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match="no saved predictions for epoch 4"):
        load_predictions(tmp_path, 4, 10)
    save_predictions(
        FolderArtifacts(tmp_path),
        4,
        "test",
        INDICES,
        Predictions.from_probabilities(some_probabilities()),
    )
    with pytest.raises(ArtifactDamaged, match="epoch 4"):
        load_predictions(tmp_path, 4, 7)
    path = snapshot_path(tmp_path, "predictions", 4)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ArtifactDamaged):
        load_predictions(tmp_path, 4, 10)
    save_arrays(path, {}, {"format": 99})
    with pytest.raises(UnknownFormat, match="another version"):
        load_predictions(tmp_path, 4, 10)


def a_run(folder: Path, epochs: int) -> Path:
    for epoch in range(epochs + 1):
        save_weights(FolderArtifacts(folder), epoch, {"model/kernel": np.zeros(10_000, np.float32)})
        if epoch:
            save_predictions(
                FolderArtifacts(folder),
                epoch,
                "test",
                INDICES,
                Predictions.from_probabilities(some_probabilities()),
            )
    return folder


def test_nothing_is_removed_within_the_budget(tmp_path: Path) -> None:
    run = a_run(tmp_path, 8)
    before = snapshot_bytes(run)
    thin(FolderArtifacts(run), before)
    assert snapshot_bytes(run) == before


def test_weights_are_removed_before_predictions_and_the_ends_last(tmp_path: Path) -> None:
    run = a_run(tmp_path, 8)
    weights = snapshot_path(run, "weights", 0).stat().st_size
    thin(FolderArtifacts(run), snapshot_bytes(run) - 3 * weights)
    assert snapshot_epochs(run, "weights") == [0, 2, 4, 6, 7, 8]
    assert snapshot_epochs(run, "predictions") == list(range(1, 9))

    answers = sum(snapshot_path(run, "predictions", epoch).stat().st_size for epoch in range(1, 9))
    thin(FolderArtifacts(run), answers)
    assert snapshot_epochs(run, "weights") == []
    assert snapshot_epochs(run, "predictions") == list(range(1, 9))

    thin(FolderArtifacts(run), answers // 2)
    assert snapshot_bytes(run) <= answers // 2
    assert {1, 8} <= set(snapshot_epochs(run, "predictions"))


def test_a_budget_of_zero_removes_everything(tmp_path: Path) -> None:
    run = a_run(tmp_path, 3)
    thin(FolderArtifacts(run), 0)
    assert snapshot_bytes(run) == 0


def test_the_oldest_runs_are_thinned_first(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / name, 4) for name in ("old", "middle", "new")]
    sizes = [snapshot_bytes(run) for run in runs]
    thin_all(runs, sum(sizes) - sizes[0] // 2)
    assert sum(map(snapshot_bytes, runs)) <= sum(sizes) - sizes[0] // 2
    assert [snapshot_bytes(run) for run in runs[1:]] == sizes[1:]

    thin_all(runs, sizes[2])
    assert [snapshot_bytes(run) for run in runs] == [0, 0, sizes[2]]


def test_protected_runs_count_but_keep_their_snapshots(tmp_path: Path) -> None:
    recorded, old, new = (a_run(tmp_path / name, 4) for name in ("recorded", "old", "new"))
    size = snapshot_bytes(recorded)
    thin_all([old, new], 2 * size, protected=[recorded])
    assert [snapshot_bytes(run) for run in (recorded, old, new)] == [size, 0, size]


@pytest.mark.parametrize("content", [b"", b"nothing"])
def test_an_error_for_damaged_weights_names_run_and_epoch(tmp_path: Path, content: bytes) -> None:
    run = a_run(tmp_path / "8c5b5cbc", 2)
    path = snapshot_path(run, "weights", 2)
    path.write_bytes(content)
    with pytest.raises(
        ArtifactDamaged,
        match=r"weights of epoch 2 of run 8c5b5cbc are damaged.*the others still",
    ):
        load_weights(run, 2)
    path.unlink()
    with pytest.raises(ArtifactMissing, match="Run 8c5b5cbc has no saved weights for epoch 2"):
        load_weights(run, 2)
    assert load_weights(run, 1)[1]["epoch"] == 1
    for kind in ("predictions", "train_predictions"):
        snapshot_path(run, kind, 2).write_bytes(content)
        with pytest.raises(
            ArtifactDamaged, match="predictions of epoch 2 of run 8c5b5cbc are damaged"
        ):
            load_predictions(run, 2, 10, kind)
    snapshot_path(run, "maps", 2).write_bytes(content)
    with pytest.raises(ArtifactDamaged, match="maps of epoch 2 of run 8c5b5cbc are damaged"):
        load_maps(run, 2, 1)
    # By whatever door: a file of the snapshots is the run's, not that of their folder.
    with pytest.raises(ArtifactDamaged, match=r"maps-0002\.npz of run 8c5b5cbc"):
        load_arrays(snapshot_path(run, "maps", 2))


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    run = a_run(tmp_path, 1)
    note = run / "snapshots" / "notes.txt"
    note.write_text("mine")
    thin(FolderArtifacts(run), 0)
    assert note.read_text() == "mine"
