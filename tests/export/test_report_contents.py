"""What a report says of a run: its weights, kept maps, gap, turn and command line."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.export.report.configuration import command_line
from cifarviz.export.report.contents import RunContents, gather
from cifarviz.export.report.curves import gap_table
from cifarviz.export.report.page import report
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import save_maps
from cifarviz.settings import Settings
from tests import stored_runs
from tests.export.report_page import ReportPage


def refuse(*_: object) -> NoReturn:
    raise AssertionError("a run without weights has no network to ask")


def test_of_a_run_without_weights_the_maps_it_has_kept(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    for epoch in (1, 3):
        values = np.random.default_rng(epoch).random((2, 8, 8, 5), np.float32)
        outputs = [SimpleNamespace(name="conv2d_1", type="conv2d", values=values)]
        save_maps(FolderArtifacts(store.folder(run.id)), epoch, np.array([67, 38]), outputs)

    def dataset(run: Run) -> Dataset:
        return library.load("cifar10", "sample", settings)

    page = ReportPage(report(gather(store, [run], refuse, dataset)))
    assert "They were kept after epoch 3, while the run trained." in page.said
    assert "Test image 67, pinned: bird." in page.said
    assert page.said.count("conv2d_1, 8×8: 5 channels") == 2
    assert "has no weights: their files were removed" in page.said


def test_a_report_is_of_the_weights_that_answer_for_the_run_and_says_so(
    settings: Settings,
) -> None:
    from cifarviz.analysis.trained_model import open_checkpoint

    store = RunStore(settings)
    made = stored_runs.experiment()
    weights = stored_runs.weights(made)
    other = {name: one[..., ::-1].copy() for name, one in weights.items()}
    run = stored_runs.store_run(store, made, checkpoints={"last": weights, "best": other})
    stored_runs.make_worse(store, run, 3)
    run = store.get(run.id)

    def found(run: Run, **wanted: Any) -> RunContents:
        return gather(
            store,
            [run],
            lambda one, which: open_checkpoint(store, one, which),
            lambda one: library.load("cifar10", "sample", settings),
            **wanted,
        )[0]

    test = library.load("cifar10", "sample", settings).test
    expected = {
        which: open_checkpoint(store, run, which).probabilities(test.images)
        for which in ("last", "best")
    }
    assert not np.allclose(expected["last"], expected["best"])

    def is_of(one: RunContents, which: str) -> None:
        assert one.evaluation is not None
        np.testing.assert_allclose(one.evaluation.probabilities, expected[which], atol=1e-6)
        said = ReportPage(report([one])).said
        words = "the weights of its best epoch, 2" if which == "best" else "had after epoch 3"
        # At the matrix, at the mistakes and at the maps.
        assert said.count(words) == 3

    is_of(found(run), "last")
    is_of(found(run, wanted="best"), "best")
    store.prefer(run.id, "best")
    is_of(found(store.get(run.id)), "best")
    is_of(found(store.get(run.id), wanted="last"), "last")


def test_a_report_is_about_a_run() -> None:
    with pytest.raises(ValueError, match="at least one"):
        report([])


def test_the_gap_after_the_best_epoch_and_the_last(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    epochs = (
        Epoch(1, 2.0, 0.2, 1.9, 0.3, 0.1, 1.0),
        Epoch(2, 1.0, 0.6, 1.2, 0.5, 0.1, 1.0),
        Epoch(3, 0.4, 0.9, 1.5, 0.5, 0.1, 1.0),
    )
    [contents] = gather(store, [run], refuse, refuse)

    def rows(*history: Epoch, best: int | None) -> str:
        one = replace(contents, epochs=history, run=replace(run, best_epoch=best))
        return re.sub(r"<[^>]*>", " ", str(gap_table([one])))

    said = rows(*epochs, best=2)
    assert re.search(r"2 \(best epoch\)\s+1.0000\s+1.2000\s+\+0.2000", said)
    assert re.search(r"3 \(last epoch\)\s+0.4000\s+1.5000\s+\+1.1000", said)
    assert re.search(r"90.0%\s+50.0%\s+\+40.0", said)
    assert "Too early to say: 3 epochs are too few" in said
    assert "3 (best epoch and last)" in rows(*epochs, best=3)
    for nothing in ((epochs[0]._replace(val_loss=None),), ()):
        assert "No images were held back" in rows(*nothing, best=None)


def test_the_turn_and_the_verdict_of_the_published_history(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    published = PRESETS["cifar10-vgg"].published
    assert published is not None
    history = tuple(
        Epoch(row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy, 1e-4, 1.0)
        for row in published["history"]
    )
    [contents] = gather(store, [run], refuse, refuse)
    said = str(gap_table([replace(contents, epochs=history)]))
    assert "9 (lowest validation loss)" in said
    assert "30 (last epoch)" in said
    assert "Overfitting: " in said


def test_the_command_line_is_given_only_where_it_makes_the_same_run() -> None:
    base = PRESETS["cifar10-vgg"].experiment
    changed = Experiment.make(
        **{
            **dict(base),
            "data": Data(variant="sample", train_images=500),
            "epochs": 3,
            "seed": 4,
            "precision": "float32",
        }
    )
    assert command_line(changed) == (
        "python -m cifarviz train cifar10-vgg --data sample --epochs 3 --seed 4 "
        "--train-images 500 --precision float32"
    )
    assert command_line(Experiment.make(**{**dict(changed), "l2": 0.1})) is None
    assert command_line(Experiment.make(**{**dict(changed), "preset": None})) is None


def test_a_report_says_which_losses_are_of_an_earlier_version(settings: Settings) -> None:
    store = RunStore(settings)
    runs = [
        stored_runs.store_run(store, stored_runs.experiment(), name=name) for name in ("new", "old")
    ]
    runs[1] = stored_runs.make_earlier(store, runs[1])
    words = "validation loss clipped at 16.1 per image"
    both = ReportPage(report(gather(store, runs, refuse, refuse)))
    assert f"old: losses: {words}." in both.said
    assert {"plain cross-entropy", words} <= set(both.cells)
    alone = ReportPage(report(gather(store, runs[1:], refuse, refuse)))
    assert f"Losses: {words}." in alone.said
    exact = ReportPage(report(gather(store, runs[:1], refuse, refuse)))
    assert "clipped" not in exact.said
