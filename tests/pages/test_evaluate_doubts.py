"""Evaluate's Label doubts view: its order, marks and what it finds of labels made wrong."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.ensemble import Ensemble
from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.experiment.choices import Data
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.recorded import hide_recorded_run, recorded_series
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import save_predictions
from cifarviz.runs.store import RunStore
from cifarviz.training.plan import make_plan
from tests import stored_runs
from tests.components import chart, image_grid, ringed_tile
from tests.pages.app_page import address_of, opened_from_start
from tests.pages.ensemble_view import button, ids, page_text
from tests.pages.evaluate_page import errors, metrics
from tests.stored_runs import Arrays


def opened(*members: str, **address: object) -> AppTest:
    named = {"members": ",".join(members)} if members else {}
    return opened_from_start("evaluate", **{"view": "doubts", **named, **address})


def shown(app: AppTest) -> list[int]:
    """The official numbers of the images in the grid."""
    return [
        int(tip.split(":")[0].split()[-1]) for tip in image_grid(app, "doubts-grid")["tooltips"]
    ]


def test_test_images_with_the_least_probable_label_come_first(
    members: list[Run], ensemble: Ensemble
) -> None:
    app = opened(*ids(members))
    assert not app.exception
    means = ensemble.probabilities.astype(np.float64).mean(axis=0)
    of_label = means[np.arange(len(means)), ensemble.labels]
    assert shown(app) == ensemble.indices[np.argsort(of_label, kind="stable")][:32].tolist()
    margins = np.where(np.eye(10, dtype=bool)[ensemble.labels], -1, means).max(axis=1) - of_label
    by_margin = opened(*ids(members), rank="margin")
    assert shown(by_margin) == ensemble.indices[np.argsort(-margins, kind="stable")][:32].tolist()
    assert (
        metrics(app)["Another class is likelier"] == f"{(means.argmax(1) != ensemble.labels).sum()}"
    )
    first = int(np.argmin(of_label))
    guess = means[first].argmax()
    agreeing = (ensemble.members[:, first] == guess).sum()
    assert f"{agreeing} of 3 networks predict" in page_text(app)


def test_a_mark_lasts_and_leads_to_the_next_image(members: list[Run]) -> None:
    app = opened(*ids(members))
    first, second, third = shown(app)[:3]
    assert ringed_tile(app, "doubts-grid") == 0
    button(app, "Label is wrong").click().run()
    assert address_of(app)["picture"] == str(second)
    assert ringed_tile(app, "doubts-grid") == 1
    assert image_grid(app, "doubts-grid")["labels"][0].endswith("\n✗ wrong")
    button(app, "Can't tell").click().run()
    assert address_of(app)["picture"] == str(third)
    assert "2 judged by you" in page_text(app)
    # Marked again, the mark is taken off.
    app.query_params["picture"] = str(first)
    app.run()
    button(app, "Label is wrong").click().run()
    assert "1 judged by you" in page_text(app)


def test_training_images_are_judged_by_runs_that_held_them_out(
    store: RunStore, weights: Arrays
) -> None:
    train = library.load("cifar10", "sample", store.settings).train
    runs = []
    for number, part in enumerate((slice(0, 40), slice(20, 60))):
        run = stored_runs.store_run(
            store, stored_runs.experiment(seed=number), checkpoints={"last": weights}
        )
        images = train.take(np.arange(60)[part])
        # All are predicted as labelled, but one.
        predicted = np.where(
            images.indices == train.indices[30], (images.labels + 1) % 10, images.labels
        )
        save_predictions(
            FolderArtifacts(store.folder(run.id)),
            3,
            "train",
            images.indices,
            Predictions.from_probabilities(np.full((40, 10), 0.03) + 0.7 * np.eye(10)[predicted]),
        )
        runs.append(run.id)
    app = opened(*runs, images="held-out")
    assert "60 of 5,000 training images" in page_text(app)
    assert "each is judged by 1 to 2 networks" in page_text(app)
    assert shown(app)[0] == train.indices[30]
    assert metrics(app)["Another class is likelier"] == "1"
    assert "2 of 2 networks predict" in page_text(app)
    # One run is enough here.
    alone = opened(runs[0], images="held-out")
    assert "40 of 5,000 training images, those that the run held out" in page_text(alone)


@pytest.fixture
def noisy(store: RunStore, weights: Arrays) -> tuple[Run, np.ndarray]:
    """A run with 40 wrong labels, of which its best epoch sees through 30, and which they are."""
    data = Data(train_images=200, wrong_labels=0.2)
    made = stored_runs.experiment(data=data, validation={"kind": "test"})
    run = stored_runs.store_run(store, made, checkpoints={"last": weights})
    plan = make_plan(run.experiment, library.load("cifar10", "sample", store.settings))
    tracked = plan.train.take(plan.tracked)
    true = plan.true_labels[plan.tracked]
    wrong = np.flatnonzero(tracked.labels != true)
    for epoch, seen in ((1, wrong[:5]), (2, wrong[:20]), (3, wrong[:30])):
        predicted = tracked.labels.copy()
        predicted[seen] = true[seen]
        save_predictions(
            FolderArtifacts(store.folder(run.id)),
            epoch,
            "train",
            tracked.indices,
            Predictions.from_probabilities(np.full((80, 10), 0.03) + 0.7 * np.eye(10)[predicted]),
            kind="train_predictions",
        )
    return run, tracked.indices[wrong]


def test_labels_made_wrong_are_counted(noisy: tuple[Run, np.ndarray]) -> None:
    run, wrong = noisy
    app = opened(run.id)
    assert not app.exception
    assert "80 training images" in page_text(app)
    assert "20% of its labels were made wrong" in page_text(app)
    # 30 of the 40 are doubted, and come first; the others look like correct labels.
    assert metrics(app)["Precision at 40"]
    app = opened(run.id, k=30)
    assert metrics(app)["Precision at 30"] == "100.0%"
    assert metrics(app)["Recall at 30"] == "75.0%"
    assert metrics(app)["Suspected labels"] == "30"
    assert set(shown(app)[:30]) <= set(wrong.tolist())
    precision = chart(app, "label-detection")["data"][0]
    assert precision["name"] == "Precision"
    # What it should be is told once the image is judged.
    assert "made wrong; in the data set it is" not in page_text(app)
    first = shown(app)[0]
    button(app, "Label is wrong").click().run()
    app.query_params["picture"] = str(first)
    assert "made wrong; in the data set it is" in page_text(app.run())


def test_what_cannot_be_judged_is_explained(run: Run, members: list[Run]) -> None:
    assert "An ensemble needs at least two members" in page_text(opened(members[0].id))
    app = opened(members[0].id, images="held-out")
    assert "judges none: it held no training images out" in page_text(app)
    assert "Choose others." in page_text(app)
    app = opened(*ids(members), images="wrong", rank="size")
    assert "There are no images “wrong” here: test, held-out." in errors(app)
    assert "There is no order “size”: confidence, margin." in errors(app)


def test_the_most_accurate_networks_judge_at_first(store: RunStore, weights: Arrays) -> None:
    assert "Choose two or more networks above" in page_text(opened())
    # After one epoch validation accuracy is 33 %, after three 78 %.
    _, *good = [
        stored_runs.store_run(
            store, stored_runs.experiment(seed=seed), epochs=epochs, checkpoints={"last": weights}
        )
        for seed, epochs in enumerate((1, 3, 3))
    ]
    app = opened()
    assert set(address_of(app)["members"].split(",")) == set(ids(good))
    # By these untrained weights nearly all labels are doubted.
    assert "so most of their doubts are their own mistakes" in page_text(app)


def test_recorded_networks_judge_where_ones_own_are_too_few(
    store: RunStore, weights: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARVIZ_RECORDED", "1")
    hide_recorded_run(store)
    stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": weights})
    members = address_of(opened())["members"].split(",")
    series = recorded_series(store, "duel")
    assert series is not None
    assert members == list(series.run_ids)


def test_reliable_networks_have_no_warning(store: RunStore, weights: Arrays) -> None:
    train = library.load("cifar10", "sample", store.settings).train
    runs = []
    for seed, epochs in enumerate((1, 3, 3)):
        run = stored_runs.store_run(
            store, stored_runs.experiment(seed=seed), epochs=epochs, checkpoints={"last": weights}
        )
        images = train.take(np.arange(50))
        right = 0.9 * np.eye(10)[images.labels] + 0.01
        save_predictions(
            FolderArtifacts(store.folder(run.id)),
            epochs,
            "train",
            images.indices,
            Predictions.from_probabilities(right if epochs == 3 else right[:, ::-1]),
        )
        runs.append(run.id)
    reliable = opened(*runs[1:], images="held-out")
    assert "their own mistakes" not in page_text(reliable)
    weak = opened(runs[0], images="held-out")
    assert "predict the label of only" in page_text(weak)
    button(weak, "Use the 2 most accurate networks").click().run()
    assert set(address_of(weak)["members"].split(",")) == set(runs[1:])
    assert "their own mistakes" not in page_text(weak)


def test_the_label_is_among_the_bars(members: list[Run], ensemble: Ensemble) -> None:
    app = opened(*ids(members))
    label = int(ensemble.labels[ensemble.indices == shown(app)[0]][0])
    [bars] = chart(app, "doubts-image")["data"]
    assert len(bars["y"]) == 5
    assert f"<b>{CIFAR10.classes[label]} ✓</b>" in bars["y"]
