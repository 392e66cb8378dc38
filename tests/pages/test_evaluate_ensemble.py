"""Evaluate's Ensemble view: members and their votes, training them, and bad links."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.checkpoints import open_checkpoint
from cifarviz.analysis.ensemble import Ensemble, combine
from cifarviz.analysis.stored_probabilities import probabilities_path
from cifarviz.data import library
from cifarviz.data.datasets import CIFAR10
from cifarviz.data.random_images import random_positions
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.artifacts import answers_path, checkpoint_path, save_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.state import LanguageMemory
from scripts.app_server import ROOT
from tests import stored_runs

TINY = stored_runs.experiment()


@pytest.fixture(scope="module")
def arrays() -> list[dict[str, np.ndarray]]:
    """Weights of three networks that differ."""
    first = stored_runs.weights(TINY)
    random = np.random.default_rng(0)
    return [
        {
            name: values + random.normal(0, 0.1 * turn, values.shape).astype(values.dtype)
            if values.dtype == np.float32
            else values
            for name, values in first.items()
        }
        for turn in range(3)
    ]


def seeded(seed: int, **fields: object) -> Experiment:
    return stored_runs.experiment(seed=seed, **fields)


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, arrays: list[dict[str, np.ndarray]]
) -> tuple[Settings, list[Run]]:
    """A home with three members, for the tests that change nothing in it."""
    home = tmp_path_factory.mktemp("ensemble")
    environment = {"CIFARVIZ_HOME": str(home), "KERAS_HOME": str(home), "CIFARVIZ_WARM_UP": "0"}
    settings = Settings.from_environment(environment)
    runs = [
        stored_runs.store_run(
            RunStore(settings),
            seeded(turn + 1),
            name=f"net, seed {turn + 1} (member {turn + 1} of 3)",
            checkpoints={"last": one, "best": arrays[0]},
        )
        for turn, one in enumerate(arrays)
    ]
    return settings, runs


@pytest.fixture
def runs(shared: tuple[Settings, list[Run]], monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The shared members, on whose home this test's pages are."""
    monkeypatch.setenv("CIFARVIZ_HOME", str(shared[0].home))
    monkeypatch.setenv("KERAS_HOME", str(shared[0].home))
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return shared[1]


@pytest.fixture
def store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """An empty home of this test's own, and nothing left at work in it."""
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    made = RunStore(settings)
    yield made
    for run in made.active():
        made.request(run.id, "stop")  # type: ignore[arg-type]
        cache.worker().wait(run.id, 30)


@pytest.fixture(scope="module")
def expected(shared: tuple[Settings, list[Run]]) -> Ensemble:
    settings, runs = shared
    test = library.load("cifar10", "sample", settings).test
    store = RunStore(settings)
    asked = [open_checkpoint(store, run, "last").probabilities(test.images) for run in runs]
    return combine([run.name for run in runs], asked, test.labels, test.indices)


def opened(*members: object, **address: object) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    named = {"members": ",".join(map(str, members))} if members else {}
    for name, value in {"view": "ensemble", **named, **address}.items():
        app.query_params[name] = str(value)
    return app.switch_page("pages/evaluate.py").run()


def ids(runs: list[Run]) -> list[str]:
    return [run.id for run in runs]


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in app.metric}


def said(app: AppTest) -> str:
    kinds = (*app.error, *app.warning, *app.info, *app.markdown, *app.caption)
    return "\n".join(one.value for one in kinds).replace("\\", "")


def table(app: AppTest) -> dict[str, Any]:
    components = [one.proto for one in app.get("bidi_component")]
    sent = next(one for one in components if "ensemble-answers" in one.id)
    head: dict[str, Any] = json.loads(sent.bytes.split(b"\n", 2)[1])
    return head


def button(app: AppTest, label: str) -> Any:
    return next(one for one in app.button if one.label.replace("\\", "") == label)


# The votes


def test_it_shows_how_much_the_ensemble_gains(runs: list[Run], expected: Ensemble) -> None:
    app = opened(*ids(runs))
    shown = metrics(app)
    best = int(np.argmax(expected.member_accuracies))
    assert shown["Ensemble, by sum"] == f"{expected.soft_accuracy:.1%}"
    assert shown["Ensemble, by majority"] == f"{expected.majority_accuracy:.1%}"
    assert shown[f"Best member ({best + 1} · seed {best + 1})"] == (
        f"{expected.member_accuracies[best]:.1%}"
    )
    assert shown["Gain of the ensemble"] == f"{100 * expected.gain:+.1f} points"
    assert "1,000 test images of the embedded CIFAR-10 sample" in said(app)
    assert "Published" not in said(app)
    assert not app.exception


def test_ten_images_show_every_answer_and_are_drawn_again(
    runs: list[Run], expected: Ensemble
) -> None:
    app = opened(*ids(runs), seed=5)
    drawn = random_positions(len(expected), 10, 5)
    shown = table(app)
    assert shown["columns"] == ["1\nseed 1", "2\nseed 2", "3\nseed 3", "Ensemble"]
    assert shown["indices"] == expected.indices[drawn].tolist()
    for row, position in enumerate(drawn):
        assert shown["actual"][row] == CIFAR10.classes[expected.labels[position]]
        found = [*expected.members[:, position], expected.soft[position]]
        assert [one[:2] for one in shown["answers"][row]] == [
            [CIFAR10.classes[one], bool(one == expected.labels[position])] for one in found
        ]
    button(app, "Draw again").click().run()
    assert table(app)["indices"] != shown["indices"]
    again = opened(*ids(runs), seed=app.query_params["seed"])
    assert table(again)["indices"] == table(app)["indices"]
    assert not app.exception


@pytest.mark.parametrize("shown", ["mended", "spoiled"])
def test_what_it_mends_and_spoils_of_all_and_of_one(
    runs: list[Run], expected: Ensemble, shown: str
) -> None:
    positions = getattr(expected, shown)
    app = opened(*ids(runs), show=shown)
    assert f"**{len(positions()):,}** of 1,000 test images" in said(app)
    assert table(app)["indices"] == expected.indices[positions()[:10]].tolist()
    app.selectbox(key="ensemble-member").select("2").run()
    assert app.query_params["member"] == "2"
    assert f"**{len(positions(1)):,}** of 1,000 test image" in said(app)
    assert table(app)["indices"] == expected.indices[positions(1)[:10]].tolist()
    second = opened(*ids(runs), show=shown, page=2)
    assert table(second)["indices"] == expected.indices[positions()[10:20]].tolist()
    assert not app.exception


def test_classes_are_named_in_the_language_of_the_session(runs: list[Run]) -> None:
    app = opened(*ids(runs))
    app.session_state["language-memory"] = LanguageMemory("ko")
    app.run()
    assert set(table(app)["actual"]) <= set(CIFAR10.classes_ko)
    assert not app.exception


# Choosing


def test_a_group_of_seeds_is_one_press_away(runs: list[Run]) -> None:
    app = opened()
    assert not app.metric
    button(app, "3 runs of “net”, seeds 1–3").click().run()
    assert app.query_params["members"] == ",".join(ids(runs))
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_the_menu_and_the_weights_change_the_address(runs: list[Run]) -> None:
    app = opened(*ids(runs))
    app.multiselect(key="ensemble-members").unselect(runs[1].id).run()
    assert app.query_params["members"] == f"{runs[0].id},{runs[2].id}"
    weights = next(one for one in app.button_group if one.key == "ensemble-weights")
    weights.set_value("best").run()
    assert app.query_params["members"] == f"{runs[0].id}@best,{runs[2].id}@best"
    assert metrics(app)["Gain of the ensemble"] == "+0.0 points"
    assert not app.exception


def test_the_epochs_of_one_run_vote(store: RunStore) -> None:
    run = stored_runs.store_run(store, seeded(1, test_epochs=(1, 3)), name="epochs")
    test = library.load("cifar10", "sample", store.settings).test
    random = np.random.default_rng(0)
    kept = [random.dirichlet(np.ones(10), len(test)).astype(np.float32) for _ in range(2)]
    for epoch, probabilities in zip((1, 3), kept, strict=True):
        save_arrays(
            answers_path(store.folder(run.id), epoch),
            {"probabilities": probabilities, "indices": test.indices},
        )
    app = opened()
    button(app, "Epochs 1 and 3 of “epochs”").click().run()
    together = combine(["1", "3"], kept, test.labels, test.indices)
    assert metrics(app)["Ensemble, by sum"] == f"{together.soft_accuracy:.1%}"
    assert table(app)["columns"] == ["1\nepoch 1", "2\nepoch 3", "Ensemble"]
    assert not app.exception


def test_the_published_figures_stand_beside_the_presets_members(
    store: RunStore, arrays: list[dict[str, np.ndarray]]
) -> None:
    made = [
        stored_runs.store_run(
            store,
            seeded(seed, preset="cifar10-ensemble"),
            name=f"m{seed}",
            checkpoints={"last": arrays[seed]},
        )
        for seed in (0, 1)
    ]
    app = opened(*ids(made))
    assert "last member 66.0%, ensemble 70.06%" in said(app)
    assert "the four members were the same object" in said(app)
    assert not app.exception


def test_full_and_sample_meet_on_the_samples_images_and_keep_nothing_about_others(
    store: RunStore, arrays: list[dict[str, np.ndarray]]
) -> None:
    st.cache_resource.clear()
    full = stored_runs.store_run(
        store,
        seeded(1, data=Data(variant="full")),
        name="full",
        checkpoints={"last": arrays[0]},
    )
    sample = stored_runs.store_run(store, seeded(2), name="s", checkpoints={"last": arrays[1]})
    app = opened(full.id, sample.id)
    assert "not all were trained on the full set" in said(app)
    assert probabilities_path(store.folder(sample.id), "last").is_file()
    assert not probabilities_path(store.folder(full.id), "last").exists()
    assert not app.exception


# What cannot vote


def test_bad_ids_are_said_and_the_others_vote(runs: list[Run], expected: Ensemble) -> None:
    app = opened("zzz", f"{runs[0].id}@nine", *ids(runs))
    assert "There is no run “zzz” here: it is left out." in said(app)
    assert "“nine” is no epoch of “net, seed 1" in said(app)
    assert metrics(app)["Ensemble, by sum"] == f"{expected.soft_accuracy:.1%}"
    assert not app.exception


def test_one_run_is_no_ensemble(runs: list[Run]) -> None:
    app = opened(runs[0].id)
    assert "two members or more, and one was chosen" in said(app)
    assert app.multiselect(key="ensemble-members").value == [runs[0].id]
    assert not app.metric
    assert not app.exception


def test_the_same_member_twice_is_said(runs: list[Run]) -> None:
    app = opened(runs[0].id, runs[0].id)
    assert "was chosen twice" in said(app)
    assert not app.exception


def test_different_data_sets_are_said(store: RunStore) -> None:
    fashion = PRESETS["fashion-mnist-cnn"].experiment
    made = [
        stored_runs.store_run(store, one, name=name)
        for one, name in ((TINY, "colours"), (fashion, "clothes"))
    ]
    for run in made:
        stored_runs.add_checkpoint(store, run)
        stored_runs.add_checkpoint(store, run, "best")
    app = opened(*ids(made))
    assert "“colours” CIFAR-10 and “clothes” Fashion-MNIST was trained on" in said(app)
    assert not app.exception


def test_a_member_whose_weights_are_gone_is_left_out_by_a_press(
    store: RunStore, arrays: list[dict[str, np.ndarray]]
) -> None:
    made = [
        stored_runs.store_run(store, seeded(n), name=f"m{n}", checkpoints={"last": arrays[n]})
        for n in range(3)
    ]
    checkpoint_path(store.folder(made[1].id), "last").unlink()
    app = opened(*ids(made))
    assert "“m1” has no weights (any more), so it cannot vote." in said(app)
    assert not app.metric
    button(app, "Leave it out").click().run()
    assert app.query_params["members"] == f"{made[0].id},{made[2].id}"
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_an_epoch_that_was_not_kept_is_said(store: RunStore) -> None:
    run = stored_runs.store_run(store, TINY, name="short")
    app = opened(f"{run.id}@1", f"{run.id}@2")
    assert "“short” has kept no answers after epochs 1 and 2" in said(app)
    assert not app.exception


def test_a_stopped_member_votes_and_is_named(
    store: RunStore, arrays: list[dict[str, np.ndarray]]
) -> None:
    made = [
        stored_runs.store_run(
            store, seeded(n), name=f"m{n}", state=state, epochs=2, checkpoints={"last": arrays[n]}
        )
        for n, state in enumerate((RunState.FINISHED, RunState.STOPPED))
    ]
    app = opened(*ids(made))
    assert "“m1” was stopped. After 2 of 3 epochs" in said(app)
    assert button(app, "Resume")
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_a_failed_member_without_weights_is_said_with_what_to_do(store: RunStore) -> None:
    made = [
        stored_runs.store_run(
            store, seeded(n), name=f"m{n}", state=RunState.FAILED, epochs=0, message="No memory."
        )
        for n in range(2)
    ]
    app = opened(*ids(made))
    assert "“m0” has failed. No memory. 0 of 3 epochs were done." in said(app)
    assert "Resume it, or leave it out." in said(app)
    assert button(app, "Resume all 2")
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"show": "all"}, "There are no images called “all” here"),
        ({"show": "mended", "member": "9"}, "There is no member “9”: they are numbered 1 to 3"),
        ({"show": "mended", "page": "999"}, "“999” is none of them"),
        ({"seed": "-1"}, "“-1” is no seed"),
        ({"view": "both"}, "Evaluate has no view “both”"),
        ({"preset": "nope"}, "There is no preset or run “nope”"),
        ({"way": "nope"}, "“nope” is no way to train this preset"),
        ({"count": "11"}, "Members: a whole number from 2 to 10, and “11” came"),
        ({"first": "-1"}, "First seed: a whole number from 0"),
    ],
)
def test_what_the_address_names_in_vain_is_said(
    runs: list[Run], address: dict[str, str], sentence: str
) -> None:
    app = opened(*ids(runs), **address)
    assert sentence in said(app)
    assert app.metric
    assert not app.exception


# Training


def test_it_says_what_one_click_will_do(store: RunStore) -> None:
    app = opened()
    assert "Trains 4 networks one after another, 15 epochs each" in said(app)
    assert "embedded sample of CIFAR-10 (5,000 training images)" in said(app)
    assert "from the seeds 1, 2, 3 and 4" in said(app)
    assert "The full set is not here yet" in said(app)
    app.number_input(key="team-count").set_value(2).run()
    app.number_input(key="team-first").set_value(7).run()
    assert "from the seeds 7 and 8" in said(app)
    assert (app.query_params["count"], app.query_params["first"]) == ("2", "7")
    app.radio(key="team-way").set_value("as-published").run()
    assert "Trains one network for 60 epochs" in said(app)
    assert "after the epochs 15, 30, 45 and 60" in said(app)
    assert not app.exception


def test_members_are_queued_shown_and_vote_by_themselves_at_the_end(store: RunStore) -> None:
    template = stored_runs.store_run(
        store, seeded(9, epochs=1, data=Data(train_images=64)), name="tiny"
    )
    app = opened(template=template.id, count=2, first=3)
    button(app, "Train 2 members").click().run()
    made = sorted(
        (run for run in store.all() if run.id != template.id), key=lambda run: run.experiment.seed
    )
    assert [run.name for run in made] == [
        "tiny, seed 3 (member 1 of 2)",
        "tiny, seed 4 (member 2 of 2)",
    ]
    assert [run.experiment.seed for run in made] == [3, 4]
    assert app.query_params["members"] == ",".join(ids(made))
    assert "template" not in app.query_params
    for run in made:
        assert cache.worker().wait(run.id, 60).state is RunState.FINISHED
    app.run()
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_while_members_train_it_shows_how_far_they_are_and_stops_them(store: RunStore) -> None:
    done = stored_runs.store_run(store, seeded(1), name="done")
    waits = stored_runs.store_run(store, seeded(2), name="waits", state=RunState.RUNNING, epochs=1)
    with stored_runs.held(store, waits):
        app = opened(done.id, waits.id)
        assert "1 of 2 is done; the result shows here by itself when all are." in said(app)
        assert "**waits** epoch 1 of 3" in said(app)
        button(app, "Stop").click().run()
        assert store.get(waits.id).requested == "stop"
        assert button(app, "Stopping …").disabled
    assert not app.exception
