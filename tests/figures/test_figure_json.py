"""A figure on its way to the browser."""

import base64
import json

import numpy as np
import plotly.graph_objects as go
import pytest

from cifarviz.figures.figure_json import encode


def decode(spec: dict) -> np.ndarray:
    array = np.frombuffer(base64.b64decode(spec["bdata"]), np.dtype(spec["dtype"]))
    return array.reshape([int(n) for n in spec["shape"].split(",")]) if "shape" in spec else array


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int64])
def test_long_arrays_are_decoded_unchanged(dtype: type) -> None:
    array: np.ndarray = np.arange(200).reshape(10, 20).astype(dtype)
    sent = json.loads(encode({"data": [{"z": array[:, ::2]}]}))
    assert np.array_equal(decode(sent["data"][0]["z"]), array[:, ::2])


def test_nan_becomes_null() -> None:
    figure = {"data": [{"y": [1.0, float("nan"), float("inf")], "x": np.array([np.nan, 2.0])}]}
    assert json.loads(encode(figure))["data"] == [{"y": [1.0, None, None], "x": [None, 2.0]}]


def test_a_figure_and_its_dict_are_the_same() -> None:
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]), layout={"height": 100})
    assert encode(figure) == encode(figure.to_plotly_json())
    assert json.loads(encode(figure))["layout"]["height"] == 100


def test_an_unsupported_value_is_named() -> None:
    with pytest.raises(TypeError, match="cannot hold a set"):
        encode({"data": [{"x": {1, 2}}]})
