"""A run has the same headline on all pages; other accuracies are labelled."""

from html import unescape

import pytest

from cifarviz.analysis.overfitting import judge_run
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.cli.training import print_result
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.experiment.choices import SplitValidation, TestValidation
from cifarviz.export.report.contents import gather
from cifarviz.export.report.page import report
from cifarviz.runs.artifacts import Checkpoint, checkpoint_path, save_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import headline, last_accuracy
from cifarviz.runs.series import save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from tests import stored_runs
from tests.components import live_items
from tests.pages import evaluate_page, inside_page, present_page, runs_page
from tests.pages.app_page import opened_by_link
from tests.stored_runs import Arrays

HEADLINE = "33.3% validation, epoch 2 (lowest validation loss)"
RECORDED = "72.0% validation, epoch 8 (lowest validation loss)"


@pytest.fixture
def run(store: RunStore, weights: Arrays) -> Run:
    """One whose best epoch, 2, is neither its last nor the one with the highest accuracy."""
    made = stored_runs.experiment(validation=SplitValidation())
    run = stored_runs.store_run(store, made, checkpoints={"best": weights, "last": weights})
    stored_runs.raise_validation_loss(store, run, 3)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE epochs SET val_accuracy = 1 / 3.0 WHERE epoch = 2")
    return store.get(run.id)


def start_words() -> str:
    app = opened_by_link("start")
    assert not app.exception
    return " ".join(one.value for one in app.markdown).replace("\\", "")


def runs_words(run_id: str) -> str:
    app = runs_page.opened(run_id)
    assert not app.exception
    return " ".join(runs_page.page_texts(app))


def options(app: object, key: str) -> list[str]:
    [box] = [one for one in app.selectbox if one.key == key]  # type: ignore[attr-defined]
    return list(box.options)


def test_all_pages_show_the_same_accuracy_of_the_same_epoch(run: Run) -> None:
    assert HEADLINE in start_words()
    assert HEADLINE in runs_words(run.id)
    assert options(inside_page.opened(), "pick-run") == [f"mine · {HEADLINE}"]
    assert options(evaluate_page.opened(), "pick-run") == [f"mine · {HEADLINE}"]
    for scene in ("training", "overfitting"):
        app = present_page.opened(scene, run=run.id, notes=1)
        assert f"Best: {HEADLINE}" in present_page.page_text(app)
        assert options(app, "present-run") == [f"mine · {HEADLINE} (finished)"]
    watched = opened_by_link("train", view="watch", run=run.id)
    items = live_items(watched, "live-metrics")["metrics"]["metrics"]
    assert [one["note"] for one in items if one["label"] == "Best epoch"] == [HEADLINE]
    assert f"Best: {HEADLINE}" in live_items(watched, "live-state")["state"]["text"]
    # The table has it in columns.
    row = runs_page.opened(run.id).dataframe[0].value.to_dict("records")[0]
    assert (row["Best epoch"], row["Best by"]) == (2, "lowest validation loss")
    assert row["Accuracy at best epoch"] == pytest.approx(100 / 3)


@pytest.fixture
def overfitted(store: RunStore, weights: Arrays) -> Run:
    """A run of six epochs that overfits from the second on."""
    made = stored_runs.experiment(validation=TestValidation())
    checkpoints: dict[Checkpoint, Arrays] = {"best": weights, "last": weights}
    run = stored_runs.store_run(store, made, epochs=6, checkpoints=checkpoints)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE epochs SET val_loss = 1 + epoch / 10.0 WHERE epoch > 1")
        connection.execute("UPDATE epochs SET val_loss = 1 WHERE epoch = 2")
        connection.execute("UPDATE epochs SET seconds = 99")
    store.describe(run.id, validation_images=1000, machine="here")
    return store.get(run.id)


def test_one_run_has_one_verdict_one_best_and_one_clock_everywhere(
    store: RunStore,
    overfitted: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, clock = overfitted, "1 min 05 s"
    best = "66.7% validation (test images), epoch 2 (lowest validation loss)"
    assert headline(run) == best
    reason = judge_run(run, store.epochs(run.id)).reason
    assert reason.startswith("Overfitting starts after epoch 2: ")
    twin = stored_runs.store_run(store, run.experiment, name="twin")
    series = save_series(store, "duel", "One", [(run.id, "one"), (twin.id, "two")])

    details = runs_words(run.id)
    compared = " ".join(runs_page.page_texts(runs_page.opened(run.id, twin.id)))
    watched = opened_by_link("train", view="watch", run=run.id)
    report_text = report_of(store, run)
    monkeypatch.setenv("COLUMNS", "300")
    print_result(cache.worker(), run, as_json=False)
    printed = capsys.readouterr().err
    for text in (details, compared, report_text, printed):
        assert reason in text
    assert live_items(watched, "live-verdict")["verdict"]["text"] == reason
    for text in (start_words(), report_text, printed):
        assert best in text
    assert "66.7% (95%: 63.7% to 69.5%)" + best.removeprefix("66.7%") in details
    assert f"{clock} at work" in details
    assert f"{clock} at work" in printed
    assert clock in report_text
    metrics = live_items(watched, "live-metrics")["metrics"]["metrics"]
    assert {one["label"]: one["value"] for one in metrics}["Time at work"] == clock
    assert f"training took {clock}" in present_page.page_text(
        present_page.opened("training", run=run.id, notes=1)
    )
    row = runs_page.opened(run.id).dataframe[0].value.set_index("Name").loc["mine"]
    assert (row["Best epoch"], row["Time at work"]) == (2, clock)
    # The Lab's table has the verdict in a word, and names its epoch.
    lab = opened_by_link("lab", view="duel", series=series.id).dataframe[0].value.iloc[0]
    assert (lab["Verdict"], lab["Overfitting starts"]) == ("overfitting", 2)
    assert (lab["Weights from"], lab["Validation accuracy"]) == (6, pytest.approx(800 / 9))
    assert f"{lab['Validation accuracy']:.1f}%" in last_accuracy(run)
    assert "validation (test images), epoch 6 (last epoch)" in details


def report_of(store: RunStore, run: Run) -> str:
    def dataset(run: Run) -> Dataset:
        return library.load("cifar10", "sample", store.settings)

    contents = gather(store, [run], lambda r, w: open_checkpoint(store, r, w), dataset)
    return unescape(report(contents))


def test_other_accuracies_are_labelled(run: Run) -> None:
    others = "77.8% validation, epoch 3 (last epoch)"
    assert others in runs_words(run.id)
    # The last epoch is the one with the highest accuracy, so there is no third number.
    assert "highest validation accuracy" not in runs_words(run.id)


def test_evaluate_names_its_images_and_its_epoch(run: Run) -> None:
    app = evaluate_page.opened(run=run.id, checkpoint="last")
    words = evaluate_page.text(app)
    assert "test (1,000 sample images), after epoch 3; 95%: " in words
    assert "Measured after epoch 3 on the 1,000 test images" in words
    best = evaluate_page.text(evaluate_page.opened(run=run.id, checkpoint="best"))
    assert "test (1,000 sample images), after epoch 2; 95%: " in best


def test_all_pages_name_the_step_at_which_a_run_was_stopped(
    store: RunStore, weights: Arrays
) -> None:
    made = stored_runs.experiment(validation=SplitValidation(), batch_size=20, epochs=9)
    run = stored_runs.store_run(store, made, state=RunState.STOPPED, epochs=1)
    facts = {"format": 1, "step": 15, "epochs_done": 1, "images": 100}
    save_arrays(checkpoint_path(store.folder(run.id), "last"), weights, facts)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET step = 15, steps_per_epoch = 10")
    where = "after epoch 1 and 5 steps of epoch 2"
    watched = opened_by_link("train", view="watch", run=run.id)
    assert where.capitalize() in live_items(watched, "live-state")["state"]["text"]
    assert where in evaluate_page.text(evaluate_page.opened(run=run.id))
    for page in (evaluate_page.opened(run=run.id), inside_page.opened(run=run.id)):
        assert options(page, "pick-checkpoint")[0] == f"Last epoch ({where})"
    app = present_page.opened("photo", run=run.id, notes=1)
    assert f"last epoch ({where})" in present_page.page_text(app)


def test_the_recorded_run_has_the_same_headline_on_all_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CIFARVIZ_RECORDED", "1")
    assert RECORDED in start_words()
    words = runs_words("d85d1362")
    assert "72.0% (95%: 71.3% to 72.7%) validation, epoch 8 (lowest validation loss)" in words
    assert "validation, epoch 30 (last epoch)" in words
    assert "72.7% validation, epoch 26 (highest validation accuracy)" in words
    assert "7 min 28 s at work" in words
    notes = present_page.page_text(present_page.opened("training", notes=1))
    assert "training took 7 min 28 s" in notes
    assert f"Best: {RECORDED}" in notes
