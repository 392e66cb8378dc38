"""Artifacts are written atomically, and damage is detected."""

import errno
from pathlib import Path

import numpy as np
import pytest

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, StorageFull
from cifarviz.runs.artifacts import load_arrays, save_arrays, write_atomically

ARRAYS = {"a/kernel": np.arange(6, dtype="f4").reshape(2, 3), "seed": np.array([1, 2], "u4")}


def test_arrays_and_facts_are_loaded_unchanged(tmp_path: Path) -> None:
    save_arrays(tmp_path / "run" / "x.npz", ARRAYS, {"epoch": 3})
    arrays, facts = load_arrays(tmp_path / "run" / "x.npz")
    assert facts == {"epoch": 3}
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_loading_a_missing_artifact_raises_artifact_missing(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match=r"x\.npz"):
        load_arrays(tmp_path / "x.npz")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_file_is_damaged(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "x.npz"
    save_arrays(path, ARRAYS)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep >= 1 else keep * len(data))])
    with pytest.raises(ArtifactDamaged, match="damaged"):
        load_arrays(path)


def test_a_flipped_byte_in_the_weights_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    save_arrays(path, {"w": np.zeros(1000, "f4")})
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ArtifactDamaged):
        load_arrays(path)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", bad=np.array([{}], dtype=object))
    with pytest.raises(ArtifactDamaged):
        load_arrays(tmp_path / "x.npz")


def test_a_failed_write_leaves_the_old_file_and_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomically(path, lambda file: file.write(b"old"))

    def fail(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageFull, match="CIFARVIZ_HOME"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["x"]
