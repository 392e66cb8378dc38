"""Feature maps of pinned images, stored with one byte per value."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from cifarviz.errors import ArtifactDamaged, ArtifactMissing, UnknownFormat
from cifarviz.runs.artifacts import FolderArtifacts, load_arrays, save_arrays
from cifarviz.runs.snapshots import snapshot_path
from cifarviz.runs.stored_maps import load_maps, map_image_indices, save_maps

RANDOM = np.random.default_rng(8)
INDICES = np.array([1, 231, 67])


class Output(NamedTuple):
    name: str
    type: str
    values: np.ndarray


def some_outputs() -> list[Output]:
    maps = RANDOM.normal(size=(3, 5, 4, 6)).astype(np.float32)
    maps[1, :, :, 2] = 0.25  # a dead channel
    return [
        Output("conv2d_1", "conv2d", maps * 10),
        Output("dense_1", "dense", RANDOM.normal(size=(3, 7)).astype(np.float32)),
    ]


def test_stored_maps_are_accurate_to_one_step_of_their_channels_range(tmp_path: Path) -> None:
    outputs = some_outputs()
    save_maps(FolderArtifacts(tmp_path), 6, INDICES, outputs)
    assert map_image_indices(tmp_path, 6) == (1, 231, 67)
    for place, index in enumerate(INDICES):
        maps, dense = load_maps(tmp_path, 6, int(index))
        assert (maps.name, maps.type, dense.name) == ("conv2d_1", "conv2d", "dense_1")
        np.testing.assert_array_equal(dense.values, outputs[1].values[place])
        exact = outputs[0].values[place]
        span = exact.max(axis=(0, 1)) - exact.min(axis=(0, 1))
        assert (np.abs(maps.values - exact) <= span / 510 + 1e-5).all()
    assert (load_maps(tmp_path, 6, 231)[0].values[:, :, 2] == 2.5).all()
    stored, _ = load_arrays(snapshot_path(tmp_path, "maps", 6))
    assert stored["0/bytes"].dtype == np.uint8


def test_a_channel_with_nan_is_stored_as_nan(tmp_path: Path) -> None:
    outputs = some_outputs()
    outputs[0].values[0, 1, 1, 3] = np.nan
    save_maps(FolderArtifacts(tmp_path), 1, INDICES, outputs)
    values = load_maps(tmp_path, 1, 1)[0].values
    assert np.isnan(values[..., 3]).all()
    assert np.isfinite(np.delete(values, 3, axis=2)).all()


def test_missing_damaged_and_newer_maps_are_refused(tmp_path: Path) -> None:
    assert map_image_indices(tmp_path, 6) == ()
    with pytest.raises(ArtifactMissing, match="no saved feature maps of test image 1 for epoch 6"):
        load_maps(tmp_path, 6, 1)
    save_maps(FolderArtifacts(tmp_path), 6, INDICES, some_outputs())
    with pytest.raises(ArtifactMissing, match="test image 2 "):
        load_maps(tmp_path, 6, 2)
    path = snapshot_path(tmp_path, "maps", 6)
    arrays, facts = load_arrays(path)
    del arrays["0/range"]
    save_arrays(path, arrays, facts)
    with pytest.raises(ArtifactDamaged, match="epoch 6"):
        load_maps(tmp_path, 6, 1)
    save_arrays(path, arrays, {**facts, "format": 2})
    with pytest.raises(UnknownFormat):
        load_maps(tmp_path, 6, 1)
    path.write_bytes(b"nothing")
    assert map_image_indices(tmp_path, 6) == ()
