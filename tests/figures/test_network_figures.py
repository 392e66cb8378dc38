"""Figures of a network and of what is in it."""

import numpy as np
import pytest

from cifarviz.figures.channel_map import (
    channel_map,
    channel_map_figure,
    kernel_grid,
    kernel_grid_figure,
)
from cifarviz.figures.dense_bars import dense_bars, dense_bars_figure
from cifarviz.figures.learning_rate import learning_rate_curve, learning_rate_figure
from cifarviz.figures.network_diagram import network_diagram, network_diagram_figure

LAYERS = [
    ("conv2d_1", "conv2d", (30, 30, 32), 896),
    ("max_pooling2d_1", "max_pool2d", (15, 15, 32), 0),
    ("flatten_1", "flatten", (7200,), 0),
    ("dense_1", "dense", (10,), 72_010),
]


def test_blocks_follow_each_other_without_overlap() -> None:
    blocks = network_diagram(LAYERS, input_shape=(32, 32, 3)).blocks
    assert [b.name for b in blocks] == ["input", *(name for name, *_ in LAYERS)]
    ends = [b.left + b.width for b in blocks]
    assert all(end < block.left for end, block in zip(ends, blocks[1:], strict=False))


def test_larger_maps_are_taller_and_more_channels_thicker() -> None:
    layers = [(f"conv2d_{i}", "conv2d", s, 1) for i, s in enumerate([(32, 32, 8), (16, 16, 64)])]
    first, second = network_diagram(layers).blocks
    assert first.height > second.height
    assert first.width < second.width
    assert first.shape_text == "32×32×8"


def test_a_layer_that_cannot_work_is_marked() -> None:
    diagram = network_diagram([*LAYERS, ("conv2d_2", "conv2d", None, 0)])
    assert diagram.blocks[-1].shape_text == "?"
    assert "Cannot work" in {t.name for t in network_diagram_figure(diagram).data}


@pytest.mark.parametrize("repeats", [1, 6])
def test_every_layer_is_named_and_answers_the_pointer(repeats: int) -> None:
    diagram = network_diagram(LAYERS * repeats)
    figure = network_diagram_figure(diagram)
    texts = [note.text for note in figure.layout.annotations]
    assert [t for t in texts if t == "flatten_1"] == ["flatten_1"] * repeats
    targets = figure.data[-1]
    assert list(targets.customdata) == list(range(4 * repeats))
    assert "72,010 parameters" in targets.hovertext[3]


def test_no_layers_are_said_in_a_word() -> None:
    assert "Add a layer" in network_diagram_figure(network_diagram([])).layout.annotations[0].text


def test_a_channel_map_shows_the_values_themselves() -> None:
    value = channel_map(np.array([[0, 1.5], [2, 3]]))
    assert not value.constant
    assert channel_map(np.ones((4, 4))).constant
    assert channel_map_figure(value).data[0].z.tolist() == [[0, 1.5], [2, 3]]
    assert "no map" in channel_map_figure(channel_map(np.zeros((0, 0)))).layout.annotations[0].text


def test_kernel_slices_lie_side_by_side_with_gaps() -> None:
    kernel = np.arange(3 * 3 * 5, dtype=np.float32).reshape(3, 3, 5)
    grid = kernel_grid(kernel)
    # Five slices: three columns, two rows, a gap between.
    assert grid.cells.shape == (7, 11)
    assert np.array_equal(grid.cells[4:7, 0:3], kernel[:, :, 3])
    assert np.isnan(grid.cells[3]).all()
    assert np.isnan(grid.cells[4:7, 8:11]).all()
    assert grid.origin[5, 1].tolist() == [3, 1, 1]
    assert grid.origin[3, 0].tolist() == [-1, -1, -1]
    heatmap = kernel_grid_figure(grid).data[0]
    assert heatmap.zmax == -heatmap.zmin == 44


def test_a_layer_without_a_kernel_is_said_in_a_word() -> None:
    figure = kernel_grid_figure(kernel_grid(np.zeros((3, 3, 0))))
    assert "no kernel" in figure.layout.annotations[0].text


def test_dense_bars_are_bars_while_they_can_be_seen() -> None:
    assert dense_bars_figure(dense_bars(np.ones(64))).data[0].type == "bar"
    assert dense_bars_figure(dense_bars(np.ones(2048))).data[0].type == "scatter"
    assert dense_bars([0, 1, 0]).silent == 2
    assert "no units" in dense_bars_figure(dense_bars([])).layout.annotations[0].text
    with pytest.raises(ValueError, match="2 names for 3 units"):
        dense_bars([0, 1, 0], ("a", "b"))


def test_a_learning_rate_is_thinned_and_keeps_its_ends() -> None:
    curve = learning_rate_curve(np.linspace(0, 1, 10_001), steps_per_epoch=1000)
    assert curve.rates.size == 800
    assert (curve.epochs[0], curve.epochs[-1]) == (0, 10)
    assert (curve.rates[0], curve.rates[-1]) == (0, 1)
    assert "No steps" in learning_rate_figure(learning_rate_curve([], 1)).layout.annotations[0].text
