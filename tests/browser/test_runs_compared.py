"""Compared runs in a real browser: a fork as a branch, and a filtered list."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from cifarviz.experiment.choices import Data
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs

# Training of 64 images takes less than a second.
TINY = stored_runs.experiment(data=Data(train_images=64), precision="float32", epochs=3)

StartServer = Callable[..., AppServer]


def home_of(app_server: StartServer, tmp_path_factory: object) -> tuple[AppServer, RunStore]:
    home = tmp_path_factory.mktemp("compared") / "home"  # type: ignore[attr-defined]
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    return app_server(home=home, environment={"CIFARVIZ_WARM_UP": "1"}), store


def test_a_fork_is_trained_from_its_dialog_and_drawn_as_a_branch(
    page: Page, app_server: StartServer, tmp_path_factory: object
) -> None:
    server, store = home_of(app_server, tmp_path_factory)
    weights = stored_runs.weights(TINY)
    parent = stored_runs.store_run(store, TINY, name="parent", checkpoints={"best": weights})
    stored_runs.raise_validation_loss(store, parent, epoch=3)
    page.goto(f"{server.url}/runs?runs={parent.id}")
    page.get_by_role("button", name="Fork", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Learning rate", exact=True).fill("0.0005")
    dialog.get_by_label("Learning rate", exact=True).press("Tab")
    dialog.get_by_text("Augmentation", exact=True).click()
    dialog.get_by_text("Flip", exact=True).click()
    # Both flips at once are refused in words, and the form stays.
    dialog.get_by_text("Alternating flip", exact=True).click()
    refused = dialog.get_by_text("Flip and alternating flip both mirror images")
    expect(refused).to_be_visible()
    dialog.get_by_text("Alternating flip", exact=True).click()
    expect(refused).to_have_count(0)
    dialog.get_by_label("CutMix", exact=True).fill("1")
    dialog.get_by_label("CutMix", exact=True).press("Tab")
    expect(dialog.get_by_label("Name of the run", exact=True)).to_have_attribute(
        "placeholder", "flip · CutMix 1 · learning rate 0.0005 · parent from epoch 2"
    )
    dialog.get_by_role("button", name="Fork and train").click()
    expect(page).to_have_url(re.compile("view=watch&run="))
    expect(page.get_by_text("All 3 epochs are done")).to_be_visible(timeout=60_000)
    [fork] = [run for run in store.all() if run.id != parent.id]
    assert (fork.parent, fork.parent_epoch, fork.state) == (parent.id, 2, RunState.FINISHED)
    assert [epoch.epoch for epoch in store.epochs(fork.id)] == [3]

    page.goto(f"{server.url}/runs?runs={fork.id},{parent.id}")
    expect(page.locator(".cifarviz-chart .legend").first).to_contain_text("parent from epoch 2")
    page.wait_for_function(
        """() => {
        const chart = document.querySelectorAll('.js-plotly-plot')[1];
        const lines = chart?.data?.filter(line => line.legendgroup === '1') ?? [];
        return JSON.stringify(lines.slice(0, 2).map(line => Array.from(line.x)))
            === '[[2,3],[2,3]]';
    }"""
    )


def test_runs_can_be_filtered_and_annotated(
    page: Page, app_server: StartServer, tmp_path_factory: object
) -> None:
    server, store = home_of(app_server, tmp_path_factory)
    other = PRESETS["cifar10-starter"].experiment
    first = stored_runs.store_run(store, TINY, name="first")
    second = stored_runs.store_run(store, other, name="second")
    page.goto(f"{server.url}/runs?runs={first.id},{second.id}")
    expect(page.get_by_text("“second” and “first”")).to_be_visible()
    find = page.get_by_label("Find", exact=True)
    find.fill("first")
    find.press("Enter")
    expect(page.get_by_text("Selected, but hidden by the filters: “second”.")).to_be_visible()
    expect(page).to_have_url(re.compile("find=first"))
    settle(page)
    # Ticking the one that is listed off leaves the other one chosen.
    page.get_by_test_id("stDataFrame").first.click(position={"x": 17, "y": 52})
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    page.get_by_role("button", name="Note", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note", exact=True).fill("for Monday")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("for Monday").first).to_be_visible()
    page.get_by_role("button", name="Star", exact=True).click()
    expect(page.get_by_role("button", name="Unstar")).to_be_visible()
    kept = store.get(second.id)
    assert (kept.remark, kept.starred) == ("for Monday", True)
