"""Decode the data of the components on a page of AppTest."""

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.pages.app_page import walk


@dataclass(frozen=True)
class Component:
    """A component on a page: ``kind`` such as "chart", its key and its data."""

    kind: str
    key: str
    data: bytes

    def json_lines(self) -> list[Any]:
        """Return the JSON lines of the data, without pictures and digests."""
        match self.kind:
            case "chart":
                head, _revision, figure = self.data.split(b"\n", 2)
                return [json.loads(head), json.loads(figure)]
            case "image_grid":
                selected, head, _png = self.data.split(b"\n", 2)
                return [json.loads(selected), json.loads(head)]
            case "cropper" | "image_map":
                return [json.loads(self.data.split(b"\n", 1)[0])]
            case "parallel_coordinates":
                return [json.loads(self.data.split(b"\n", 1)[1])]
            case "prediction_table":
                _revision, head, _png = self.data.split(b"\n", 2)
                return [json.loads(head)]
            case "step_through":
                place, _revision, head, _arrays = self.data.split(b"\n", 3)
                return [json.loads(place), json.loads(head)]
            case _:
                return [json.loads(self.data)] if self.data else []


def components(app: AppTest, kind: str = "") -> list[Component]:
    """Return all components on the page, or those of a kind, in order."""
    protos = [node.proto for node in walk(app._tree) if node.type == "bidi_component"]
    all_components = [
        Component(
            proto.component_name.removeprefix("cifarviz."),
            re.sub(r"^.*-[0-9a-f]{32}-", "", proto.id),
            proto.bytes,
        )
        for proto in protos
    ]
    return [component for component in all_components if kind in ("", component.kind)]


def component_keys(app: AppTest) -> list[str]:
    """Return the keys of all components."""
    return [component.key for component in components(app)]


def chart_head(app: AppTest, key: str) -> dict[str, Any]:
    """Return the description and display options of a chart."""
    return dict(_only(app, "chart", key)[0])


def chart(app: AppTest, key: str) -> dict[str, Any]:
    """Return the figure of a chart: ``data`` and ``layout``."""
    return dict(_only(app, "chart", key)[1])


def charts(app: AppTest) -> list[dict[str, Any]]:
    """Return the figures of all charts."""
    return [component.json_lines()[1] for component in components(app, "chart")]


def live_items(app: AppTest, key: str) -> dict[str, Any]:
    """Return the live items of a page as drawn, by name."""
    return dict(_only(app, "live_items", key)[0]["items"])


def live_texts(app: AppTest) -> list[str]:
    """Return the texts of all live items: a line per item and per metric."""
    lines = []
    for component in components(app, "live_items"):
        for item in component.json_lines()[0]["items"].values():
            texts = (item.get(name, "") for name in ("title", "badge", "text"))
            lines.append(" ".join(filter(None, texts)))
            lines += [
                f"{metric['label']}: {metric['value']} {metric['note']}"
                for metric in item.get("metrics", ())
            ]
            lines.append(item.get("note", ""))
    return [line for line in lines if line]


def image_grid(app: AppTest, key: str) -> dict[str, Any]:
    """Return the tiles of a grid: labels, tooltips and more."""
    return dict(_only(app, "image_grid", key)[1])


def ringed_tile(app: AppTest, key: str) -> int | None:
    """Return the index of the selected tile of a grid."""
    selected: int | None = _only(app, "image_grid", key)[0]
    return selected


def croppers(app: AppTest) -> list[dict[str, Any]]:
    """Return the pictures of which a part can be chosen, with that part."""
    return [component.json_lines()[0] for component in components(app, "cropper")]


def image_map(app: AppTest, key: str) -> dict[str, Any]:
    """Return what the map tells of its images, and its groups."""
    return dict(_only(app, "image_map", key)[0])


def map_positions(app: AppTest) -> np.ndarray:
    """Return the positions of the images on the only map, (n, 2)."""
    [component] = components(app, "image_map")
    places = component.data.partition(b"\n")[2][: 8 * component.json_lines()[0]["count"]]
    return np.frombuffer(places, "<f4").reshape(-1, 2)


def prediction_table(app: AppTest, key: str) -> dict[str, Any]:
    """The columns and rows of a table of answers."""
    return dict(_only(app, "prediction_table", key)[0])


def epoch_slider(app: AppTest, key: str = "epoch-slider") -> dict[str, Any]:
    """Return the stops and the position of an epoch slider."""
    return dict(_only(app, "epoch_slider", key)[0])


def parallel_coordinates(app: AppTest, key: str) -> dict[str, Any]:
    """Return the axes and lines of parallel coordinates."""
    return dict(_only(app, "parallel_coordinates", key)[0])


def presenter(app: AppTest) -> dict[str, Any]:
    """Return the scenes of the presenter bar, and the current scene."""
    return dict(_only(app, "presenter", "presenter")[0])


def replay(app: AppTest, key: str) -> dict[str, Any]:
    """Return the replayed history of a run, with its comments."""
    return dict(_only(app, "replay", key)[0])


def _only(app: AppTest, kind: str, key: str) -> list[Any]:
    matches = [component for component in components(app, kind) if component.key == key]
    assert len(matches) == 1, f"{kind} {key}: {component_keys(app)}"
    return matches[0].json_lines()
