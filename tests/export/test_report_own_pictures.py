"""A report on imported pictures shows them only where that was asked for."""

from pathlib import Path

import pytest

from cifarviz.data import library
from cifarviz.data.importing.importer import prepare_import
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.export.report.contents import gather
from cifarviz.export.report.page import report
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.export.report_page import ReportPage
from tests.picture_sources import fruits, write_folder


@pytest.fixture
def runs(settings: Settings, tmp_path: Path) -> list[Run]:
    """A run on imported pictures, and one on a published data set."""
    pictures = write_folder(fruits(20), tmp_path / "pictures")
    with prepare_import(pictures, "fruits", settings) as prepared:
        info = prepared.store(settings)
    published = stored_runs.experiment()
    store = RunStore(settings)
    return [
        stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
        for made in (fit_experiment(published, info), published)
    ]


IMAGE = '<img src="data:image/png'


def page(settings: Settings, runs: list[Run], *, with_pictures: bool) -> str:
    from cifarviz.analysis.trained_model import open_checkpoint

    store = RunStore(settings)
    contents = gather(
        store,
        runs,
        lambda run, checkpoint: open_checkpoint(store, run, checkpoint),
        lambda run: library.load(
            run.experiment.data.dataset, run.experiment.data.variant, settings
        ),
        with_pictures=with_pictures,
    )
    return report(contents)


def test_a_report_has_mistakes_but_no_pictures(settings: Settings, runs: list[Run]) -> None:
    without = page(settings, runs[:1], with_pictures=False)
    assert IMAGE not in without
    text = ReportPage(without).text
    assert "its pictures and their feature maps are left out" in text
    assert "mistakes with the weights" in text
    assert "Feature maps" not in text
    pictured = page(settings, runs[:1], with_pictures=True)
    assert IMAGE in pictured
    assert "left out" not in ReportPage(pictured).text
    assert "Feature maps" in ReportPage(pictured).text


def test_published_pictures_are_shown_beside_a_run_without(
    settings: Settings, runs: list[Run]
) -> None:
    both, published, own = (
        page(settings, chosen, with_pictures=False).count(IMAGE)
        for chosen in (runs, runs[1:] * 2, runs[:1])
    )
    assert own == 0
    assert both == published / 2 > 0
