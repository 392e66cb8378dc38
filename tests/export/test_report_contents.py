"""The contents of a report: weights, saved maps, gap, verdict and command line."""

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
    raise AssertionError("a run without weights has no network")


def test_a_run_without_weights_shows_its_saved_maps(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    for epoch in (1, 3):
        values = np.random.default_rng(epoch).random((2, 8, 8, 5), np.float32)
        outputs = [SimpleNamespace(name="conv2d_1", type="conv2d", values=values)]
        save_maps(FolderArtifacts(store.folder(run.id)), epoch, np.array([67, 38]), outputs)

    def dataset(run: Run) -> Dataset:
        return library.load("cifar10", "sample", settings)

    page = ReportPage(report(gather(store, [run], refuse, dataset)))
    assert "The maps were saved after epoch 3, during training." in page.text
    assert "Test image 67 (pinned): bird." in page.text
    assert page.text.count("conv2d_1, 8×8: 5 channels") == 2
    assert "has no weights: their files were removed" in page.text


def test_a_report_uses_and_names_the_preferred_weights(settings: Settings) -> None:
    from cifarviz.analysis.trained_model import open_checkpoint

    store = RunStore(settings)
    experiment = stored_runs.experiment()
    weights = stored_runs.weights(experiment)
    other = {name: array[..., ::-1].copy() for name, array in weights.items()}
    run = stored_runs.store_run(store, experiment, checkpoints={"last": weights, "best": other})
    stored_runs.raise_validation_loss(store, run, 3)
    run = store.get(run.id)

    def contents_of(run: Run, **options: Any) -> RunContents:
        return gather(
            store,
            [run],
            lambda run, checkpoint: open_checkpoint(store, run, checkpoint),
            lambda run: library.load("cifar10", "sample", settings),
            **options,
        )[0]

    test = library.load("cifar10", "sample", settings).test
    expected = {
        checkpoint: open_checkpoint(store, run, checkpoint).probabilities(test.images)
        for checkpoint in ("last", "best")
    }
    assert not np.allclose(expected["last"], expected["best"])

    def check(contents: RunContents, checkpoint: str) -> None:
        assert contents.evaluation is not None
        probabilities = contents.evaluation.probabilities
        np.testing.assert_allclose(probabilities, expected[checkpoint], atol=1e-6)
        text = ReportPage(report([contents])).text
        best = "the weights from the best epoch, 2"
        # Named at the accuracy, the mistakes and the maps.
        assert text.count(best if checkpoint == "best" else "the weights after epoch 3") == 3

    check(contents_of(run), "last")
    check(contents_of(run, checkpoint="best"), "best")
    store.prefer(run.id, "best")
    check(contents_of(store.get(run.id)), "best")
    check(contents_of(store.get(run.id), checkpoint="last"), "last")


def test_a_report_without_a_run_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        report([])


def test_the_gap_is_shown_at_the_best_and_the_last_epoch(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    epochs = (
        Epoch(1, 2.0, 0.2, 1.9, 0.3, 0.1, 1.0),
        Epoch(2, 1.0, 0.6, 1.2, 0.5, 0.1, 1.0),
        Epoch(3, 0.4, 0.9, 1.5, 0.5, 0.1, 1.0),
    )
    [contents] = gather(store, [run], refuse, refuse)

    def rows(*history: Epoch, best: int | None) -> str:
        item = replace(contents, epochs=history, run=replace(run, best_epoch=best))
        return re.sub(r"<[^>]*>", " ", str(gap_table([item])))

    text = rows(*epochs, best=2)
    assert re.search(r"2 \(best epoch\)\s+1.0000\s+1.2000\s+\+0.2000", text)
    assert re.search(r"3 \(last epoch\)\s+0.4000\s+1.5000\s+\+1.1000", text)
    assert re.search(r"90.0%\s+50.0%\s+\+40.0", text)
    assert "Too early to say: 3 epochs are too few" in text
    assert "3 (best epoch and last)" in rows(*epochs, best=3)
    for history in ((epochs[0]._replace(val_loss=None),), ()):
        assert "Without validation images" in rows(*history, best=None)


def test_the_published_history_is_judged_as_overfitting(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    published = PRESETS["cifar10-vgg"].published
    assert published is not None
    history = tuple(
        Epoch(row.epoch, row.loss, row.accuracy, row.val_loss, row.val_accuracy, 1e-4, 1.0)
        for row in published["history"]
    )
    [contents] = gather(store, [run], refuse, refuse)
    text = str(gap_table([replace(contents, epochs=history)]))
    assert "9 (lowest validation loss)" in text
    assert "30 (last epoch)" in text
    assert "Overfitting: " in text


def test_the_command_line_is_shown_only_if_it_makes_the_same_run() -> None:
    base = PRESETS["cifar10-vgg"].experiment
    experiment = Experiment.make(
        **{
            **dict(base),
            "data": Data(variant="sample", train_images=500),
            "epochs": 3,
            "seed": 4,
            "precision": "float32",
        }
    )
    assert command_line(experiment) == (
        "python -m cifarviz train cifar10-vgg --data sample --epochs 3 --seed 4 "
        "--train-images 500 --precision float32"
    )
    assert command_line(Experiment.make(**{**dict(experiment), "l2": 0.1})) is None
    assert command_line(Experiment.make(**{**dict(experiment), "preset": None})) is None


def test_a_report_notes_losses_of_an_earlier_version(settings: Settings) -> None:
    store = RunStore(settings)
    runs = [
        stored_runs.store_run(store, stored_runs.experiment(), name=name) for name in ("new", "old")
    ]
    runs[1] = stored_runs.mark_earlier_losses(store, runs[1])
    note = "validation loss clipped at 16.1 per image"
    both = ReportPage(report(gather(store, runs, refuse, refuse)))
    assert f"old: Losses: {note}." in both.text
    assert {"plain cross-entropy", note} <= set(both.cells)
    alone = ReportPage(report(gather(store, runs[1:], refuse, refuse)))
    assert f"Losses: {note}." in alone.text
    exact = ReportPage(report(gather(store, runs[:1], refuse, refuse)))
    assert "clipped" not in exact.text
