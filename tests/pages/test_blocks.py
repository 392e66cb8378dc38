"""Blocks of layers on the pages: edited on Train, seen on Inside, named in reports."""

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.pooling import GlobalAveragePool2D
from cifarviz.layers.registry import layer_label
from cifarviz.layers.residual import Residual, residual
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import component_keys
from tests.pages import inside_page
from tests.pages.app_page import widget
from tests.pages.train_page import VGG, current_draft, labels, linked, page_text, press

NETWORK = stored_runs.experiment(
    Conv2D(filters=4),
    residual(4),
    Residual(branch=(Conv2D(filters=6, strides=2),), shortcut=(Conv2D(filters=6, strides=2),)),
    GlobalAveragePool2D(),
    Dense(units=10, activation="softmax"),
)


@pytest.fixture
def run(store: RunStore) -> Run:
    return stored_runs.store_run(store, NETWORK, checkpoints={"last": stored_runs.weights(NETWORK)})


def with_block(kind: str) -> AppTest:
    app = linked(VGG)
    widget(app, "selectbox", "1-new-layer").select(kind).run()
    return press(app, "add-layer")


def block_of(app: AppTest) -> str:
    # The page's ids count on from those in the address.
    keys = component_keys(app) + [one.key or "" for one in app.button]
    return next(key.split("-branch-")[0] for key in keys if "-branch-0-add" in key)


def test_a_new_residual_block_fits_and_its_layers_are_a_table_inside_the_table() -> None:
    app = with_block("residual")
    block = next(layer for layer in current_draft(app).layers if layer.type == "residual")
    assert [layer.type for layer in block.branches[0]].count("conv2d") == 2
    assert "Shortcut" in page_text(app)
    assert "carries the input as it is" in page_text(app)
    assert "Train" in labels(app)
    assert not app.button(key="train").disabled
    assert not app.exception


def test_a_branch_of_another_shape_says_so_and_one_press_mends_it() -> None:
    app = with_block("residual")
    key = block_of(app)
    widget(app, "selectbox", f"{key}-branch-0-new").select("conv2d").run()
    press(app, f"{key}-branch-0-add")
    draft = current_draft(app)
    block = next(layer for layer in draft.layers if layer.type == "residual")
    added = block.branches[0][-1]
    assert added.type == "conv2d"
    if "only equal shapes can be added" not in page_text(app):
        number = next(
            one for one in app.text_input if one.label == "Number of filters" and one.value == "32"
        )
        number.set_value("24").run()
    assert "only equal shapes can be added" in page_text(app)
    press(app, f"{key}-fit")
    mended = next(layer for layer in current_draft(app).layers if layer.type == "residual")
    assert [layer_label(layer.fields) for layer in mended.branches[1]] != []
    assert "only equal shapes" not in page_text(app)
    assert not app.exception


def test_branches_side_by_side_are_added_and_removed() -> None:
    app = with_block("concatenation")
    key = block_of(app)
    press(app, f"{key}-add-branch")
    assert "Branch 3" in page_text(app)
    press(app, f"{key}-remove-branch-0")
    block = next(layer for layer in current_draft(app).layers if layer.type == "concatenation")
    assert [len(branch) for branch in block.branches] == [1, 0]
    assert not app.exception


def test_the_maps_of_the_layers_inside_a_block_are_shown(run: Run) -> None:
    app = inside_page.opened()
    rows = NETWORK.architecture.trace().all_rows
    assert [one.value for one in app.subheader] == [row.name for row in rows]
    assert inside_page.grids(app)[:2] == ["conv2d_1", "conv2d_2"]
    captions = [one.value for one in app.caption]
    assert "In residual_1, branch" in captions
    assert "In residual_2, shortcut" in captions
    hidden = inside_page.opened(blocks="hide")
    assert [one.value for one in hidden.subheader] == list(NETWORK.architecture.layer_names)
    assert not app.exception
    assert not hidden.exception


def test_a_channel_inside_a_block_opens_with_its_kernel(run: Run) -> None:
    app = inside_page.opened(layer="conv2d_3", channel="1", blocks="hide")
    texts = inside_page.page_texts(app)
    assert "Kernel, 3 × 3 for each of 4 input channels" in texts
    assert "channel-kernel" in component_keys(app)
    assert not inside_page.errors(app)
    assert not app.exception
