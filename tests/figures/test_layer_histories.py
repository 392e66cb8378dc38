"""Small multiples of histograms over epochs."""

import numpy as np

from cifarviz.analysis.layer_histories import LayerHistory
from cifarviz.figures.layer_histories import layer_histories_figure


def history(name: str, epochs: int) -> LayerHistory:
    shares = np.tile([0.5, 0.0, 0.4, 0.1], (epochs, 1))
    return LayerHistory(name, tuple(range(epochs)), shares, -1.0, 1.0)


def test_each_layer_has_a_heatmap_of_its_shares() -> None:
    figure = layer_histories_figure([history(f"dense_{n}", 3) for n in range(1, 6)], "weights")
    assert [trace.name for trace in figure.data] == [f"dense_{n}" for n in range(1, 6)]
    first = figure.data[0]
    assert list(first.x) == [-0.75, -0.25, 0.25, 0.75]
    assert list(first.y) == ["0", "1", "2"]
    np.testing.assert_allclose(first.customdata[0], [0.5, 0, 0.4, 0.1])
    # The second highest is the brightest.
    np.testing.assert_allclose(first.z[0], [1, 0, 1, 0.5])
    domains = [figure.layout[f"yaxis{n}"].domain for n in ("", "4")]
    assert domains[0][0] > domains[1][1]


def test_a_row_without_values_is_dark_and_many_epochs_are_thinned() -> None:
    long = LayerHistory("a", tuple(range(500)), np.zeros((500, 4)), 0.0, 1.0)
    [trace] = layer_histories_figure([long], "gradients").data
    assert len(trace.y) <= 62
    assert (trace.y[0], trace.y[-1]) == ("0", "499")
    assert not np.array(trace.z).any()


def test_without_layers_there_is_a_sentence() -> None:
    figure = layer_histories_figure([], "activations")
    assert figure.layout.annotations[0].text == "No activations were measured."
