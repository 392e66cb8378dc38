"""Setup of early stopping, checkpoints and saved files."""

from pathlib import Path

import pytest

from cifarviz.runs.store import RunStore
from tests.pages.app_page import address_of, widget
from tests.pages.train_page import SAMPLE, VGG, current_draft, linked, opened, page_text

SMALL = VGG.with_value("data", SAMPLE)


def test_every_choice_reaches_the_experiment_and_the_address(store: RunStore) -> None:
    app = linked(SMALL, part="training")
    widget(app, "selectbox", "1-monitor-validation").select("accuracy").run()
    widget(app, "toggle", "1-early_stopping").set_value(True).run()
    widget(app, "text_input", "1-early_stopping-patience").set_value("5").run()
    widget(app, "toggle", "1-early_stopping-restore_best_weights").set_value(False).run()
    widget(app, "toggle", "1-best_only").set_value(True).run()
    widget(app, "toggle", "1-tensorboard").set_value(True).run()
    widget(app, "text_input", "1-test_epochs").set_value("20, 10 30,10").run()
    wanted = {
        "monitor": "accuracy",
        "early_stopping": {"patience": 5, "restore_best_weights": False},
        "best_only": True,
        "tensorboard": True,
        "test_epochs": [10, 20, 30],
    }
    assert {name: current_draft(app).settings[name] for name in wanted} == wanted
    assert not app.button(key="train").disabled
    again = opened(**address_of(app))
    assert widget(again, "text_input", "1-test_epochs").value == "10, 20, 30"
    assert widget(again, "text_input", "1-early_stopping-patience").value == "5"
    assert widget(again, "selectbox", "1-monitor-validation").value == "accuracy"
    assert not app.exception
    assert not again.exception


def test_typed_values_survive_switching_off(store: RunStore) -> None:
    app = linked(SMALL, part="training")
    widget(app, "toggle", "1-early_stopping").set_value(True).run()
    widget(app, "text_input", "1-early_stopping-patience").set_value("7").run()
    widget(app, "toggle", "1-early_stopping").set_value(False).run()
    assert current_draft(app).settings["early_stopping"] is None
    widget(app, "toggle", "1-early_stopping").set_value(True).run()
    assert widget(app, "text_input", "1-early_stopping-patience").value == "7"
    assert not app.exception


@pytest.mark.parametrize(
    ("key", "typed", "words"),
    [
        ("early_stopping-patience", "30", "a patience of 30 epochs can never stop a run of 30"),
        (
            "early_stopping-patience",
            "0",
            "patience must be a whole number from 1 to 1,000, not 0",
        ),
        ("early_stopping-patience", "", "patience must be"),
        ("test_epochs", "15, 31", "cannot be saved at epoch 31 of a run of 30 epochs"),
        ("test_epochs", "0", "numbered from 1"),
        ("test_epochs", "the last", "“the last” is not a list of numbers"),
        ("test_epochs", "<b>" * 60, "is not a list of numbers"),
    ],
)
def test_an_invalid_value_is_reported_once_and_stays_in_its_field(
    store: RunStore, key: str, typed: str, words: str
) -> None:
    app = linked(SMALL.with_switch("early_stopping", True), part="training")
    widget(app, "text_input", f"1-{key}").set_value(typed).run()
    beside = [
        one.value.replace("\\", "") for one in app.markdown if words in one.value.replace("\\", "")
    ]
    assert [one.startswith(":red[") for one in beside] == [True]
    assert words in app.error[0].value.replace("\\", "")
    assert app.button(key="train").disabled
    again = opened(**address_of(app))
    assert widget(again, "text_input", f"1-{key}").value == typed
    assert not app.exception
    assert not again.exception


def test_without_validation_the_best_epoch_is_by_training_metrics(store: RunStore) -> None:
    app = linked(SMALL.with_kind("validation", "none"), part="training")
    assert widget(app, "selectbox", "1-monitor-training").options == [
        "Lowest training loss",
        "Highest training accuracy",
    ]
    assert not app.exception


@pytest.mark.usefixtures("at_this_computer")
def test_the_tensorboard_command_can_be_copied(store: RunStore) -> None:
    app = linked(SMALL, part="training")
    assert not app.code
    widget(app, "toggle", "1-tensorboard").set_value(True).run()
    assert app.code[0].value == f"tensorboard --logdir {store.settings.tensorboard_dir}"
    assert "pip install tensorboard" in page_text(app)
    assert not app.exception


def test_an_unwritable_tensorboard_folder_is_reported_and_refused(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    monkeypatch.setenv("CIFARVIZ_TENSORBOARD_DIR", str(blocked / "logs"))
    # Beside its switch and beside the button, which is off at once, whichever part is open.
    app = linked(SMALL.with_value("tensorboard", True), part="training")
    beside = [one.value for one in app.markdown if "a file has that name" in one.value]
    assert [one.startswith(":red[") for one in beside] == [True]
    assert not app.code
    for part in ("training", "network"):
        app = linked(SMALL.with_value("tensorboard", True), part=part)
        assert ["a file has that name" in error.value for error in app.error] == [True]
        assert app.button(key="train").disabled
        assert not app.exception
    assert current_draft(app).settings["tensorboard"] is True
    app = linked(SMALL, part="network")
    assert not app.error
    assert not app.button(key="train").disabled
    assert not app.exception


@pytest.mark.usefixtures("at_this_computer")
def test_selecting_tensorboard_files_creates_no_folder(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "not" / "yet" / "there"
    monkeypatch.setenv("CIFARVIZ_TENSORBOARD_DIR", str(folder))
    app = linked(SMALL.with_value("tensorboard", True), part="training")
    assert app.code[0].value == f"tensorboard --logdir {folder}"
    assert not app.button(key="train").disabled
    assert not (tmp_path / "not").exists()
    assert not app.exception
