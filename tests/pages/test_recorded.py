"""The recorded run on the pages: labelled, hidden and restored."""

import pytest

from tests.pages import evaluate_page, inside_page, predict_page, runs_page
from tests.pages.app_page import opened_by_link

RUN = "d85d1362"
BRING_BACK = "bring-back-recorded"


@pytest.fixture(autouse=True)
def _fresh_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home as a new user has it."""
    monkeypatch.setenv("CIFARVIZ_RECORDED", "1")


def keys(app) -> list[str]:
    return [button.key for button in app.button]


def test_the_first_start_shows_the_recorded_run_as_recorded() -> None:
    app = opened_by_link("start")
    assert not app.exception
    words = " ".join(one.value for one in app.markdown).replace("\\", "")
    assert "cifar10-vgg, 30 epochs on the full set" in words
    assert ":violet-badge[recorded]" in words


def test_every_layer_of_the_recorded_run_can_be_shown_at_once() -> None:
    app = inside_page.opened()
    assert not app.exception
    assert not inside_page.errors(app)
    assert len(inside_page.grids(app)) == 9
    (picker,) = [box for box in app.selectbox if box.key == "pick-run"]
    assert picker.options == [
        "recorded: cifar10-vgg, 30 epochs on the full set · 72.0% validation, epoch 8 (lowest "
        "validation loss)"
    ]


def test_the_recorded_run_can_be_hidden_and_restored() -> None:
    app = runs_page.opened(RUN)
    assert BRING_BACK not in keys(app)
    app.button(key="hide-recorded").click().run()
    assert not app.exception
    assert "hide-recorded" not in keys(app)

    empty = inside_page.opened()
    assert any(
        "No network has been trained here yet" in text for text in inside_page.page_texts(empty)
    )
    assert BRING_BACK in keys(empty)

    app.button(key=BRING_BACK).click().run()
    assert not app.exception
    assert len(inside_page.grids(inside_page.opened())) == 9


def test_evaluate_uses_the_embedded_images_for_the_recorded_run() -> None:
    app = evaluate_page.opened(run=RUN, checkpoint="epochs", epoch="9")
    assert not app.exception
    assert not app.error
    words = evaluate_page.text(app)
    assert "the 15,000 validation images held out from training" in words
    figures = evaluate_page.metrics(app)
    count = int(figures["Validation images"].replace(",", ""))
    assert f"Shown are the {count:,} in the embedded sample" in words
    assert 1_000 < count < 2_000
    assert 60 < float(figures["Accuracy"].split("%")[0]) < 80


def test_predict_knows_the_training_images_without_the_full_set() -> None:
    app = predict_page.opened(run=RUN)
    app.button(key="predict-validation").click().run()
    assert not app.exception
    assert not app.error
    words = " ".join(one.value for one in (*app.markdown, *app.caption, *app.info))
    assert "This is a validation image" in words
