import os
from pathlib import Path

import numpy as np
import pytest

from cifarviz.data.datasets import ImageSet
from cifarviz.errors import ArtifactMissing
from cifarviz.runs.artifacts import checkpoint_path, load_arrays, save_arrays
from cifarviz.runs.stored_probabilities import (
    checkpoint_stamp,
    keep_probabilities,
    probabilities_path,
    read_probabilities,
)

STAMP = (123456789, 4000)
ANSWERS = np.random.default_rng(0).dirichlet(np.ones(3), 5).astype(np.float32)


def images(first: int = 0) -> ImageSet:
    return ImageSet(
        np.zeros((5, 2, 2, 3), np.uint8),
        np.zeros(5, np.uint8),
        np.arange(first, first + 5, dtype=np.int64),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keep_probabilities(tmp_path, "last", STAMP, images(), ANSWERS)
    return tmp_path


def test_what_is_kept_comes_back(folder: Path) -> None:
    kept = read_probabilities(folder, "last", STAMP, images(), 3)
    assert kept is not None
    np.testing.assert_array_equal(kept, ANSWERS)
    assert kept.dtype == np.float32


def test_what_does_not_fit_is_passed_over(folder: Path) -> None:
    assert read_probabilities(folder, "best", STAMP, images(), 3) is None
    assert read_probabilities(folder, "last", (STAMP[0] + 1, STAMP[1]), images(), 3) is None
    assert read_probabilities(folder, "last", (STAMP[0], STAMP[1] + 1), images(), 3) is None
    assert read_probabilities(folder, "last", STAMP, images(first=1), 3) is None
    assert read_probabilities(folder, "last", STAMP, images(), 4) is None


def test_another_format_and_a_cut_off_file_are_passed_over(folder: Path) -> None:
    path = probabilities_path(folder, "last")
    arrays, facts = load_arrays(path)
    save_arrays(path, arrays, facts | {"format": 2})
    assert read_probabilities(folder, "last", STAMP, images(), 3) is None

    keep_probabilities(folder, "last", STAMP, images(), ANSWERS)
    path.write_bytes(path.read_bytes()[:100])
    assert read_probabilities(folder, "last", STAMP, images(), 3) is None


def test_a_deleted_run_does_not_come_back(tmp_path: Path) -> None:
    keep_probabilities(tmp_path / "gone", "last", STAMP, images(), ANSWERS)
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
