"""Evaluate's Ensemble view: choosing members, and their votes."""

import numpy as np
import pytest
import streamlit as st

from cifarviz.analysis.ensemble import Ensemble, combine
from cifarviz.data import library
from cifarviz.data.random_images import random_positions
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.experiment.choices import Data
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import checkpoint_predictions_path
from cifarviz.ui.state import LanguageMemory
from tests import stored_runs
from tests.pages.app_page import walk, widget
from tests.pages.ensemble_view import button, ids, opened, page_text, seeded, table
from tests.pages.evaluate_page import metrics

# The votes


def test_the_gain_of_the_ensemble_is_shown(members: list[Run], ensemble: Ensemble) -> None:
    app = opened(*ids(members))
    shown = metrics(app)
    best = int(np.argmax(ensemble.member_accuracies))
    assert shown["Ensemble, by sum"] == f"{ensemble.soft_accuracy:.1%}"
    assert shown["Ensemble, by majority"] == f"{ensemble.majority_accuracy:.1%}"
    assert shown[f"Best member ({best + 1} · seed {best + 1})"] == (
        f"{ensemble.member_accuracies[best]:.1%}"
    )
    assert shown["Gain of the ensemble"] == f"{100 * ensemble.gain:+.1f} points"
    assert "1,000 test images of the embedded CIFAR-10 sample" in page_text(app)
    assert "Published" not in page_text(app)
    assert not app.exception


def test_random_images_show_all_predictions(members: list[Run], ensemble: Ensemble) -> None:
    app = opened(*ids(members), seed=5)
    drawn = random_positions(len(ensemble), 10, 5)
    shown = table(app)
    assert shown["columns"] == ["1\nseed 1", "2\nseed 2", "3\nseed 3", "Ensemble"]
    assert shown["indices"] == ensemble.indices[drawn].tolist()
    for row, position in enumerate(drawn):
        assert shown["actual"][row] == CIFAR10.classes[ensemble.labels[position]]
        found = [*ensemble.members[:, position], ensemble.soft[position]]
        assert [cell[:2] for cell in shown["predictions"][row]] == [
            [CIFAR10.classes[index], bool(index == ensemble.labels[position])] for index in found
        ]
    button(app, "Draw again").click().run()
    assert table(app)["indices"] != shown["indices"]
    again = opened(*ids(members), seed=app.query_params["seed"])
    assert table(again)["indices"] == table(app)["indices"]
    assert not app.exception


@pytest.mark.parametrize("shown", ["mended", "spoiled"])
def test_corrected_and_worsened_images_can_be_selected(
    members: list[Run], ensemble: Ensemble, shown: str
) -> None:
    positions = {"mended": ensemble.corrected, "spoiled": ensemble.spoiled}[shown]
    app = opened(*ids(members), show=shown)
    assert f"**{len(positions()):,}** of 1,000 test images" in page_text(app)
    assert table(app)["indices"] == ensemble.indices[positions()[:10]].tolist()
    widget(app, "selectbox", "ensemble-member").select("2").run()
    assert app.query_params["member"] == "2"
    assert f"**{len(positions(1)):,}** of 1,000 test image" in page_text(app)
    assert table(app)["indices"] == ensemble.indices[positions(1)[:10]].tolist()
    second = opened(*ids(members), show=shown, page=2)
    assert table(second)["indices"] == ensemble.indices[positions()[10:20]].tolist()
    assert not app.exception


def test_classes_are_named_in_the_language_of_the_session(members: list[Run]) -> None:
    app = opened(*ids(members))
    app.session_state["language-memory"] = LanguageMemory("ko")
    app.run()
    assert set(table(app)["actual"]) <= set(CIFAR10.class_names("ko"))
    assert not app.exception


def test_a_suggestion_sets_the_members(members: list[Run]) -> None:
    app = opened()
    assert not app.metric
    button(app, "3 runs of “net”, seeds 1–3").click().run()
    assert app.query_params["members"] == ",".join(ids(members))
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_members_have_the_weights_chosen_for_their_runs(
    store: RunStore, three_weights: list[dict[str, np.ndarray]]
) -> None:
    kept = {"last": three_weights[0], "best": three_weights[1]}
    for seed in (1, 2):
        run = stored_runs.store_run(store, seeded(seed), name="net", checkpoints=kept)  # type: ignore[arg-type]
        stored_runs.raise_validation_loss(store, run, 3)
    second, first = store.all()
    store.prefer(first.id, "best")
    app = opened()
    next(button for button in app.button if button.label.startswith("2 runs of")).click().run()
    assert app.query_params["members"] == f"{first.id}@best,{second.id}"
    weights = next(group for group in app.button_group if group.key == "ensemble-weights")
    weights.set_value("last").run()
    assert app.query_params["members"] == f"{first.id},{second.id}"
    assert not app.exception


def test_the_menu_and_the_weights_change_the_address(members: list[Run]) -> None:
    app = opened(*ids(members))
    widget(app, "multiselect", "ensemble-members").unselect(members[1].id).run()
    assert app.query_params["members"] == f"{members[0].id},{members[2].id}"
    weights = next(group for group in app.button_group if group.key == "ensemble-weights")
    weights.set_value("best").run()
    assert app.query_params["members"] == f"{members[0].id}@best,{members[2].id}@best"
    assert app.query_params["weights"] == "best"
    assert metrics(app)["Gain of the ensemble"] == "+0.0 points"
    assert not app.exception


def test_a_run_with_best_weights_only_does_not_change_later_choices(
    store: RunStore, three_weights: list[dict[str, np.ndarray]]
) -> None:
    kept = {"last": three_weights[0], "best": three_weights[1]}
    both = stored_runs.store_run(store, seeded(1), name="both", checkpoints=kept)  # type: ignore[arg-type]
    lean = stored_runs.store_run(
        store, seeded(2, best_only=True), name="lean", checkpoints={"best": three_weights[2]}
    )
    app = opened()
    members = widget(app, "multiselect", "ensemble-members")
    members.select(f"{lean.id}@best").run()
    widget(app, "multiselect", "ensemble-members").select(both.id).run()
    assert app.query_params["members"] == f"{lean.id}@best,{both.id}"
    assert "weights" not in app.query_params
    assert not app.exception


def test_the_epochs_of_a_run_vote(store: RunStore) -> None:
    run = stored_runs.store_run(store, seeded(1, test_epochs=(1, 3)), name="epochs")
    test = library.load("cifar10", "sample", store.settings).test
    random = np.random.default_rng(0)
    kept = [random.dirichlet(np.ones(10), len(test)).astype(np.float32) for _ in range(2)]
    for epoch, probabilities in zip((1, 3), kept, strict=True):
        stored_runs.save_predictions(store, run, epoch, probabilities, test.indices)
    app = opened()
    button(app, "Epochs 1 and 3 of “epochs”").click().run()
    together = combine(
        [Predictions.from_probabilities(probabilities) for probabilities in kept],
        test.labels,
        test.indices,
    )
    assert metrics(app)["Ensemble, by sum"] == f"{together.soft_accuracy:.1%}"
    assert table(app)["columns"] == ["1\nepoch 1", "2\nepoch 3", "Ensemble"]
    assert not app.exception


def test_published_results_are_shown_for_members_of_the_preset(
    store: RunStore, three_weights: list[dict[str, np.ndarray]]
) -> None:
    made = [
        stored_runs.store_run(
            store,
            seeded(seed, preset="cifar10-ensemble"),
            name=f"m{seed}",
            checkpoints={"last": three_weights[seed]},
        )
        for seed in (0, 1)
    ]
    app = opened(*ids(made))
    # One image of 1,000 is a tenth of a percent, and the chart says no more either.
    assert "last member 66.0%, ensemble 70.1%, 4.1 points above it." in page_text(app)
    assert "the four members were the same object" in page_text(app)
    # The stored runs differ from the published experiment, which is reported for both at once.
    assert "The published results are of the unchanged preset. All 2 runs change it" in page_text(
        app
    )
    assert "embedded sample instead of full set" in page_text(app)
    assert "number of epochs 15 → 3" in page_text(app)
    assert "seed 0" not in page_text(app)
    assert "The published ensemble has 4 members, this one 2." in page_text(app)
    assert not app.exception


def test_the_published_variant_differs_in_its_data_only(store: RunStore) -> None:
    variant = PRESETS["cifar10-ensemble"].variants[0]
    test = library.load("cifar10", "sample", store.settings).test
    made = variant.experiment.model_copy(update={"seed": 7, "data": Data()})
    run = stored_runs.store_run(store, made, name="whole", epochs=60)
    random = np.random.default_rng(0)
    for epoch in made.test_epochs:
        answers = random.dirichlet(np.ones(10), len(test)).astype(np.float32)
        stored_runs.save_predictions(store, run, epoch, answers, test.indices)
    app = opened(*(f"{run.id}@{epoch}" for epoch in made.test_epochs))
    (warning,) = [caption.value for caption in app.caption if "unchanged preset" in caption.value]
    # The data alone differ: not the epochs, which are those of the way it was run in.
    changed = warning.replace("\\", "").partition("changes it: ")[2]
    assert changed == "embedded sample instead of full set."
    assert not app.exception


# One image


def test_an_image_shows_each_prediction_with_a_link(members: list[Run], ensemble: Ensemble) -> None:
    index = int(ensemble.indices[17])
    app = opened(*ids(members), image=index)
    actual = CIFAR10.classes[ensemble.labels[17]]
    together = CIFAR10.classes[ensemble.soft[17]]
    assert f"Test image {index}: {actual}" in page_text(app)
    share = ensemble.mean_probabilities[17, ensemble.soft[17]]
    assert f"Ensemble: **{together}**, {share:.1%}" in page_text(app)
    links = [link.proto for link in walk(app._tree) if link.type == "page_link"]
    led = [link for link in links if link.page == "predict"]
    assert [link.label for link in led] == ["1 · seed 1", "2 · seed 2", "3 · seed 3"]
    for run, link in zip(members, led, strict=True):
        assert f"run={run.id}&checkpoint=last&split=test&image={index}" in link.query_string
    button(app, "Close").click().run()
    assert "image" not in app.query_params
    assert not app.exception


def test_members_without_weights_have_no_link(
    store: RunStore, three_weights: list[dict[str, np.ndarray]]
) -> None:
    run = stored_runs.store_run(
        store,
        seeded(1, test_epochs=(1, 3)),
        name="epochs",
        checkpoints={"last": three_weights[0]},
    )
    test = library.load("cifar10", "sample", store.settings).test
    for epoch in (1, 3):
        answers = np.full((len(test), 10), 0.1, np.float32)
        stored_runs.save_predictions(store, run, epoch, answers, test.indices)
    app = opened(f"{run.id}@1", f"{run.id}@3", image=int(test.indices[0]))
    led = [
        link.proto
        for link in walk(app._tree)
        if link.type == "page_link" and link.proto.page == "predict"
    ]
    # As it ended it is what it was after epoch 3.
    assert [link.label for link in led] == ["2 · epoch 3"]
    assert "checkpoint=last" in led[0].query_string
    assert "Member 1: only predictions of this epoch were saved, not its weights" in page_text(app)
    assert not app.exception


# Choosing


def test_members_on_full_set_and_sample_vote_on_the_sample(
    store: RunStore, three_weights: list[dict[str, np.ndarray]]
) -> None:
    st.cache_resource.clear()
    full = stored_runs.store_run(
        store,
        seeded(1, data=Data(variant="full")),
        name="full",
        checkpoints={"last": three_weights[0]},
    )
    sample = stored_runs.store_run(
        store, seeded(2), name="s", checkpoints={"last": three_weights[1]}
    )
    app = opened(full.id, sample.id)
    assert "not all members were trained on the full set" in page_text(app)
    assert checkpoint_predictions_path(store.folder(sample.id), "last").is_file()
    assert not checkpoint_predictions_path(store.folder(full.id), "last").exists()
    assert not app.exception
