"""A lost or damaged index is named on Start and Runs, with the command that makes it anew."""

from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages.app_page import opened_by_link


def lost(store: RunStore, content: bytes) -> Run:
    run = stored_runs.store_run(store, stored_runs.experiment())
    for path in store.settings.home.glob("runs.sqlite3*"):
        path.unlink()
    store.database.path.write_bytes(content)
    return run


def test_a_lost_index_is_named_on_start_and_runs(store: RunStore) -> None:
    lost(store, b"")
    for page in ("start", "runs"):
        app = opened_by_link(page)
        assert not app.exception
        assert [warning.value for warning in app.warning if "repair" in warning.value]


def test_a_damaged_index_is_named_and_the_rest_of_start_is_drawn(store: RunStore) -> None:
    lost(store, b"nothing" * 5000)
    app = opened_by_link("start")
    assert not app.exception
    assert any("repair” makes the list anew" in error.value for error in app.error)
    assert app.title[0].value == "cifarviz"
