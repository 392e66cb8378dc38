"""The Lab page: transfer."""

from collections.abc import Iterator

import pytest

from cifarviz.runs.series import save_series
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from tests import stored_runs
from tests.components import components
from tests.pages.lab_page import opened, page_text


@pytest.fixture
def store(store: RunStore) -> Iterator[RunStore]:
    """An empty home of this test's own, and nothing left at work in it."""
    yield store
    for run in store.active():
        store.request(run.id, "stop")  # type: ignore[arg-type]
        cache.worker().wait(run.id, 30)


def test_transfer_makes_its_data_sets_first(store: RunStore) -> None:
    app = opened(view="transfer", data="fashion-mnist")
    text = page_text(app)
    assert "First: T-shirt/top, Trouser, Pullover, Dress, Coat." in text
    assert "This needs two data sets, each with half of the classes." in text
    (make,) = [button for button in app.button if button.label == "Make two data sets"]
    make.click().run()
    text = page_text(app)
    assert "Trains a network on 2,500 images of the first classes for 25 epochs, then 2" in text
    assert "on 100 images of the others for 30 epochs each, from seed 1" in text
    assert app.button(key="lab-train").label == "Train 3 runs"
    assert not app.error
    assert not app.exception


def test_transfer_compares_all_runs_but_the_one_it_starts_from(store: RunStore) -> None:
    made = stored_runs.experiment()
    first = stored_runs.store_run(store, made, name="other classes first")
    takes = stored_runs.experiment(transfer={"run": first.id, "layers": 4})
    runs = [
        first,
        stored_runs.store_run(store, made, name="random weights"),
        stored_runs.store_run(store, takes, name="layers taken"),
    ]
    for run in runs:
        store.describe(run.id, validation_images=1000)
    series = save_series(store, "transfer", "Transfer", [(run.id, run.name) for run in runs])
    app = opened(view="transfer", series=series.id)
    assert "What was learned on other classes does not clearly help" in page_text(app)
    drawn = str(components(app, "chart"))
    assert "random weights" in drawn
    assert "other classes first" not in drawn
    assert app.dataframe[0].value.iloc[:, 0].tolist() == [run.name for run in runs]
    assert not app.exception
