"""Evaluate: the metrics, and the selected cell of the matrix."""

import numpy as np
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.records import Run
from tests.components import components, image_grid
from tests.pages.app_page import elements, widget
from tests.pages.evaluate_page import metrics, opened, text


def a_mistake(evaluation: Evaluation) -> tuple[str, str, int]:
    """Return a cell off the diagonal that is not the default, and its number of images."""
    mistakes = evaluation.confusion.copy()
    np.fill_diagonal(mistakes, 0)
    mistakes[np.unravel_index(mistakes.argmax(), mistakes.shape)] = 0
    actual, predicted = np.unravel_index(mistakes.argmax(), mistakes.shape)
    names = evaluation.classes
    return names[actual], names[predicted], int(mistakes[actual, predicted])


def test_metrics_and_scores_of_the_network_are_shown(run: Run, evaluation: Evaluation) -> None:
    app = opened()
    shown = metrics(app)
    assert shown["Accuracy"] == f"{evaluation.accuracy:.1%}"
    assert shown["Loss"] == f"{evaluation.loss:.3f}"
    assert shown["Test images"] == "1,000"
    assert "1,000 test images of the embedded CIFAR-10 sample" in text(app)
    assert "also this run's validation images" in text(app)
    table = app.dataframe[0].value
    np.testing.assert_allclose(table["recall"], 100 * evaluation.per_class.recall)
    assert list(table.index) == list(CIFAR10.classes)
    assert not app.exception


def test_the_most_frequent_mistake_is_shown_first(run: Run, evaluation: Evaluation) -> None:
    app = opened()
    actual, predicted = (menu.value for menu in app.selectbox[2:4])
    mistakes = evaluation.confusion.copy()
    np.fill_diagonal(mistakes, 0)
    cell = CIFAR10.classes.index(actual), CIFAR10.classes.index(predicted)
    assert mistakes[cell] == mistakes.max() > 0
    assert f"{actual} → {predicted}, {mistakes.max()} times" in metrics(app).values()
    surest = evaluation.cell(*cell)[0]
    assert f"**Test image {evaluation.indices[surest]}**, class {actual}" in text(app)
    assert not app.exception


def test_the_menus_choose_the_cell_in_the_address(run: Run, evaluation: Evaluation) -> None:
    actual, predicted, count = a_mistake(evaluation)
    app = opened()
    widget(app, "selectbox", "evaluate-actual").select(actual).run()
    widget(app, "selectbox", "evaluate-predicted").select(predicted).run()
    sentence = f"**{count}** test images of the class {actual}, taken for {predicted}"
    assert sentence in text(app)
    assert app.query_params["actual"] == actual
    assert app.query_params["predicted"] == predicted

    again = opened(actual=actual, predicted=predicted)
    assert sentence in text(again)
    assert not app.exception
    assert not again.exception


def test_a_link_to_an_image_opens_its_cell_and_its_page(run: Run, evaluation: Evaluation) -> None:
    row, column = np.unravel_index(evaluation.confusion.argmax(), evaluation.confusion.shape)
    members = evaluation.cell(int(row), int(column))
    assert len(members) > 20
    index = evaluation.indices[members[-1]]
    app = opened(image=index)
    assert f"**Test image {index}**, class {CIFAR10.classes[row]}" in text(app)
    assert elements(app, "pagination")[0].value > 1
    assert not app.exception


def test_a_large_cell_has_pages(run: Run, evaluation: Evaluation) -> None:
    row, column = (
        int(i) for i in np.unravel_index(evaluation.confusion.argmax(), evaluation.confusion.shape)
    )
    names = {"actual": CIFAR10.classes[row], "predicted": CIFAR10.classes[column]}
    first = opened(**names, page=2)
    members = evaluation.cell(row, column)
    assert f"**Test image {evaluation.indices[members[16]]}**" in text(first)
    elements(first, "pagination")[0].set_value(1).run()
    assert f"**Test image {evaluation.indices[members[0]]}**" in text(first)
    assert first.query_params["page"] == "1"
    assert not first.exception


def test_random_images_depend_on_the_seed(run: Run, evaluation: Evaluation) -> None:
    def shown(app: AppTest) -> list[str]:
        [key] = [grid.key for grid in components(app, "image_grid") if "random" in grid.key]
        return image_grid(app, key)["labels"]

    first = opened(part="random")
    labels = shown(first)
    assert len(labels) == len(set(labels)) == 10
    for label in labels:
        index, actual, prediction = label.split("\n")
        position = int(np.flatnonzero(evaluation.indices == int(index))[0])
        predicted = CIFAR10.classes[evaluation.predicted[position]]
        assert actual == CIFAR10.classes[evaluation.labels[position]]
        assert prediction == f"{'✓' if actual == predicted else '✗'} {predicted}"
    next(button for button in first.button if button.label == "Draw again").click().run()
    assert shown(first) != labels
    assert shown(opened(seed=first.query_params["seed"])) == shown(first)
    widget(first, "text_input", "evaluate-seed").set_value("0").run()
    assert shown(first) == labels
    assert not first.exception


def test_an_empty_cell_is_reported(run: Run, evaluation: Evaluation) -> None:
    empty = next(cell for cell in np.argwhere(evaluation.confusion == 0) if cell[0] != cell[1])
    actual, predicted = (CIFAR10.classes[i] for i in empty)
    app = opened(actual=actual, predicted=predicted)
    assert [info.value for info in app.info] == [
        f"No test image of the class {actual} is taken for {predicted}."
    ]
    assert not app.exception


def test_an_image_of_another_cell_can_be_opened(run: Run, evaluation: Evaluation) -> None:
    actual, predicted, _ = a_mistake(evaluation)
    right = int(np.flatnonzero(evaluation.labels == evaluation.predicted)[0])
    index = int(evaluation.indices[right])
    app = opened(actual=actual, predicted=predicted, image=index)
    assert f"Test image {index} is not in this cell" in app.info[0].value
    next(button for button in app.button if button.label == "Show it in its cell").click().run()
    assert f"**Test image {index}**, class {CIFAR10.classes[evaluation.labels[right]]}" in text(app)
    assert not app.info
    assert not app.exception
