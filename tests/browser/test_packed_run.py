"""A packed run brings its imported pictures to another home, in a real browser."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from cifarviz.data.importing.importer import prepare_import
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.runs.archive import pack
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs
from tests.picture_sources import fruits, write_zip


def test_a_packed_run_brings_its_pictures_to_another_home(
    app_server: Callable[..., AppServer], page: Page, tmp_path: Path, settings: Settings
) -> None:
    archive = write_zip(fruits(8), tmp_path / "fruits.zip")
    with prepare_import(archive, "fruits", settings) as prepared:
        experiment = fit_experiment(stored_runs.experiment(batch_size=1), prepared.store(settings))
    store = RunStore(settings)
    run = stored_runs.store_run(store, experiment, name="from afar")
    store.describe(run.id, train_images=10)
    for with_pictures in (False, True):
        pack(store, run.id, tmp_path / f"{with_pictures}.zip", with_pictures=with_pictures)
    server = app_server("app.py", environment={"CIFARVIZ_WARM_UP": "0"})
    missing = page.get_by_test_id("stMain").get_by_text("are not on this machine")
    for with_pictures, notice in ((False, "packed without the images"), (True, "imported with it")):
        page.goto(f"{server.url}/runs")
        page.get_by_role("button", name="Import a run").click()
        files = page.get_by_role("dialog").locator("input[type=file]")
        files.set_input_files(tmp_path / f"{with_pictures}.zip")
        expect(page.get_by_test_id("stToast").get_by_text(notice)).to_be_visible()
        expect(page.get_by_role("heading", name="from afar")).to_be_visible()
        expect(missing).to_have_count(0 if with_pictures else 1)
    page.goto(f"{server.url}/runs?runs={run.id}")
    settle(page)
    expect(missing).to_have_count(0)
