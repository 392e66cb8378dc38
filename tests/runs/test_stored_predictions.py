import os
from pathlib import Path

import numpy as np
import pytest

from cifarviz.data.image_set import ImageSet
from cifarviz.errors import ArtifactMissing
from cifarviz.runs.artifacts import (
    FolderArtifacts,
    checkpoint_path,
    epoch_predictions_path,
    load_arrays,
    save_arrays,
)
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.stored_predictions import (
    checkpoint_predictions_path,
    checkpoint_stamp,
    load_checkpoint_predictions,
    load_epoch_predictions,
    save_checkpoint_predictions,
    save_epoch_predictions,
)

STAMP = (123456789, 4000)
ANSWERS = Predictions(np.log(np.random.default_rng(0).dirichlet(np.ones(3), 5)).astype(np.float32))


def images(first: int = 0) -> ImageSet:
    return ImageSet(
        np.zeros((5, 2, 2, 3), np.uint8),
        np.zeros(5, np.uint8),
        np.arange(first, first + 5, dtype=np.int64),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_arrays(checkpoint_path(tmp_path, "last"), {})
    save_checkpoint_predictions(FolderArtifacts(tmp_path), "last", STAMP, images(), ANSWERS)
    return tmp_path


def test_saved_predictions_are_loaded_unchanged(folder: Path) -> None:
    kept = load_checkpoint_predictions(folder, "last", STAMP, images(), 3)
    assert kept is not None
    np.testing.assert_array_equal(kept.log_probabilities, ANSWERS.log_probabilities)
    assert kept.log_probabilities.dtype == np.float32
    assert kept.exact


def test_files_that_do_not_match_the_checkpoint_are_ignored(folder: Path) -> None:
    assert load_checkpoint_predictions(folder, "best", STAMP, images(), 3) is None
    assert (
        load_checkpoint_predictions(folder, "last", (STAMP[0] + 1, STAMP[1]), images(), 3) is None
    )
    assert (
        load_checkpoint_predictions(folder, "last", (STAMP[0], STAMP[1] + 1), images(), 3) is None
    )
    assert load_checkpoint_predictions(folder, "last", STAMP, images(first=1), 3) is None
    assert load_checkpoint_predictions(folder, "last", STAMP, images(), 4) is None


def test_other_formats_and_truncated_files_are_ignored(folder: Path) -> None:
    path = checkpoint_predictions_path(folder, "last")
    arrays, facts = load_arrays(path)
    save_arrays(path, arrays, facts | {"format": 3})
    assert load_checkpoint_predictions(folder, "last", STAMP, images(), 3) is None

    save_checkpoint_predictions(FolderArtifacts(folder), "last", STAMP, images(), ANSWERS)
    path.write_bytes(path.read_bytes()[:100])
    assert load_checkpoint_predictions(folder, "last", STAMP, images(), 3) is None


def test_probabilities_of_an_earlier_version_are_computed_again(folder: Path) -> None:
    save_arrays(
        checkpoint_predictions_path(folder, "last"),
        {"probabilities": ANSWERS.probabilities, "indices": images().indices},
        {"format": 1, "checkpoint": list(STAMP)},
    )
    assert load_checkpoint_predictions(folder, "last", STAMP, images(), 3) is None


def test_epoch_predictions_without_weights_can_be_read_in_each_format(tmp_path: Path) -> None:
    probabilities = np.array([[0.25, 0.5, 0.25], [1, 1e-30, 0]] * 3, np.float32)[:5]
    save_arrays(
        epoch_predictions_path(tmp_path, 7),
        {"probabilities": probabilities, "indices": images().indices},
        {"format": 1, "epoch": 7},
    )
    found = load_epoch_predictions(tmp_path, 7, images(), 3)
    assert not found.exact
    np.testing.assert_allclose(found.probabilities, probabilities, rtol=1e-6, atol=1e-44)
    # What was not rounded to 0 costs what it should.
    assert found.log_probabilities[1, 1] == pytest.approx(-30 * np.log(10), rel=1e-6)

    save_epoch_predictions(FolderArtifacts(tmp_path), 7, images(), ANSWERS)
    again = load_epoch_predictions(tmp_path, 7, images(), 3)
    assert again.exact
    np.testing.assert_array_equal(again.log_probabilities, ANSWERS.log_probabilities)


def test_saving_predictions_does_not_recreate_a_deleted_run(tmp_path: Path) -> None:
    save_checkpoint_predictions(
        FolderArtifacts(tmp_path / "gone"), "last", STAMP, images(), ANSWERS
    )
    assert not (tmp_path / "gone").exists()


def test_another_checkpoint_has_another_stamp(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match=r"checkpoint-last\.npz"):
        checkpoint_stamp(tmp_path, "last")
    path = checkpoint_path(tmp_path, "last")
    path.write_bytes(b"one")
    first = checkpoint_stamp(tmp_path, "last")
    assert checkpoint_stamp(tmp_path, "last") == first
    os.utime(path, ns=(5, 5))
    assert checkpoint_stamp(tmp_path, "last") != first
