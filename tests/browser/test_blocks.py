"""A residual block edited, trained and looked into, in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cifarviz.experiment.address import pack_changes
from cifarviz.experiment.draft import make_draft
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.pooling import GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.residual import residual
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs

LONG = 60_000
EXPERIMENT = stored_runs.experiment(
    Conv2D(filters=4, strides=2),
    MaxPool2D(),
    residual(4),
    GlobalAveragePool2D(),
    Dense(units=10, activation="softmax"),
    epochs=1,
    batch_size=64,
    data={"train_images": 256},
)


@pytest.mark.timeout(240)
def test_a_residual_block_is_edited_trained_and_looked_into(
    app_server: Callable[..., AppServer], page: Page
) -> None:
    server = app_server("app.py")
    changes = pack_changes(make_draft(EXPERIMENT, "cifar10-starter"))
    page.goto(f"{server.url}/train?preset=cifar10-starter&changes={changes}")
    page.get_by_role("button", name="Change the settings of Residual").click()
    table = page.locator(".st-key-layer-table")
    expect(table.get_by_text("Shortcut: carries the input as it is")).to_be_visible()

    # The second convolution of the branch gets more filters, and the shapes differ.
    inner = table.locator('[class*="-branches"]')
    inner.get_by_role("button", name=re.compile("^Change the settings of Conv 4")).nth(1).click()
    filters = inner.get_by_role("textbox", name="Number of filters")
    filters.fill("6")
    filters.press("Enter")
    expect(table.get_by_text("only equal shapes can be added")).to_be_visible()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
    table.get_by_role("button", name="Shortcut: use Conv 6, which fits").click()
    expect(table.get_by_text("only equal shapes can be added")).to_have_count(0)
    settle(page)

    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile("view=watch"))
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    for _ in range(600):
        if store.all() and not store.active():
            break
        page.wait_for_timeout(100)
    (run,) = (run for run in store.all() if run.origin == "dashboard")
    block = run.experiment.architecture.named_layers[2]
    assert [[inner.name for inner in branch] for branch in block.branches][1] == ["conv2d_4"]

    page.goto(f"{server.url}/inside?run={run.id}")
    for name in ("conv2d_3", "conv2d_4", "residual_1"):
        expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=LONG)
    channels = page.get_by_role("group", name="Channels of conv2d_4").or_(
        page.get_by_label("Channels of conv2d_4")
    )
    expect(channels.first).to_be_visible()
