"""Inside in a real browser: what is computed in the background comes into the page by itself."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from tests import stored_runs


@pytest.fixture(scope="module")
def inside(
    app_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory
) -> tuple[AppServer, str]:
    """A server with a small run, and the run's id."""
    home = tmp_path_factory.mktemp("explanations") / "home"
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    made = stored_runs.experiment()
    run = stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    return app_server(home=home), run.id


def test_heatmaps_of_each_method_and_the_weights_view(
    page: Page, inside: tuple[AppServer, str]
) -> None:
    server, run = inside
    page.goto(f"{server.url}/inside?run={run}&image=3&heat=occlusion")
    heatmaps = page.get_by_role("img", name=re.compile("^Heatmap of "))
    expect(heatmaps).to_have_count(2, timeout=60_000)
    expect(page.get_by_text("A patch lowers the probability by up to")).to_have_count(2)
    page.get_by_role("combobox", name=re.compile("Method")).click()
    page.get_by_role("option", name="Ideal image").click()
    expect(page.get_by_text(re.compile("^Score .*; this image has "))).to_have_count(2)
    expect(heatmaps).to_have_count(2)
    page.get_by_role("radio", name="Weights").click()
    expect(page.get_by_role("heading", name="Weights over the epochs")).to_be_visible()
    page.get_by_role("radio", name="Activations").click()
    expect(page.get_by_text("The output of each layer that has weights")).to_be_visible()
    expect(page.locator(".cifarviz-chart .hm")).to_have_count(2)
