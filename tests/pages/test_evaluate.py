"""Evaluate: the numbers, the cell that is looked at, what is kept, and bad links."""

import json
import os
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.checkpoints import open_checkpoint
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.analysis.stored_probabilities import probabilities_path
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.data import library
from cifarviz.data.datasets import CIFAR10
from cifarviz.experiment.choices import Data
from cifarviz.runs import locks
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs

TINY = stored_runs.experiment()


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return stored_runs.weights(TINY)


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, np.ndarray]
) -> tuple[Settings, Run]:
    """A home with one run, for the tests that change nothing in it."""
    home = tmp_path_factory.mktemp("evaluate")
    environment = {"CIFARVIZ_HOME": str(home), "KERAS_HOME": str(home), "CIFARVIZ_WARM_UP": "0"}
    settings = Settings.from_environment(environment)
    run = stored_runs.store_run(
        RunStore(settings), TINY, checkpoints={"last": arrays, "best": arrays}
    )
    return settings, run


@pytest.fixture
def run(shared: tuple[Settings, Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The shared run, on whose home this test's pages are."""
    monkeypatch.setenv("CIFARVIZ_HOME", str(shared[0].home))
    monkeypatch.setenv("KERAS_HOME", str(shared[0].home))
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return shared[1]


@pytest.fixture
def store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """An empty home of this test's own."""
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return RunStore(settings)


@pytest.fixture(scope="module")
def expected(shared: tuple[Settings, Run]) -> Evaluation:
    settings, run = shared
    test = library.load("cifar10", "sample", settings).test
    model = open_checkpoint(RunStore(settings), run, "last")
    return evaluate(test.labels, model.probabilities(test.images), test.indices, CIFAR10.classes)


def opened(**address: object) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    for name, value in address.items():
        app.query_params[name] = str(value)
    return app.switch_page("pages/evaluate.py").run()


def elements(app: AppTest, kind: str) -> list[Any]:
    return list(app.get(kind))


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in app.metric}


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption))


def errors(app: AppTest) -> str:
    return "\n".join(error.value for error in app.error).replace("\\", "")


def a_mistake(evaluation: Evaluation) -> tuple[str, str, int]:
    """A cell off the diagonal that is not the one shown by itself, and how many are in it."""
    mistakes = evaluation.confusion.copy()
    np.fill_diagonal(mistakes, 0)
    mistakes[np.unravel_index(mistakes.argmax(), mistakes.shape)] = 0
    actual, predicted = np.unravel_index(mistakes.argmax(), mistakes.shape)
    names = evaluation.classes
    return names[actual], names[predicted], int(mistakes[actual, predicted])


def test_it_shows_what_the_network_scores(run: Run, expected: Evaluation) -> None:
    app = opened()
    shown = metrics(app)
    assert shown["Accuracy"] == f"{expected.accuracy:.1%}"
    assert shown["Loss"] == f"{expected.loss:.3f}"
    assert shown["Test images"] == "1,000"
    assert "1,000 test images of the embedded CIFAR-10 sample" in text(app)
    assert "this run's validation images too" in text(app)
    table = app.dataframe[0].value
    np.testing.assert_allclose(table["recall"], 100 * expected.per_class.recall)
    assert list(table.index) == list(CIFAR10.classes)
    assert not app.exception


def test_the_commonest_mistake_is_shown_first_the_surest_image_large(
    run: Run, expected: Evaluation
) -> None:
    app = opened()
    actual, predicted = (menu.value for menu in app.selectbox[2:4])
    mistakes = expected.confusion.copy()
    np.fill_diagonal(mistakes, 0)
    cell = CIFAR10.classes.index(actual), CIFAR10.classes.index(predicted)
    assert mistakes[cell] == mistakes.max() > 0
    assert f"{actual} → {predicted}, {mistakes.max()} times" in metrics(app).values()
    surest = expected.cell(*cell)[0]
    assert f"**Test image {expected.indices[surest]}**, class {actual}" in text(app)
    assert not app.exception


def test_the_menus_choose_a_cell_and_the_address_holds_it(run: Run, expected: Evaluation) -> None:
    actual, predicted, count = a_mistake(expected)
    app = opened()
    app.selectbox(key="evaluate-actual").select(actual).run()
    app.selectbox(key="evaluate-predicted").select(predicted).run()
    sentence = f"**{count}** test images of the class {actual}, taken for {predicted}"
    assert sentence in text(app)
    assert app.query_params["actual"] == actual
    assert app.query_params["predicted"] == predicted

    again = opened(actual=actual, predicted=predicted)
    assert sentence in text(again)
    assert not app.exception
    assert not again.exception


def test_a_link_to_an_image_opens_its_cell_and_its_page(run: Run, expected: Evaluation) -> None:
    row, column = np.unravel_index(expected.confusion.argmax(), expected.confusion.shape)
    members = expected.cell(int(row), int(column))
    assert len(members) > 20
    index = expected.indices[members[-1]]
    app = opened(image=index)
    assert f"**Test image {index}**, class {CIFAR10.classes[row]}" in text(app)
    assert elements(app, "pagination")[0].value > 1
    assert not app.exception


def test_pages_of_a_large_cell_are_turned(run: Run, expected: Evaluation) -> None:
    row, column = (
        int(i) for i in np.unravel_index(expected.confusion.argmax(), expected.confusion.shape)
    )
    names = {"actual": CIFAR10.classes[row], "predicted": CIFAR10.classes[column]}
    first = opened(**names, page=2)
    members = expected.cell(row, column)
    assert f"**Test image {expected.indices[members[16]]}**" in text(first)
    elements(first, "pagination")[0].set_value(1).run()
    assert f"**Test image {expected.indices[members[0]]}**" in text(first)
    assert first.query_params["page"] == "1"
    assert not first.exception


def test_ten_images_at_random_are_the_seeds_and_drawn_again(run: Run, expected: Evaluation) -> None:
    def shown(app: AppTest) -> list[str]:
        grids = [one.proto for one in elements(app, "bidi_component")]
        sent = next(grid for grid in grids if "random" in grid.id)
        return json.loads(sent.bytes.split(b"\n", 2)[1])["labels"]

    first = opened()
    labels = shown(first)
    assert len(labels) == len(set(labels)) == 10
    for label in labels:
        index, actual, said = label.split("\n")
        position = int(np.flatnonzero(expected.indices == int(index))[0])
        predicted = CIFAR10.classes[expected.predicted[position]]
        assert actual == CIFAR10.classes[expected.labels[position]]
        assert said == f"{'✓' if actual == predicted else '✗'} {predicted}"
    next(one for one in first.button if one.label == "Draw again").click().run()
    assert shown(first) != labels
    assert shown(opened(seed=first.query_params["seed"])) == shown(first)
    first.text_input(key="evaluate-seed").set_value("0").run()
    assert shown(first) == labels
    assert not first.exception


def test_a_cell_without_images_says_so(run: Run, expected: Evaluation) -> None:
    empty = next(cell for cell in np.argwhere(expected.confusion == 0) if cell[0] != cell[1])
    actual, predicted = (CIFAR10.classes[i] for i in empty)
    app = opened(actual=actual, predicted=predicted)
    assert [one.value for one in app.info] == [
        f"No test image of the class {actual} is taken for {predicted}."
    ]
    assert not app.exception


def test_an_image_of_another_cell_is_named_and_one_click_away(
    run: Run, expected: Evaluation
) -> None:
    actual, predicted, _ = a_mistake(expected)
    right = int(np.flatnonzero(expected.labels == expected.predicted)[0])
    index = int(expected.indices[right])
    app = opened(actual=actual, predicted=predicted, image=index)
    assert f"Test image {index} is not in this cell" in app.info[0].value
    next(one for one in app.button if one.label == "Show it in its cell").click().run()
    assert f"**Test image {index}**, class {CIFAR10.classes[expected.labels[right]]}" in text(app)
    assert not app.info
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"actual": "unicorn"}, "There is no class “unicorn” here: the classes are airplane"),
        ({"image": "99999999"}, "numbered 0 to 9,999; “99999999” is none of them"),
        ({"image": "abc"}, "numbered 0 to 9,999; “abc” is none of them"),
        ({"image": "-1"}, "“-1” is none of them"),
        ({"image": "5000"}, "Test image 5,000 is not among the 1,000 of the embedded sample"),
        ({"page": "77"}, "“77” is none of them"),
        ({"matrix": "pie"}, "There is no view “pie”"),
        ({"seed": "-1"}, "“-1” is no seed"),
        ({"run": "zzz"}, "There is no run “zzz” here."),
    ],
)
def test_a_bad_link_gets_a_sentence_and_the_page_stays_usable(
    run: Run, expected: Evaluation, address: dict[str, str], sentence: str
) -> None:
    assert 5000 not in expected.indices
    app = opened(**address)
    assert sentence in errors(app)
    assert len(app.error) == 1
    assert app.selectbox[0].label == "Run"
    if "run" not in address:
        assert metrics(app)["Test images"] == "1,000"
    assert not app.exception


def test_weights_that_are_not_there(run: Run) -> None:
    app = opened(checkpoint="middle")
    assert "“middle”" in app.warning[0].value
    assert metrics(app)["Test images"] == "1,000"
    assert not app.exception


def test_without_runs_it_says_what_to_do(store: RunStore) -> None:
    app = opened()
    assert "Train one first" in app.info[0].value
    assert "Train a network" in [button.label for button in app.button]
    assert not app.exception


def test_data_that_is_gone_gets_a_sentence_and_a_link(
    store: RunStore, arrays: dict[str, np.ndarray]
) -> None:
    full = stored_runs.experiment(data=Data(variant="full"))
    stored_runs.store_run(store, full, checkpoints={"last": arrays})
    app = opened()
    assert "full CIFAR-10 set is not on this machine" in errors(app)
    assert "Get the images on the Start page" in [link.label for link in elements(app, "page_link")]
    assert not app.metric
    assert not app.exception


def test_weights_that_do_not_fit_get_a_sentence(
    store: RunStore, arrays: dict[str, np.ndarray]
) -> None:
    damaged = dict(list(arrays.items())[1:])
    stored_runs.store_run(store, TINY, checkpoints={"last": damaged})
    app = opened()
    assert len(app.error) == 1
    assert not app.metric
    assert not app.exception


def test_of_a_run_that_still_trains_it_says_so(
    store: RunStore, arrays: dict[str, np.ndarray]
) -> None:
    run = stored_runs.store_run(store, TINY, state=RunState.RUNNING, checkpoints={"last": arrays})
    lock = locks.take(store.lock_path(run.id))
    assert lock is not None
    with lock:
        app = opened()
    assert "The run is still training" in text(app)
    assert metrics(app)["Test images"] == "1,000"
    assert not app.exception


def test_after_a_restart_the_network_is_not_asked_again(
    shared: tuple[Settings, Run], run: Run, expected: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    folder = RunStore(shared[0]).folder(run.id)
    arrays, facts = load_arrays(probabilities_path(folder, "last"))
    np.testing.assert_array_equal(arrays["probabilities"], expected.probabilities)
    checkpoint = checkpoint_path(folder, "last").stat()
    assert facts["checkpoint"] == [checkpoint.st_mtime_ns, checkpoint.st_size]

    st.cache_resource.clear()

    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(TrainedModel, "probabilities", refuse)
    app = opened()
    assert metrics(app)["Accuracy"] == f"{expected.accuracy:.1%}"
    assert not app.exception


def test_another_checkpoint_is_measured_anew(
    store: RunStore, arrays: dict[str, np.ndarray]
) -> None:
    run = stored_runs.store_run(store, TINY, checkpoints={"last": arrays})
    opened()
    path = probabilities_path(store.folder(run.id), "last")
    modified, size = load_arrays(path)[1]["checkpoint"]
    os.utime(checkpoint_path(store.folder(run.id), "last"), ns=(modified + 1000, modified + 1000))

    app = opened()
    assert load_arrays(path)[1]["checkpoint"] == [modified + 1000, size]
    assert metrics(app)["Test images"] == "1,000"
    assert not app.exception


def test_a_disk_that_takes_no_more_costs_only_a_word(
    store: RunStore, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stored_runs.store_run(store, TINY, checkpoints={"last": arrays})

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    app = opened()
    assert "could not be kept" in app.warning[0].value
    assert metrics(app)["Test images"] == "1,000"
    assert not probabilities_path(store.folder(run.id), "last").exists()
    assert not app.exception
