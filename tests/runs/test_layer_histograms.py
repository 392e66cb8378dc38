"""Histograms of layers: counted, stored, packed and read again."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, CifarvizError, UnknownFormat
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.artifacts import FolderArtifacts, load_arrays, save_arrays
from cifarviz.runs.layer_histograms import (
    BINS,
    Histograms,
    load_histograms,
    make_histogram,
    save_histograms,
)
from cifarviz.runs.snapshots import snapshot_epochs, snapshot_path
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs


@dataclass(frozen=True, eq=False)
class Values:
    values: NDArray[np.float32]
    name: str = "conv2d_1"
    dead: float = 0.25

    @property
    def low(self) -> float:
        return float(self.values.min())

    @property
    def high(self) -> float:
        return float(self.values.max())

    @property
    def norm(self) -> float:
        return float(np.linalg.norm(self.values))


NORMAL = Values(np.random.default_rng(0).normal(0, 1, 5_000).astype(np.float32))


def histograms() -> Histograms:
    return {
        "weights": (make_histogram(NORMAL), make_histogram(Values(NORMAL.values * 2, "dense_1"))),
        "gradients": (make_histogram(NORMAL),),
        "activations": (),
    }


def test_values_are_counted_in_equal_bins() -> None:
    found = make_histogram(NORMAL)
    expected, _ = np.histogram(NORMAL.values.astype(np.float64), BINS, (NORMAL.low, NORMAL.high))
    np.testing.assert_array_equal(found.counts, expected)
    assert found.counts.sum() == 5_000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_not_counted(value: float) -> None:
    found = make_histogram(Values(np.array([1, value, 2], np.float32)))
    assert not found.counts.any()


def test_a_single_value_is_counted() -> None:
    assert make_histogram(Values(np.zeros(7, np.float32))).counts.sum() == 7


def test_stored_histograms_are_read_as_they_were(tmp_path: Path) -> None:
    save_histograms(FolderArtifacts(tmp_path), 4, histograms())
    assert snapshot_epochs(tmp_path, "histograms") == [4]
    found = load_histograms(tmp_path, 4)
    assert list(found) == ["weights", "gradients", "activations"]
    for kind, layers in histograms().items():
        for one, other in zip(layers, found[kind], strict=True):
            np.testing.assert_array_equal(one.counts, other.counts)
            assert (one.name, one.dead) == (other.name, other.dead)
            assert (one.low, one.norm) == pytest.approx((other.low, other.norm))


def test_what_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match="no histograms for epoch 4"):
        load_histograms(tmp_path, 4)
    save_histograms(FolderArtifacts(tmp_path), 4, histograms())
    path = snapshot_path(tmp_path, "histograms", 4)
    arrays, facts = load_arrays(path)
    save_arrays(path, arrays, facts | {"format": 2})
    with pytest.raises(UnknownFormat, match="another version"):
        load_histograms(tmp_path, 4)
    save_arrays(path, arrays | {"weights/counts": np.zeros((1, 3), np.uint16)}, facts)
    with pytest.raises(ArtifactDamaged, match="epoch 4"):
        load_histograms(tmp_path, 4)
    path.write_bytes(b"nothing")
    with pytest.raises(ArtifactDamaged, match="epoch 4"):
        load_histograms(tmp_path, 4)


def test_packed_runs_carry_histograms_that_are_checked(settings: Settings, tmp_path: Path) -> None:
    store = RunStore(settings)
    made = stored_runs.experiment()
    run = stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    folder = store.folder(run.id)
    save_histograms(FolderArtifacts(folder), 2, histograms())
    packed = tmp_path / "run.zip"
    pack(store, run.id, packed)
    other = unpack(store, packed, origin="import")
    np.testing.assert_array_equal(
        load_histograms(store.folder(other.id), 2)["weights"][1].counts,
        histograms()["weights"][1].counts,
    )
    arrays, facts = load_arrays(snapshot_path(folder, "histograms", 2))
    for changed, words in (
        ((arrays | {"weights/counts": np.zeros((2, 3), np.uint16)}, facts), "weights/counts"),
        ((arrays | {"more": np.zeros(3)}, facts), "histograms of each of its kinds"),
        ((arrays, facts | {"layers": {"weights": ["a", "b"]}}), "not those of the network"),
        ((arrays, facts | {"layers": {"sums": []}}), "missing or unknown"),
    ):
        save_arrays(snapshot_path(folder, "histograms", 2), *changed)
        pack(store, run.id, packed)
        with pytest.raises(CifarvizError, match=words):
            unpack(store, packed, origin="import")
