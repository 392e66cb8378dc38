"""Figures of a network and of what is in it."""

import numpy as np
import plotly.graph_objects as go
import pytest

from cifarviz.figures.channel_map import (
    channel_map,
    channel_map_figure,
    kernel_grid,
    kernel_grid_figure,
)
from cifarviz.figures.dense_bars import dense_bars, dense_bars_figure
from cifarviz.figures.learning_rate import learning_rate_curve, learning_rate_figure
from cifarviz.figures.network_diagram import DrawnLayer, network_diagram, network_diagram_figure
from cifarviz.figures.theme import WARNING

LAYERS = [
    DrawnLayer("Conv 32", "conv2d", (30, 30, 32), 896),
    DrawnLayer("Max pool", "max_pool2d", (15, 15, 32), 0),
    DrawnLayer("Flatten", "flatten", (7200,), 0),
    DrawnLayer("Dense 10", "dense", (10,), 72_010),
]


def texts(figure: go.Figure) -> list[str]:
    return [text for trace in figure.data if trace.mode == "text" for text in trace.text]


def test_a_network_is_one_low_row_after_its_input() -> None:
    diagram = network_diagram(LAYERS, input_shape=(32, 32, 3))
    assert [b.label for b in diagram.blocks] == ["Input", *(label for label, *_ in LAYERS)]
    assert [b.middle for b in diagram.blocks] == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert diagram.height < 120


def test_a_long_network_has_rows_of_equal_length_with_space_for_labels() -> None:
    diagram = network_diagram(LAYERS * 10, input_shape=(32, 32, 3))
    rows = [[b for b in diagram.blocks if b.row == row] for row in range(diagram.rows)]
    assert [len(row) for row in rows] == [14, 14, 13]
    assert diagram.places == 14
    for row in rows:
        ends = [b.middle + b.width / 2 for b in row]
        starts = [b.middle - b.width / 2 for b in row]
        assert all(end < start for end, start in zip(ends, starts[1:], strict=False))


def test_larger_maps_are_taller_and_more_channels_thicker() -> None:
    layers = [DrawnLayer("Conv", "conv2d", shape, 1) for shape in [(32, 32, 8), (16, 16, 64)]]
    first, second = network_diagram(layers).blocks
    assert first.height > second.height
    assert first.width < second.width
    assert first.shape_text == "32×32×8"


def test_only_an_invalid_layer_is_marked() -> None:
    unknown = [
        DrawnLayer("Conv 64", "conv2d", None, 0, True),
        DrawnLayer("Dense 10", "dense", None, 0),
    ]
    diagram = network_diagram([*LAYERS, *unknown])
    assert [b.shape_text for b in diagram.blocks[-2:]] == ["?", "?"]
    figure = network_diagram_figure(diagram)
    marked = [t for t in figure.data if t.mode == "text" and t.textfont.color == WARNING]
    assert [list(trace.text) for trace in marked] == [["Conv 64"]]
    assert "invalid at this position" in figure.data[-1].hovertext[4]
    assert "a layer before it is invalid" in figure.data[-1].hovertext[5]


@pytest.mark.parametrize("repeats", [1, 6])
def test_every_layer_has_a_label_and_hover_text(repeats: int) -> None:
    figure = network_diagram_figure(network_diagram(LAYERS * repeats))
    shown = texts(figure)
    assert shown.count("Flatten") == shown.count("30×30×32") == repeats
    targets = figure.data[-1]
    assert list(targets.customdata) == list(range(1, 4 * repeats + 1))
    assert "<b>4. Dense 10</b>" in targets.hovertext[3]
    assert "72,010 parameters" in targets.hovertext[3]


def test_a_branch_past_the_longest_is_an_arc() -> None:
    conv = DrawnLayer("Conv 16", "conv2d", (30, 30, 16), 100)
    short = DrawnLayer("Conv 1×1", "conv2d", (30, 30, 16), 10)
    block = DrawnLayer("Residual", "residual", (30, 30, 16), 210, False, ((conv, conv), (short,)))
    diagram = network_diagram([LAYERS[0], block, *LAYERS[1:]], input_shape=(32, 32, 3))
    shown = [b.label for b in diagram.blocks]
    assert shown[:5] == ["Input", "Conv 32", "Conv 16", "Conv 16", "Residual"]
    assert [b.number for b in diagram.blocks][:6] == [0, 1, 2, 2, 2, 3]
    (arc,) = diagram.arcs
    assert (arc.first, arc.last, arc.label) == (2, 4, "Conv 1×1")
    assert "Conv 1×1" in texts(network_diagram_figure(diagram))
    # From one row to the next, too.
    assert network_diagram_figure(network_diagram([block] * 12)).data


def test_labels_are_escaped_and_shortened() -> None:
    layer = DrawnLayer("Conv “<b>" + "9" * 40 + "”", "conv2d", None, 0, True)
    (label, *_) = texts(network_diagram_figure(network_diagram([layer])))
    assert label == "Conv “&lt;b&gt;99…"


def test_without_layers_there_is_a_message() -> None:
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


def test_named_slices_lie_in_one_row_below_their_names() -> None:
    kernel = np.arange(3 * 3 * 3, dtype=np.float32).reshape(3, 3, 3)
    grid = kernel_grid(kernel, ("Red", "Green", "Blue"))
    assert grid.cells.shape == (3, 11)
    figure = kernel_grid_figure(grid)
    assert [(note.text, note.x) for note in figure.layout.annotations] == [
        ("Red", 1),
        ("Green", 5),
        ("Blue", 9),
    ]
    assert figure.data[0].customdata[0][8] == ["Blue", 0, 0]
    with pytest.raises(ValueError, match="2 names for 3"):
        kernel_grid(kernel, ("Red", "Green"))


def test_without_a_kernel_there_is_a_message() -> None:
    figure = kernel_grid_figure(kernel_grid(np.zeros((3, 3, 0))))
    assert "no kernel" in figure.layout.annotations[0].text


def test_dense_bars_become_an_outline_for_many_units() -> None:
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


@pytest.mark.parametrize(
    ("epochs", "ticks"),
    [
        (1, [0, 1]),
        (8, [*range(9)]),
        (15, [0, 5, 10, 15]),
        (11, [0, 2, 4, 6, 8, 11]),
        (30, [0, 5, 10, 15, 20, 25, 30]),
        (1000, [0, 200, 400, 600, 800, 1000]),
    ],
)
def test_the_axis_of_a_learning_rate_ends_with_the_last_epoch(
    epochs: int, ticks: list[int]
) -> None:
    figure = learning_rate_figure(learning_rate_curve(np.ones(3 * epochs), 3))
    assert list(figure.layout.xaxis.tickvals) == ticks
    assert list(figure.layout.xaxis.range) == [0, epochs]
