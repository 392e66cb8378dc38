"""Tune › Studies: the form of a study, its address, and a study as it goes on."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.experiment.address import pack_changes, preset_draft
from cifarviz.experiment.choices import SplitValidation
from cifarviz.experiment.parameters import Choices, Range
from cifarviz.experiment.study import Study
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.studies import (
    StudyRecord,
    acquire_study,
    add_trial,
    all_studies,
    create_study,
    end_study,
    mark_pruned,
    set_study_seconds,
    stored_trials,
)
from cifarviz.ui import cache
from tests import stored_runs
from tests.components import live_texts
from tests.pages.app_page import address_of, opened_by_link, walk, widget
from tests.waiting import wait_until


@pytest.fixture
def store(store: RunStore) -> Iterator[RunStore]:
    """An empty home of this test's own, and nothing left at work in it."""
    yield store
    for record in all_studies(store):
        end_study(store, record.id, "stopped", "The test is over.")
    for run in store.active():
        store.request(run.id, Action.STOP)
        cache.worker().wait(run.id, 30)
    for record in all_studies(store):
        cache.studies().wait(record.id, 30)


def opened(**address: object) -> AppTest:
    return opened_by_link("tune", view="studies", **address)


def page_text(app: AppTest) -> str:
    found = [*app.error, *app.warning, *app.info, *app.header, *app.markdown, *app.caption]
    return "\n".join([*(one.value.replace("\\", "") for one in found), *live_texts(app)])


def links(app: AppTest) -> list[str]:
    return [one.proto.label for one in walk(app._tree) if one.type == "page_link"]


def labels(app: AppTest) -> list[str]:
    return [one.label for one in app.button]


def tiny_study(**fields: object) -> Study:
    rate = Range(key="learning_rate", low=1e-4, high=1e-1, log=True)
    kinds = Choices(key="optimizer", values=("adam", "sgd"))
    plain = [rate.model_dump(), kinds.model_dump()]
    base = stored_runs.experiment(validation=SplitValidation())
    return Study.make(**{"base": base, "parameters": plain, **fields})


def stored_study(store: RunStore, **fields: object) -> StudyRecord:
    """A study of three trials, whose second was ended early."""
    study = tiny_study(**{"trials": 3, **fields})
    record = create_study(store, study, "Rates")
    for number, (rate, kind) in enumerate([(1e-3, "adam"), (1e-4, "sgd"), (3e-3, "adam")], 1):
        state = RunState.STOPPED if number == 2 else RunState.FINISHED
        run = stored_runs.store_run(
            store,
            study.base,
            name=f"Rates, trial {number}",
            state=state,
            epochs=1 if number == 2 else 3,
        )
        add_trial(store, record.id, run.id, {"learning_rate": rate, "optimizer": kind}, "")
        if number == 2:
            mark_pruned(store, record.id, run.id, 1)
    return record


def test_a_study_is_set_up_with_the_learning_rate_at_first(store: RunStore) -> None:
    app = opened()
    assert "**Learning rate** :gray[now 0.001]" in page_text(app)
    assert address_of(app)["vary"] == "learning_rate=log:0.0001:0.01"
    assert "Start 20 trials" in labels(app)
    assert "for all trials, less where trials end early" in page_text(app)
    assert "Change on Train" in links(app)


def test_values_are_added_changed_and_removed(store: RunStore) -> None:
    app = opened()
    [adding] = [one for one in app.selectbox if one.label == "Vary something else"]
    adding.select("batch_size").run()
    assert address_of(app)["vary"].endswith(";batch_size=16,32,64,128")
    widget(app, "text_input", "tune-batch_size-list").input("8, 64").run()
    assert address_of(app)["vary"].endswith(";batch_size=8,64")
    widget(app, "text_input", "tune-learning_rate-to").input("0.1").run()
    assert address_of(app)["vary"].startswith("learning_rate=log:0.0001:0.1;")
    widget(app, "button_group", "tune-learning_rate-kind").set_value("range").run()
    assert address_of(app)["vary"].startswith("learning_rate=range:0.0001:0.1;")
    app.button(key="tune-learning_rate-remove").click().run()
    assert address_of(app)["vary"] == "batch_size=8,64"
    app.button(key="tune-batch_size-remove").click().run()
    assert "Add at least one value to vary." in page_text(app)
    assert app.button(key="tune-not-yet").disabled
    assert not app.exception


@pytest.mark.parametrize(
    ("vary", "problem"),
    [
        ("learning_rate=log:abc:1", "“abc” is no number"),
        ("learning_rate=log::1", "one is empty"),
        ("learning_rate=log:1:0.1", "make its highest value larger"),
        ("batch_size=0,8", "“batch size” cannot be 0"),
        ("speed=1,2", "“speed” cannot be varied in these settings"),
        ("layers.44.filters=1,2", "cannot be varied in these settings"),
        ("optimizer=adam", "at least two choices"),
    ],
)
def test_what_cannot_be_tried_is_said_and_nothing_is_lost(
    store: RunStore, vary: str, problem: str
) -> None:
    app = opened(vary=f"{vary};flip=on,off")
    assert problem in page_text(app)
    assert app.button(key="tune-not-yet").disabled
    assert address_of(app)["vary"] == f"{vary};flip=on,off"
    assert not app.exception


def test_the_address_holds_the_form(store: RunStore) -> None:
    draft = preset_draft("cifar10-vgg", 1).with_value("epochs", 3)
    app = opened(
        preset="cifar10-vgg",
        changes=pack_changes(draft),
        vary="dropout=range:0:0.5:3;optimizer=adam,sgd",
        sampler="grid",
        pruner="halving",
        goal="loss",
        trials=30,
        minutes=5,
    )
    text = page_text(app)
    assert "Tries every combination" in text
    assert "Compares trials after 1, 2, 4" in text
    # A grid has no more trials than combinations.
    assert "Start 6 trials" in labels(app)
    assert app.number_input(key="tune-minutes").value == 5


def test_a_base_that_cannot_be_trained_is_sent_to_train(store: RunStore) -> None:
    draft = preset_draft("cifar10-starter", 1).with_value("epochs", "many")
    app = opened(preset="cifar10-starter", changes=pack_changes(draft))
    assert "epochs must be a whole number" in page_text(app)
    assert "Mend it on Train" in links(app)


def test_a_base_without_validation_is_offered_a_split(store: RunStore) -> None:
    app = opened(preset="cifar10-90")
    assert "These settings validate on no images" in page_text(app)
    assert app.button(key="tune-not-yet").disabled
    assert not app.error
    assert app.button(key="tune-hold-back").label == "Hold back 20% of the training images"
    app.button(key="tune-hold-back").click().run()
    assert "validate on no images" not in page_text(app)
    assert "validation none → split of the training images" in page_text(app)
    assert app.button(key="tune-start")


def test_a_press_starts_the_study_and_shows_it(store: RunStore) -> None:
    draft = preset_draft("cifar10-starter", 1).with_value("epochs", 1).with_value("batch_size", 64)
    data = {**draft.section("data"), "variant": "sample", "train_images": 64}
    packed = pack_changes(draft.with_value("data", data))
    app = opened(preset="cifar10-starter", changes=packed, trials=2)
    app.text_input(key="tune-name").input("My study").run()
    app.button(key="tune-start").click().run()
    [record] = all_studies(store)
    assert record.title == "My study"
    assert address_of(app)["study"] == record.id
    assert "My study" in [one.value for one in app.header]
    wait_until(lambda: cache.studies().wait(record.id, 0))
    app.run()
    assert "2 of 2 trials have ended" in page_text(app)
    assert [trial.run.name for trial in stored_trials(store, record.id)] == [
        "My study, trial 1",
        "My study, trial 2",
    ]


def test_a_finished_study_shows_its_best_and_how_to_go_on(store: RunStore) -> None:
    record = stored_study(store)
    end_study(store, record.id, "finished", "All trials have ended.")
    app = opened(study=record.id)
    text = page_text(app)
    assert not app.exception
    assert "3 of 3 trials have ended." in text
    assert "Search: TPE (learns from earlier trials) · ends early: median" in text
    assert "chosen by its validation images" in text
    assert "Ask the test images about the best" in links(app)
    assert {"20 more trials", "Delete the study", "New study"} <= set(labels(app))
    assert "Go on" not in labels(app)
    app.button(key="tune-new").click().run()
    assert "study" not in address_of(app)
    assert [label for label in links(app) if label.startswith("Rates, ")]


def test_a_study_validated_on_the_test_images_asks_them_no_more(store: RunStore) -> None:
    record = stored_study(store, base=stored_runs.experiment())
    end_study(store, record.id, "finished", "All trials have ended.")
    app = opened(study=record.id)
    assert "no images are left that took no part in the choice" in page_text(app)
    assert "Ask the test images about the best" not in links(app)


def test_the_form_is_as_it_was_left(store: RunStore) -> None:
    app = opened(vary="batch_size=8,64", trials=7)
    app.switch_page("pages/runs.py").run()
    app.query_params.clear()
    app.switch_page("pages/tune.py").run()
    assert address_of(app)["vary"] == "batch_size=8,64"
    assert "Start 7 trials" in labels(app)


def test_a_grid_shows_its_combinations(store: RunStore) -> None:
    app = opened(vary="learning_rate=log:0.001:0.1:3;batch_size=8,64", sampler="grid")
    assert "These values have 6 combinations." in page_text(app)
    widget(app, "text_input", "tune-learning_rate-values").input("4").run()
    assert address_of(app)["vary"].startswith("learning_rate=log:0.001:0.1:4;")
    assert "These values have 8 combinations." in page_text(app)


def test_a_base_outside_of_what_is_tried_is_named(store: RunStore) -> None:
    app = opened(vary="batch_size=32,64")
    assert "with batch size 4. That is not among the values tried" in page_text(app)


def test_an_interrupted_study_offers_to_go_on(store: RunStore) -> None:
    record = stored_study(store, trials=9)
    app = opened(study=record.id)
    assert "Interrupted" in page_text(app)
    assert "Go on" in labels(app)


def test_a_study_in_another_process_is_watched_and_stopped(store: RunStore) -> None:
    record = stored_study(store, trials=9)
    set_study_seconds(store, record.id, 90.0)
    lock = acquire_study(store, record.id)
    assert lock is not None
    with lock:
        app = opened(study=record.id)
        assert "Searching" in page_text(app)
        assert "3 of 9 trials have ended, about 3 min 00 s left." in page_text(app)
        assert "20 more trials" not in labels(app)
        app.button(key="tune-stop").click().run()
    app.run()
    assert "Stopped by you." in page_text(app)


def test_deleting_a_study_leaves_its_runs(store: RunStore) -> None:
    record = stored_study(store)
    app = opened(study=record.id)
    app.button(key="tune-delete").click().run()
    assert all_studies(store) == []
    assert len(store.all()) == 3
    assert "study" not in address_of(app)


def test_an_unknown_study_is_said_and_the_form_shown(store: RunStore) -> None:
    app = opened(study="abcdef12")
    assert "There is no study “abcdef12” here" in page_text(app)
    assert "Start 20 trials" in labels(app)


def test_train_leads_to_tune_with_its_settings(store: RunStore) -> None:
    app = opened_by_link("train", preset="cifar10-vgg")
    [link] = [
        one.proto
        for one in walk(app._tree)
        if one.type == "page_link" and one.proto.label == "Tune these settings"
    ]
    assert "preset=cifar10-vgg" in link.query_string


def test_a_trial_says_which_study_it_belongs_to(store: RunStore) -> None:
    record = stored_study(store)
    _, second, _ = stored_trials(store, record.id)
    app = opened_by_link("train", view="watch", run=second.run.id)
    expected = "rial 2 of “Rates”, which ended it after epoch 1"
    assert [label for label in links(app) if expected in label.replace("\\", "")], links(app)
    app = opened_by_link("runs", runs=second.run.id)
    assert expected in page_text(app)
