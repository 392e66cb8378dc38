"""Predict: several networks for one picture."""

from collections.abc import Mapping

import numpy as np
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_path
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.components import chart, component_keys
from tests.pages.app_page import address_of, widget
from tests.pages.predict_page import errors, opened, text

COMPARISON = "predict-comparison"


def shares(app: AppTest) -> np.ndarray:
    _, numbers = chart(app, COMPARISON)["data"]
    return np.array(numbers["meta"]["onScale"]).reshape(-1, 10)


def test_runs_side_by_side_and_their_mean(
    members: list[Run], shared_members: tuple[Settings, list[Run]]
) -> None:
    settings = shared_members[0]
    first, *others = members
    app = opened(run=first.id, image=3, checkpoint="last", view="compare")
    assert COMPARISON not in component_keys(app)
    options = widget(app, "multiselect", "predict-with").options
    assert [any(f"seed {number}" in one for one in options) for number in (1, 2, 3)] == [
        False, True, True,
    ]  # fmt: skip
    app.button(key="predict-offer-1").click().run()
    assert set(address_of(app)["with"].split(",")) == {one.id for one in others}
    test = library.load("cifar10", "sample", settings).test.having([3])
    by_id = {
        one.id: open_checkpoint(RunStore(settings), one, "last").probabilities(test.images)[0]
        for one in members
    }
    shown = [first.id, *address_of(app)["with"].split(",")]
    expected = np.stack([by_id[one] for one in shown])
    np.testing.assert_allclose(shares(app)[:-1], expected, atol=1e-5)
    np.testing.assert_allclose(shares(app)[-1], expected.mean(axis=0), atol=1e-5)
    assert "Together the networks predict" in text(app)
    assert not app.exception


def test_epochs_side_by_side_and_one_whose_weights_are_gone(trained: Run, store: RunStore) -> None:
    app = opened(run=trained.id, image=3, view="compare", **{"with": f"{trained.id}@1"})
    assert shares(app).shape == (3, 10)
    widget(app, "multiselect", "predict-with").set_value([]).run()
    assert "with" not in address_of(app)
    snapshot_path(store.folder(trained.id), "weights", 1).unlink()
    app = opened(run=trained.id, image=3, view="compare", **{"with": f"{trained.id}@1"})
    assert "epoch 1" in "".join(errors(app))
    assert not app.exception


def test_what_is_unknown_in_the_address_is_reported(linked: Mapping[str, str]) -> None:
    clothes = linked["CLOTHES"]
    app = opened(run=linked["MINE"], image=3, view="compare", **{"with": f"zzz,{clothes}"})
    assert len(errors(app)) == 2
    app = opened(run=linked["MINE"], image=3, view="nothing")
    assert "Predict has no view “nothing”" in errors(app)[0]
    assert not app.exception
