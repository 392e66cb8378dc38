"""What the components of a page were given, decoded: one decoder a component."""

import json
import re
from dataclasses import dataclass
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.pages.app_page import walk


@dataclass(frozen=True)
class Given:
    """What one component of a page was given: ``kind`` as "chart", its key, and bytes if any."""

    kind: str
    key: str
    data: bytes

    def json_lines(self) -> list[Any]:
        """Its lines of JSON, in their order, without a picture and without a digest."""
        match self.kind:
            case "chart":
                head, _revision, figure = self.data.split(b"\n", 2)
                return [json.loads(head), json.loads(figure)]
            case "image_grid":
                selected, head, _png = self.data.split(b"\n", 2)
                return [json.loads(selected), json.loads(head)]
            case "prediction_table":
                _revision, head, _png = self.data.split(b"\n", 2)
                return [json.loads(head)]
            case _:
                return [json.loads(self.data)] if self.data else []


def components(app: AppTest, kind: str = "") -> list[Given]:
    """All components on the page, or those of a kind, in their order."""
    found = [one.proto for one in walk(app._tree) if one.type == "bidi_component"]
    given = [
        Given(
            one.component_name.removeprefix("cifarviz."),
            re.sub(r"^.*-[0-9a-f]{32}-", "", one.id),
            one.bytes,
        )
        for one in found
    ]
    return [one for one in given if kind in ("", one.kind)]


def component_keys(app: AppTest) -> list[str]:
    """The keys of all components."""
    return [one.key for one in components(app)]


def chart_head(app: AppTest, key: str) -> dict[str, Any]:
    """What a chart is called, and how it is shown."""
    return dict(_only(app, "chart", key)[0])


def chart(app: AppTest, key: str) -> dict[str, Any]:
    """The figure of a chart: ``data`` and ``layout``."""
    return dict(_only(app, "chart", key)[1])


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The figures of all charts."""
    return [one.json_lines()[1] for one in components(app, "chart")]


def live_items(app: AppTest, key: str) -> dict[str, Any]:
    """What moves on a page, as it was drawn: lines by their names."""
    return dict(_only(app, "live_items", key)[0]["items"])


def live_texts(app: AppTest) -> list[str]:
    """All that is written by what moves: a line an item, and one a number."""
    lines = []
    for given in components(app, "live_items"):
        for item in given.json_lines()[0]["items"].values():
            words = (item.get(name, "") for name in ("title", "badge", "text"))
            lines.append(" ".join(filter(None, words)))
            lines += [
                f"{metric['label']}: {metric['value']} {metric['note']}"
                for metric in item.get("metrics", ())
            ]
            lines.append(item.get("note", ""))
    return [line for line in lines if line]


def image_grid(app: AppTest, key: str) -> dict[str, Any]:
    """The tiles of a grid: labels, tooltips and the like."""
    return dict(_only(app, "image_grid", key)[1])


def ringed_tile(app: AppTest, key: str) -> int | None:
    """The number of the tile of a grid that is chosen."""
    selected: int | None = _only(app, "image_grid", key)[0]
    return selected


def prediction_table(app: AppTest, key: str) -> dict[str, Any]:
    """The columns and rows of a table of answers."""
    return dict(_only(app, "prediction_table", key)[0])


def epoch_slider(app: AppTest, key: str = "epoch-slider") -> dict[str, Any]:
    """The stops of a slider over epochs, and where it is."""
    return dict(_only(app, "epoch_slider", key)[0])


def presenter(app: AppTest) -> dict[str, Any]:
    """The scenes that the presenter's bar leads to, and the one that is shown."""
    return dict(_only(app, "presenter", "presenter")[0])


def replay(app: AppTest, key: str) -> dict[str, Any]:
    """The course of a run that is played, and what is said of it."""
    return dict(_only(app, "replay", key)[0])


def _only(app: AppTest, kind: str, key: str) -> list[Any]:
    found = [one for one in components(app, kind) if one.key == key]
    assert len(found) == 1, f"{kind} {key}: {component_keys(app)}"
    return found[0].json_lines()
