"""Setup of layers: changing, moving, copying, adding and removing rows."""

import pytest

from cifarviz.runs.store import RunStore
from tests.pages.app_page import address_of, widget
from tests.pages.train_page import (
    SAMPLE,
    VGG,
    current_draft,
    kinds,
    labels,
    linked,
    opened,
    page_text,
    press,
)


def test_buttons_of_a_row_have_unique_labels(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    names = [label for label in labels(app) if "(row 4)" in label]
    assert names == [
        "Change the settings of Conv 64 (row 4)",
        "Move Conv 64 (row 4) up",
        "Move Conv 64 (row 4) down",
        "Duplicate Conv 64 (row 4)",
        "Remove Conv 64 (row 4)",
    ]
    assert len(set(labels(app))) == len(labels(app))
    assert not app.exception


def test_moving_and_removing_rows_keeps_other_values(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    press(app, "layer-1-2-edit")
    widget(app, "text_input", "layer-1-2-filters").set_value("48").run()
    press(app, "layer-1-2-down")
    # The form went with its layer, and so did what was typed.
    assert widget(app, "text_input", "layer-1-2-filters").value == "48"
    layers = current_draft(app).layers
    assert [layer.type for layer in layers[:3]] == ["conv2d", "max_pool2d", "conv2d"]
    assert layers[2].fields["filters"] == 48
    press(app, "layer-1-1-remove")
    assert widget(app, "text_input", "layer-1-2-filters").value == "48"
    press(app, "layer-1-4-edit")
    assert widget(app, "text_input", "layer-1-4-filters").value == "64"
    assert kinds(app)[:3] == ["max_pool2d", "conv2d", "conv2d"]
    assert [layer.fields.get("filters") for layer in current_draft(app).layers[:3]] == [
        None,
        48,
        64,
    ]
    assert not app.exception


def test_a_copied_layer_has_the_same_values_and_is_independent(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    press(app, "layer-1-1-edit")
    widget(app, "text_input", "layer-1-1-filters").set_value("7").run()
    press(app, "layer-1-1-copy")
    press(app, "layer-1-13-edit")
    assert widget(app, "text_input", "layer-1-13-filters").value == "7"
    widget(app, "text_input", "layer-1-13-filters").set_value("9").run()
    press(app, "layer-1-1-edit")
    assert widget(app, "text_input", "layer-1-1-filters").value == "7"
    assert [layer.fields["filters"] for layer in current_draft(app).layers[:3]] == [7, 9, 32]
    assert not app.exception


def test_a_new_layer_is_added_where_it_fits_with_its_form_open(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    widget(app, "selectbox", "1-new-layer").select("dropout").run()
    press(app, "add-layer")
    assert kinds(app)[-2:] == ["dropout", "dense"]
    assert widget(app, "text_input", "layer-1-13-rate").value == "0.5"
    assert not app.button(key="train").disabled
    assert not app.exception


def test_an_invalid_network_is_reported_and_cannot_be_trained(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    press(app, "layer-1-10-remove")  # Flatten
    assert app.button(key="train").disabled
    assert "Dense layers need a flat vector" in page_text(app)
    widget(app, "selectbox", "1-new-layer").select("flatten").run()
    press(app, "add-layer")
    assert not app.button(key="train").disabled
    assert not app.exception


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("99", "The kernel size must be a whole number from 1 to 32, not 99."),
        ("3.7", "not 3.7"),
        ("three", "not “three”"),
        ("", "not nothing"),
        ("<b>*", "not “<b>*”"),
        ("9" * 40, "a number of more than 20 digits"),
    ],
)
def test_an_invalid_number_has_one_message_and_stays_in_its_field(
    store: RunStore, typed: str, words: str
) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    press(app, "layer-1-1-edit")
    widget(app, "text_input", "layer-1-1-kernel_size").set_value(typed).run()
    assert words in page_text(app)
    assert widget(app, "text_input", "layer-1-1-kernel_size").value == typed
    assert app.button(key="train").disabled
    # Nor is it lost when the form is closed, or the page reloaded by its address.
    press(app, "layer-1-1-edit")
    press(app, "layer-1-1-edit")
    again = opened(**address_of(app))
    assert words in page_text(again)
    press(again, "layer-1-1-edit")
    assert widget(again, "text_input", "layer-1-1-kernel_size").value == typed
    assert not app.exception
    assert not again.exception
