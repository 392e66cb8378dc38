"""The language of class names: one setting for all pages, links and addresses."""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest

from cifarviz.datasets.registry import DATASETS
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs
from tests.components import components

LAYERS = (
    Conv2D(filters=4),
    MaxPool2D(),
    Flatten(),
    Dense(units=10, activation="softmax"),
)

TRANSLATED = {name: info for name, info in DATASETS.items() if info.translations}


def experiment(preset: str) -> Experiment:
    made = PRESETS[preset].experiment
    plain = {"data": made.data.model_copy(update={"variant": "sample"}), "preset": None}
    architecture = made.architecture.model_copy(update={"layers": LAYERS})
    return Experiment(**made.model_dump() | plain | {"architecture": architecture})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Run]]:
    """A home with a run on each data set; nothing here changes it."""
    home = tmp_path_factory.mktemp("names")
    settings = Settings.from_environment({"CIFARVIZ_HOME": str(home), "KERAS_HOME": str(home)})
    runs = {}
    for preset in ("cifar10-starter", "fashion-mnist-cnn"):
        made = experiment(preset)
        kept: dict[str, np.ndarray] = stored_runs.weights(made)
        run = stored_runs.store_run(RunStore(settings), made, checkpoints={"best": kept})
        runs[made.data.dataset] = run
    return settings, runs


@pytest.fixture(autouse=True)
def runs(
    shared: tuple[Settings, dict[str, Run]], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Run]:
    monkeypatch.setenv("CIFARVIZ_HOME", str(shared[0].home))
    monkeypatch.setenv("KERAS_HOME", str(shared[0].home))
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return shared[1]


def opened(page: str, **address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    if page == "start":
        return app
    for name, value in address.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


def shown(app: AppTest) -> str:
    """All that stands on the page, sidebar included; without what only an address holds."""
    texts = [json.dumps(one.json_lines()) for one in components(app)]
    for element in _elements(app._tree):
        proto = getattr(element, "proto", None)
        if proto is not None and element.type != "bidi_component":
            said = MessageToDict(proto)
            said.pop("id", None)
            said.pop("queryString", None)
            texts.append(json.dumps(said))
    # Escaped or not, as it is read.
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), "\n".join(texts))


def english(app: AppTest) -> list[str]:
    """The English class names that are shown."""
    said = shown(app)
    names = [name for info in TRANSLATED.values() for name in info.classes]
    return [name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said)]


def choice(app: AppTest) -> Any:
    return _buttons(app, "Class names")


def _buttons(app: AppTest, label: str) -> Any:
    groups: list[Any] = list(app.get("button_group"))
    return next(one for one in groups if one.label == label)


def _elements(block: Any) -> Iterator[Any]:
    for child in block.children.values():
        if hasattr(child, "children"):
            yield from _elements(child)
        if hasattr(child, "type"):
            yield child


@pytest.mark.parametrize("dataset", list(TRANSLATED))
@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("start", {}),
        ("samples", {"image": "1", "split": "test"}),
        ("train", {"view": "setup"}),
        ("train", {"view": "watch"}),
        ("runs", {}),
        ("inside", {"layer": "conv2d_1"}),
        ("evaluate", {}),
        ("predict", {"image": "1"}),
        ("present", {"scene": "data"}),
        ("present", {"scene": "maps"}),
        ("present", {"scene": "mistakes"}),
        ("present", {"scene": "photo"}),
    ],
)
def test_no_page_shows_an_english_name_in_korean(
    runs: dict[str, Run], page: str, address: dict[str, str], dataset: str
) -> None:
    address = {**address, "dataset": dataset, "labels": "ko"}
    if page not in ("start", "samples", "train"):
        address["run" if page != "runs" else "runs"] = runs[dataset].id
    app = opened(page, **address)
    assert not app.exception
    assert english(app) == []
    if page in ("start", "samples", "inside", "evaluate", "predict", "present"):
        assert any(name in shown(app) for name in DATASETS[dataset].class_names("ko"))


def test_english_class_names_would_be_detected(runs: dict[str, Run]) -> None:
    assert set(english(opened("samples"))) == set(DATASETS["cifar10"].classes)
    found = english(opened("evaluate", run=runs["fashion-mnist"].id))
    assert set(found) == set(DATASETS["fashion-mnist"].classes)


def test_the_language_is_kept_on_other_pages() -> None:
    app = opened("start")
    assert choice(app).value == "en"
    choice(app).set_value("ko").run()
    assert "비행기" in shown(app)
    # The menu's addresses hold no language.
    app.switch_page("pages/samples.py").run()
    assert app.query_params["labels"] == "ko"
    assert "비행기" in shown(app)
    assert not app.exception


def test_the_language_can_be_reset() -> None:
    app = opened("start", labels="ko")
    assert choice(app).value == "ko"
    choice(app).set_value("en").run()
    assert "frog" in shown(app)
    assert "개구리" not in shown(app)
    assert not app.exception


def test_links_hold_the_language_and_english_class_names() -> None:
    app = opened("samples", labels="ko", dataset="fashion-mnist", split="test", image="1")
    links = [one.proto.query_string for one in _elements(app._tree) if one.type == "page_link"]
    assert "dataset=fashion-mnist&split=test&image=1&labels=ko" in links
    _buttons(app, "Classes").set_value(["Bag"]).run()
    assert app.query_params["classes"] == "Bag"
    assert app.query_params["labels"] == "ko"
    assert "가방" in shown(app)
    assert not app.exception


def test_an_unknown_language_is_reported() -> None:
    app = opened("start", labels="xx")
    [warning] = app.warning
    assert "There are no class names in “xx”" in warning.value
    assert "frog" in shown(app)
    choice(app).set_value("ko").run()
    assert not app.warning
    assert "개구리" in shown(app)
    assert not app.exception
