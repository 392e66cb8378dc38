"""Run names that look like Markdown or HTML are shown literally on all pages."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from cifarviz.datasets.info import DatasetInfo
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui.evaluate import galleries
from cifarviz.ui.inside import view as inside_view
from tests import stored_runs
from tests.pages.app_page import opened_by_link, walk
from tests.stored_runs import Arrays

NAME = ":material/zqi: :red[zqr] **zqb** $zqm$ [zql](http://zq.org) <b>zqh</b> `zqc` :zqe: %{zqt}"
NOTE = f"# zqn\n- zqp {NAME}"
# What would be read as Markdown, in a text that Streamlit takes for it.
MARKDOWN = re.compile(
    r"(?<!\\)(:material/zq|:red\[zq|\*\*zq|[$`]zq|\[zql\]|http://zq|<b>zq|:zqe:|(?m:^\s*[-#] zq))"
)
# Streamlit shows these as they are, or hands them to a script: see ui/address.py.
PLAIN = frozenset(
    {
        "selectbox.options", "selectbox.placeholder", "selectbox.raw_value", "multiselect.options",
        "multiselect.raw_values", "text_input.value", "text_input.default",
        "text_input.placeholder", "dataframe.columns", "code_block.code_text", "image.imgs.alt",
        "page_link.query_string", "button.id", "id",
    }
)  # fmt: skip
# One address holds all there is to hold: each page meets what it knows and what it doesn't.
WORDS = (
    "actual", "amounts", "at", "change", "changes", "channel", "checkpoint", "class", "classes",
    "color", "count", "data", "dataset", "epoch", "epsilon", "file", "find", "fit", "fooled",
    "gallery", "ghost", "image", "images", "k", "kind", "language", "layer", "member", "members",
    "method", "of", "order", "pace", "page", "part", "picture", "predicted", "preset", "rank",
    "run", "runs", "scene", "seed", "series", "sheet", "shown", "side", "sort", "split", "starred",
    "state", "target", "template", "values", "variant", "view", "way", "weights", "with",
)  # fmt: skip


@pytest.fixture
def runs(store: RunStore, weights: Arrays) -> list[Run]:
    """Two runs, one of which failed."""
    made = stored_runs.experiment()
    found = [
        stored_runs.store_run(
            store,
            made.model_copy(update={"seed": seed}),
            name=NAME[: 99 - seed],
            checkpoints={"last": weights, "best": weights},
            state=RunState.FAILED if seed == 2 else RunState.FINISHED,
            message=f"It failed at {NAME}" if seed == 2 else None,
        )
        for seed in (1, 2)
    ]
    store.remark(found[0].id, NOTE)
    store.star(found[0].id, True)
    return found


@pytest.fixture
def named_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes that are called as runs may be."""
    names = tuple(f"{number} {NAME}" for number in range(10))
    monkeypatch.setattr(DatasetInfo, "class_names", lambda self, language: names)


def texts(app: AppTest) -> Iterator[tuple[str, str]]:
    """Every text that the page has sent, with the name of its field."""
    for node in walk(app._tree):
        proto = getattr(node, "proto", None)
        if isinstance(proto, Message):
            kind = getattr(node, "type", "")
            yield from _fields(proto, kind)


def _fields(message: Message, kind: str) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        for one in values:
            where = f"{kind}.{field.name}"
            if field.type == FieldDescriptor.TYPE_STRING:
                yield where, one
            elif field.type == FieldDescriptor.TYPE_BYTES:
                yield where, one.decode("utf-8", "replace")
            elif isinstance(one, Message):
                yield from _fields(one, where)


def check(app: AppTest) -> int:
    """Assert that each text that holds people's words is escaped; return how many there are."""
    assert not app.exception
    found = 0
    read = []
    for where, text in texts(app):
        if "zq" not in text:
            continue
        found += 1
        if where in PLAIN or where.endswith(".id"):
            continue
        if "bidi_component" in where:
            _check_component(text)
        elif where.startswith("html."):
            assert "<b>zq" not in text, (where, text)
        elif "arrow" not in where or not where.endswith("data"):
            read += [(where, text)] if MARKDOWN.search(text) else []
    assert not read
    return found


def _check_component(text: str) -> None:
    """A chart's figure: Plotly reads tags and templates in it. Other scripts set texts."""
    *_, figure = text.split("\n", 2)
    if figure.startswith('{"data"') or '"layout"' in figure:
        assert "<b>zq" not in figure
        assert "%{zqt}" not in figure
        assert json.dumps("<b>zq")[1:-1] not in figure


def _with_ids(address: dict[str, Any], runs: list[Run]) -> dict[str, Any]:
    """``address`` with the runs that it names by their place."""
    ids = [run.id for run in runs]
    known: dict[Any, str] = {0: ids[0], 1: ids[1], "both": ",".join(ids)}
    return {
        key: known[value] if key in ("run", "runs", "with", "members", "fooled") else value
        for key, value in address.items()
    }


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("start", {}),
        ("train", {"view": "watch", "run": 0}),
        ("train", {"view": "watch", "run": 1}),
        ("train", {"view": "setup", "run": 0}),
        ("runs", {}),
        ("runs", {"runs": 0}),
        ("runs", {"runs": 1}),
        ("runs", {"runs": "both"}),
        ("inside", {"run": 0, "image": 1}),
        ("inside", {"run": 0, "image": 1, "with": 1, "layer": "conv2d_1", "channel": 1}),
        ("evaluate", {"run": 0}),
        ("evaluate", {"run": 0, "part": "compare", "with": 1}),
        ("evaluate", {"view": "ensemble", "members": "both"}),
        ("evaluate", {"view": "map", "run": 0}),
        ("evaluate", {"view": "doubts", "members": "both", "images": "held-out"}),
        ("predict", {"run": 0, "image": 1}),
        ("predict", {"run": 0, "image": 1, "view": "push", "fooled": 1}),
        ("present", {"run": 0, "scene": "training", "notes": 1}),
        ("present", {"run": 1, "scene": "overfitting", "notes": 1}),
    ],
)
def test_no_page_interprets_the_name_of_a_run(
    runs: list[Run], page: str, address: dict[str, Any]
) -> None:
    assert check(opened_by_link(page, **_with_ids(address, runs)))


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("samples", {}),
        ("samples", {"classes": "cat,dog", "order": "random"}),
        ("samples", {"image": 1}),
        ("inside", {"run": 0, "image": 1}),
        ("inside", {"run": 0, "image": 1, "with": 1}),
        ("inside", {"run": 0, "image": 1, "heat": "occlusion"}),
        ("inside", {"run": 0, "image": 1, "view": "weights"}),
        ("inside", {"run": 0, "image": 1, "layer": "conv2d_1", "channel": 1}),
        ("inside", {"run": 0, "image": 1, "view": "step", "layer": "dense_1"}),
        ("inside", {"run": 0, "image": 1, "view": "mute", "off": "conv2d_1:1"}),
        ("evaluate", {"run": 0}),
        ("evaluate", {"run": 0, "actual": "cat", "predicted": "dog"}),
        ("evaluate", {"run": 0, "actual": "dog", "predicted": "dog", "image": 1}),
        *(("evaluate", {"run": 0, "part": part}) for part in ("sure", "pictures", "random")),
        ("evaluate", {"run": 0, "part": "pictures", "picture": 1}),
        ("evaluate", {"run": 0, "part": "compare", "with": 1, "picture": 1}),
        ("evaluate", {"view": "ensemble", "members": "both", "image": 1}),
        ("predict", {"run": 0, "image": 1, "view": "break", "change": "rotation"}),
        ("predict", {"run": 0, "image": 1, "view": "push", "fooled": 1}),
        ("evaluate", {"view": "map", "run": 0}),
        ("evaluate", {"view": "doubts", "members": "both"}),
        *(
            ("present", {"run": 0, "scene": one, "notes": 1})
            for one in ("data", "maps", "mistakes")
        ),
    ],
)
def test_no_page_interprets_the_name_of_a_class(
    runs: list[Run], named_classes: None, page: str, address: dict[str, Any]
) -> None:
    check(opened_by_link(page, **_with_ids(address, runs)))


@pytest.mark.parametrize(
    "page",
    [
        "start",
        "samples",
        "train",
        "tune",
        "runs",
        "lab",
        "inside",
        "evaluate",
        "predict",
        "present",
    ],
)
def test_no_page_interprets_query_values(runs: list[Run], page: str) -> None:
    check(opened_by_link(page, **dict.fromkeys(WORDS, NAME)))
    with_run = dict.fromkeys(WORDS, NAME) | {"run": runs[0].id, "members": runs[0].id}
    for view in ("watch", "setup", "ensemble", "map", "doubts", "duel", NAME):
        if page in ("train", "evaluate", "lab") or view == NAME:
            check(opened_by_link(page, **with_run | {"view": view}))


@pytest.mark.parametrize(
    ("module", "page", "address"),
    [
        (inside_view, "inside", {"run": 0, "image": 1, "class": "none"}),
        (galleries, "evaluate", {"run": 0, "part": "pictures", "of": "none"}),
    ],
)
def test_no_error_interprets_the_names_of_imported_classes(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch, module: Any, page: str, address: dict
) -> None:
    names = tuple(f"{number} {NAME}" for number in range(10))
    monkeypatch.setattr(module, "query_class_names", lambda _: names)
    app = opened_by_link(page, **_with_ids(address, runs))
    assert app.error
    check(app)
