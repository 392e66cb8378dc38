"""Runs in a real browser: selecting, renaming and deleting, and runs of other processes."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs

STARTER = PRESETS["cifar10-starter"].experiment


@pytest.fixture(scope="module")
def server(
    app_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory
) -> tuple[AppServer, RunStore]:
    """A server and the store it shows."""
    home = tmp_path_factory.mktemp("runs") / "home"
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    return app_server(home=home, environment={"CIFARVIZ_WARM_UP": "0"}), store


@pytest.fixture
def served(server: tuple[AppServer, RunStore]) -> tuple[AppServer, RunStore]:
    """The same, without any run."""
    for run in server[1].all():
        server[1].delete(run.id)
    return server


def tick(page: Page, row: int) -> None:
    """Click the box before a row of the table, counted from 0."""
    table = page.locator(".st-key-runs-list").get_by_test_id("stDataFrame")
    expect(table).to_have_count(1)  # for a moment there is the table of before as well
    table.click(position={"x": 17, "y": 35 * row + 52})


def open_runs(page: Page, server: AppServer) -> None:
    page.goto(f"{server.url}/runs")
    expect(page.get_by_test_id("stDataFrame").locator("canvas").first).to_be_visible()
    settle(page)


def test_selected_runs_can_be_compared_renamed_and_deleted(
    page: Page, served: tuple[AppServer, RunStore]
) -> None:
    server, store = served
    first = stored_runs.store_run(store, STARTER, name="first")
    second = stored_runs.store_run(store, STARTER, name="second", epochs=2)
    open_runs(page, server)

    tick(page, 0)
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    place = page.locator(".st-key-runs-list").bounding_box()
    tick(page, 1)
    expect(page.get_by_text("“second” and “first”")).to_be_visible()
    # The table stays where it is, or the next click would tick another row.
    assert page.locator(".st-key-runs-list").bounding_box() == place
    expect(page).to_have_url(re.compile(f"runs={second.id}%2C{first.id}$"))
    expect(page.locator(".cifarviz-chart .legend").first).to_contain_text("second")
    expect(page.locator(".cifarviz-chart .legend").first).to_contain_text("first")

    # Back to one run.
    tick(page, 1)
    expect(page.get_by_role("heading", name="second")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame")).to_have_count(1)
    settle(page)
    page.get_by_role("button", name="Rename").click()
    field = page.get_by_role("dialog").get_by_label("Name", exact=True)
    field.fill("better")
    field.press("Enter")
    expect(page.get_by_role("heading", name="better")).to_be_visible()
    assert store.get(second.id).name == "better"

    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("better: 2 epochs with their curves")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert len(store.all()) == 2
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_text("1 run uses")).to_be_visible()
    assert [run.id for run in store.all()] == [first.id]


def test_an_empty_name_is_refused_with_a_message(
    page: Page, served: tuple[AppServer, RunStore]
) -> None:
    server, store = served
    run = stored_runs.store_run(store, STARTER, name="mine")
    open_runs(page, server)
    tick(page, 0)
    page.get_by_role("button", name="Rename").click()
    field = page.get_by_role("dialog").get_by_label("Name", exact=True)
    field.fill("  ")
    field.press("Enter")
    expect(page.get_by_text("A run's name has 1 to 100 characters")).to_be_visible()
    assert store.get(run.id).name == "mine"


def test_a_run_of_another_process_appears_and_updates(
    page: Page, served: tuple[AppServer, RunStore]
) -> None:
    server, store = served
    old = stored_runs.store_run(store, STARTER, name="old")
    open_runs(page, server)
    tick(page, 0)
    expect(page.get_by_role("heading", name="old")).to_be_visible()

    new = stored_runs.store_run(store, STARTER, name="new", state=RunState.RUNNING, epochs=1)
    with stored_runs.hold_lock(store, new):
        # Rows have moved down by one; the one that was ticked still is.
        expect(page.get_by_text("2 runs use")).to_be_visible(timeout=10_000)
        expect(page.get_by_role("heading", name="old")).to_be_visible()
        expect(page).to_have_url(re.compile(f"runs={old.id}$"))
        tick(page, 0)
        expect(page.get_by_text("“new” and “old”")).to_be_visible()
        tick(page, 1)
        expect(page.get_by_role("heading", name="new")).to_be_visible()
        page.get_by_role("button", name="Delete", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(
            dialog.get_by_text("“new” is running: stop it before you delete it.")
        ).to_be_visible()
        # It stays while the page behind it looks at the store once a second.
        page.wait_for_timeout(2500)
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        store.transition(new.id, RunState.FINISHED)
    expect(page.get_by_role("link", name="Open")).to_be_visible(timeout=10_000)
