"""Present: missing or damaged runs, scenes and files."""

import pytest

from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.components import epoch_slider, presenter
from tests.pages.present_page import SCENES, opened, page_text, title


@pytest.mark.parametrize("scene", SCENES)
def test_a_run_that_failed_at_once_is_explained(store: RunStore, scene: str) -> None:
    run = stored_runs.store_run(
        store,
        stored_runs.experiment(),
        state=RunState.FAILED,
        epochs=0,
        message="The loss was no longer a number.",
    )
    app = opened(scene, run=run.id)
    assert not app.error
    assert presenter(app)["shown"] == scene
    if scene in ("training", "overfitting", "maps", "mistakes", "photo"):
        assert "mine" in page_text(app)


def test_a_run_without_snapshots_is_explained(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    assert "has neither saved feature maps nor weights" in page_text(opened("maps", run=run.id))
    assert "has neither saved predictions nor weights" in page_text(opened("mistakes", run=run.id))
    assert "has no weights" in page_text(opened("photo", run=run.id))
    assert title(opened("overfitting", run=run.id)) == "Too early to say"


def test_damaged_maps_are_reported_and_the_slider_stays(trained: Run, store: RunStore) -> None:
    snapshot_path(store.folder(trained.id), "weights", 1).write_bytes(b"nothing")
    app = opened("maps", run=trained.id, epoch=1)
    assert "damaged" in app.error[0].value
    assert epoch_slider(app)["shown"] == 1


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"scene": "zzz"}, "There is no scene “zzz”"),
        ({"run": "zzz"}, "There is no run “zzz”. “mine” is shown instead"),
        ({"scene": "training", "at": "x"}, "“x” is not an epoch"),
        ({"scene": "training", "pace": "99x"}, "cannot be replayed at “99x”"),
        ({"scene": "maps", "layer": "zzz"}, "This network has no layer “zzz” with maps"),
        ({"scene": "maps", "image": "99"}, "Picture “99” is not pinned"),
        ({"scene": "maps", "epoch": "40"}, "saved nothing of epoch “40”, so epoch 3 is shown"),
    ],
)
def test_unknown_query_values_are_reported(
    trained: Run, address: dict[str, str], words: str
) -> None:
    app = opened(**address)
    assert words in page_text(app)
    assert not app.error
    assert app.title
    assert presenter(app)["shown"] == address.get("scene", "data").replace("zzz", "data")


@pytest.mark.parametrize("scene", SCENES)
def test_without_runs_each_scene_has_a_message(store: RunStore, scene: str) -> None:
    app = opened(scene)
    words = page_text(app)
    assert ("This scene needs a trained network" in words) == (scene != "data")
    assert presenter(app)["shown"] == scene


def test_without_runs_there_is_no_duel(store: RunStore) -> None:
    app = opened("duel")
    assert "There is no scene “duel” here: it needs a run of a duel" in page_text(app)
    assert not app.exception
