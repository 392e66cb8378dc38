"""Damaged runs are listed on the pages and cannot be used."""

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from scripts.app_server import ROOT
from tests import stored_runs
from tests.components import live_items
from tests.pages.app_page import opened_by_link
from tests.pages.conftest import Arrays
from tests.pages.runs_page import buttons, links, opened, page_texts, press

MILLISECONDS = 1764329000000.0
DAMAGES = (
    ("created = ?, started = ?, ended = ?", (MILLISECONDS,) * 3),
    ("state = ?", ("archived",)),
    ("experiment = ?", ("{}",)),
    ("name = ?, seconds = ?", (b"\xff", "long")),
)


@pytest.fixture
def sound(store: RunStore, weights: Arrays) -> Run:
    return stored_runs.store_run(
        store, stored_runs.experiment(), name="sound", checkpoints={"last": weights}
    )


@pytest.fixture
def damaged(store: RunStore) -> list[str]:
    """The ids of runs with a damage of each kind, which have a checkpoint, too."""
    ids = []
    for columns, values in DAMAGES:
        run = stored_runs.store_run(store, stored_runs.experiment(), name="a *bad* one")
        stored_runs.add_checkpoint(store, run)
        with store.database.connect(write=True) as connection:
            connection.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*values, run.id))
        ids.append(run.id)
    return ids


def test_damaged_runs_are_listed_with_their_problem(sound: Run, damaged: list[str]) -> None:
    app = opened()
    rows = app.dataframe[0].value.set_index("Name")
    assert rows.loc["sound", "State"] == "finished"
    assert list(rows["State"]).count("damaged") == len(damaged)
    words = "\n".join(page_texts(app))
    for run_id, wrong in zip(
        damaged, ("“created”", "“state”", "experiment", "“name”"), strict=True
    ):
        assert any(run_id in line and wrong in line for line in words.splitlines())
    assert not app.exception


def test_each_damaged_run_can_be_deleted(store: RunStore, sound: Run, damaged: list[str]) -> None:
    for run_id in damaged:
        app = opened(run_id)
        assert "Resume" not in buttons(app)
        assert "so it can only be deleted" in "\n".join(page_texts(app))
        press(app, "Delete")
        assert "Delete permanently" in buttons(app)
        assert not app.exception
        store.delete(run_id)
    assert [run.id for run in store.all()] == [sound.id]


def test_an_intact_run_selected_with_a_damaged_one_is_drawn(sound: Run, damaged: list[str]) -> None:
    app = opened(sound.id, *damaged)
    assert not app.exception
    assert not app.error


def test_start_shows_damaged_runs_with_a_link_to_delete_them(
    sound: Run, damaged: list[str]
) -> None:
    app = opened_by_link("start")
    assert ":red-badge[damaged]" in "\n".join(page_texts(app))
    assert links(app)["Delete on the Runs page"].startswith("runs?runs=")
    assert not app.exception


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("inside", {}),
        ("evaluate", {}),
        *(("evaluate", {"view": view}) for view in ("ensemble", "map", "doubts")),
        ("predict", {}),
        ("present", {}),
        ("tune", {}),
        ("lab", {}),
        ("train", {"view": "watch"}),
        ("train", {"view": "setup"}),
    ],
)
def test_other_pages_leave_damaged_runs_out(
    sound: Run, damaged: list[str], page: str, address: dict[str, str]
) -> None:
    app = opened_by_link(page, **address)
    assert not app.exception
    assert not app.error
    menus = [one for one in app.selectbox if one.label == "Run" and page != "present"]
    for menu in menus:
        assert [option.split(" ")[0] for option in menu.options] == ["sound"]


@pytest.mark.parametrize("page", ["inside", "evaluate", "predict", "train"])
def test_pages_report_a_damaged_run_in_the_address(
    sound: Run, damaged: list[str], page: str
) -> None:
    more = {"view": "watch"} if page == "train" else {}
    app = opened_by_link(page, run=damaged[0], **more)
    assert "is damaged" in app.error[0].value
    assert not app.exception


def test_a_damaged_run_with_an_owner_is_shown_in_the_sidebar(store: RunStore) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), state=RunState.RUNNING, epochs=1, name="at work"
    )
    with stored_runs.hold_lock(store, run):
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE runs SET state = 'running', ended = NULL, started = -1")
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        assert live_items(app, "status")["current"]["badge"] == "damaged"
        assert not app.exception
