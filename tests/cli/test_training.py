"""``presets``, ``train``, ``runs`` and ``resume`` work as docs/command-line.md describes."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cifarviz.cli.experiment_options import make_experiment
from cifarviz.datasets.registry import all_datasets
from cifarviz.experiment.choices import (
    AnyValidation,
    Augmentation,
    Data,
    NoValidation,
    SplitValidation,
    TestValidation,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.cli.conftest import Call
from tests.runs.held_run import held_run
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]

*_FIRST, _LAST = (info.name for info in all_datasets())
KNOWN = f"{', '.join(_FIRST)} or {_LAST}"


def test_presets_are_listed_layer_by_layer(call: Call) -> None:
    listed = {preset["name"]: preset for preset in call("presets", "--json").json}
    published = {name: preset for name, preset in listed.items() if preset["published"]}
    assert set(listed) - set(published) == {
        "cifar10-fast", "cifar10-90", "cifar10-94", "cifar10-separable", "cifar10-resnet20",
    }  # fmt: skip
    assert {name: preset["parameters"] for name, preset in published.items()} == {
        "cifar10-starter": 122_570,
        "cifar10-vgg": 814_122,
        "cifar10-dropout": 2_168_362,
        "cifar10-ensemble": 132_435,
        "fashion-mnist-cnn": 333_526,
    }
    assert listed["fashion-mnist-cnn"]["dataset"] == "fashion-mnist"
    layers = listed["cifar10-starter"]["layers"]
    assert [layer["output_shape"] for layer in layers] == [
        [30, 30, 32], [15, 15, 32], [13, 13, 64], [6, 6, 64], [4, 4, 64], [1024], [64], [10]
    ]  # fmt: skip
    assert [layer["parameters"] for layer in layers] == [896, 0, 18_496, 0, 36_928, 0, 65_600, 650]


def test_presets_are_listed_with_story_and_published_figures(call: Call) -> None:
    listed = {preset["name"]: preset for preset in call("presets", "--json").json}
    ensemble, starter = listed["cifar10-ensemble"], listed["cifar10-starter"]
    assert (ensemble["members"], starter["members"]) == (4, 1)
    assert ensemble["story"].startswith("Four networks with the same layers")
    assert any("225" in note for note in ensemble["notes"])
    assert ensemble["published"]["ensemble_accuracy"] == 0.7006
    assert ensemble["published"]["history"] == [
        {
            "epoch": 60,
            "loss": 0.6055,
            "accuracy": 0.8041,
            "val_loss": 1.1913,
            "val_accuracy": 0.6599,
        }
    ]
    (variant,) = ensemble["variants"]
    assert (variant["name"], variant["experiment"]["epochs"]) == ("as-published", 60)


def test_train_prints_the_history_as_json(call: Call, tiny: Any) -> None:
    assert tiny.keys() == {
        "run", "state", "epochs", "history", "seconds", "images_per_second", "precision",
        "parameters",
    }  # fmt: skip
    assert (tiny["state"], tiny["epochs"], tiny["parameters"]) == ("finished", 2, 122_570)
    assert tiny["precision"] == "float32"
    assert tiny["seconds"] > 0
    assert tiny["images_per_second"] > 0
    assert {name: len(values) for name, values in tiny["history"].items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 2
    )


def test_only_the_json_is_on_standard_output(call: Call) -> None:
    arguments = "train cifar10-starter --data sample --train-images 32 --batch-size 32 --epochs 1"
    result = call(*arguments.split(), "--json")
    assert result.out.count("\n") == 1
    assert "epoch 1: loss" in result.err


def test_early_stopping_is_off_for_a_run_too_short_for_it(call: Call) -> None:
    arguments = "train fashion-mnist-cnn --data sample --train-images 32 --epochs 2 --json"
    result = call(*arguments.split())
    assert (result.code, result.json["state"], result.json["epochs"]) == (0, "finished", 2)
    assert "its patience of 2 is too long for a run this short (epochs: 2)." in result.err


def test_early_stopping_is_reported_and_listed(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    preset = PRESETS["fashion-mnist-cnn"]
    wild = {"optimizer": Adam(learning_rate=0.01), "preset": None}
    experiment = Experiment.make(**{**dict(preset.experiment), **wild})
    changed = {"wild": dataclasses.replace(preset, name="wild", experiment=experiment)}
    monkeypatch.setattr("cifarviz.experiment.presets.PRESETS", changed)
    arguments = "train wild --data sample --train-images 64 --json"
    result = call(*arguments.split())
    last = result.json["epochs"]
    losses = result.json["history"]["val_loss"]
    best = losses.index(min(losses)) + 1
    assert (result.code, result.json["state"], last) == (0, "finished", best + 2)
    assert last < 20
    assert (
        f"Stopped early after epoch {last}: no better validation loss than in epoch {best} for "
        "2 epochs." in result.err
    )
    [run] = call("runs", "--json").json
    assert (run["stopped_early"], run["best_epoch"]) == (last, best)


TRIAL = "train cifar10-starter --data sample --train-images 32 --batch-size 32 --epochs 1"


def test_a_run_can_be_named_and_give_way(call: Call, settings: Settings) -> None:
    call(*TRIAL.split(), "--name", "  first   try of  mine ", "--give-way")
    call(*TRIAL.split())
    names = [run["name"] for run in call("runs", "--json").json]
    assert names == ["cifar10-starter", "first try of mine"]
    assert [run.gives_way for run in RunStore(settings).all()] == [False, True]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_wrong_name_is_refused_before_anything_is_stored(
    name: str, call: Call, settings: Settings
) -> None:
    result = call(*TRIAL.split(), "--name", name)
    assert (result.code, result.out) == (2, "")
    assert "A run's name has 1 to 100 characters; this one has" in result.err
    assert not settings.home.exists()


def test_train_leaves_orphaned_runs_alone_and_resume_starts_one(
    call: Call, settings: Settings
) -> None:
    data = Data(train_images=32)
    preset = dict(PRESETS["cifar10-starter"].experiment)
    experiment = Experiment.make(**{**preset, "data": data, "epochs": 1})
    run_id, lock = held_run(RunStore(settings), "orphan", experiment)
    lock.release()
    assert call(*TRIAL.split()).code == 0
    listed = call("runs")
    assert f"Run {run_id} is queued, but no process trains it. Resume it." in listed.err
    assert "queued" in listed.out
    orphaned = {run["run"]: run["orphaned"] for run in call("runs", "--json").json}
    assert [run for run, is_orphaned in orphaned.items() if is_orphaned] == [run_id]
    result = call("resume", run_id, "--json")
    assert (result.code, result.json["run"], result.json["state"]) == (0, run_id, "finished")
    assert "no process trains it" not in call("runs").err


def test_a_run_that_cannot_write_its_tensorboard_files_is_refused(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CIFARVIZ_TENSORBOARD_DIR", str(tmp_path / "file"))
    result = call("train", "cifar10-ensemble", "--data", "sample")
    assert (result.code, result.out) == (1, "")
    assert "TensorBoard files cannot be written to" in result.err
    assert call("runs", "--json").json == []


def test_runs_are_listed(call: Call, tiny: Any) -> None:
    [run] = call("runs", "--json").json
    assert (run["run"], run["state"], run["preset"]) == (tiny["run"], "finished", "cifar10-starter")
    assert run["val_accuracy"] == max(tiny["history"]["val_accuracy"])
    losses = tiny["history"]["val_loss"]
    assert run["best_epoch"] == losses.index(min(losses)) + 1
    accuracies = tiny["history"]["val_accuracy"]
    assert run["best_epoch_val_accuracy"] == accuracies[run["best_epoch"] - 1]
    table = call("runs")
    assert tiny["run"] in table.out


def test_without_runs_the_list_suggests_a_command(call: Call) -> None:
    result = call("runs")
    assert (result.code, result.out) == (0, "")
    assert "python -m cifarviz train" in result.err
    assert call("runs", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train nothing", "no preset called “nothing”"),
        ("train cifar10-starter --epochs 0", "number of epochs must be"),
        (
            "train cifar10-starter --data sample --batch-size 4096 --train-images 99",
            "batch size 4,096",
        ),
        ("train cifar10-starter --data sample --train-images 50001", "50,001 training images"),
        ("train cifar10-starter --seed -1", "seed must be"),
        (
            "train cifar10-starter --precision half",
            "--precision must be auto, float32 or bfloat16, not “half”.",
        ),
        (
            "train cifar10-starter --data everything",
            "--data must be sample or full, not “everything”",
        ),
        ("train cifar10-starter --epochs many", "--epochs must be a whole number, not “many”."),
        ("train cifar10-starter --epochs", "--epochs needs a value."),
        ("train cifar10-starter --fast", "There is no option --fast."),
        ("train cifar10-starter too", "Unexpected argument: “too”."),
        ("data fetch imagenet", f"DATASET must be {KNOWN}, not “imagenet”."),
        ("data fetch", f"DATASET is missing: give {KNOWN}."),
        ("reproduce cifar10-fast", "cifar10-fast has no published figures"),
        ("reproduce --seeds 0", "--seeds must be a number of at least 1, not “0”."),
        ("reproduce --seeds 101", "--seeds must be a number of at most 100, not “101”."),
        ("evaluate x --checkpoint worst", "--checkpoint must be best or last, not “worst”."),
        ("feature-maps x --image 1", "--out is missing."),
        ("resume nowhere", "no run “nowhere”"),
        ("evaluate nowhere", "no run “nowhere”"),
        ("predict nowhere x.png", "no run “nowhere”"),
        ("feature-maps nowhere --image 1 --out x", "no run “nowhere”"),
        ("dance", "There is no command “dance”."),
        ("train", "PRESET is missing."),
    ],
)
def test_a_wrong_request_is_one_line_and_code_2(call: Call, arguments: str, message: str) -> None:
    result = call(*arguments.split())
    assert result.code == 2
    assert message.lower() in result.err.lower()
    assert len(result.err.strip().splitlines()) <= 2
    for word in ("Traceback", "Input", "Value error", "Invalid value"):
        assert word not in result.err
    assert result.out == ""
    assert call("runs", "--json").json == []


def test_training_on_a_missing_full_set_is_refused(call: Call) -> None:
    result = call("train", "cifar10-vgg", "--data", "full")
    assert result.code == 1
    assert "data fetch cifar10" in result.err


def test_a_failed_run_exits_with_code_1_and_the_reason(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cifarviz.training import engine

    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a wire came loose")

    monkeypatch.setattr(engine, "make_trainable", broken)
    result = call("train", "cifar10-starter", "--data", "sample", "--batch-size", "32", "--json")
    assert result.code == 1
    assert result.json["state"] == "failed"
    assert result.json["history"]["val_loss"] is None
    assert "a wire came loose" in result.err


def test_a_finished_run_is_not_resumed(call: Call, tiny: Any) -> None:
    result = call("resume", tiny["run"])
    assert result.code == 2
    assert "finished all its epochs" in result.err


def test_a_run_stopped_by_another_process_can_be_resumed(settings: Settings, call: Call) -> None:
    command = [sys.executable, "-m", "cifarviz", "train", "cifar10-starter", "--data", "sample"]
    command += ["--epochs", "2", "--batch-size", "16", "--train-images", "2000", "--json"]
    command += ["--precision", "float32"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    store = RunStore(settings)
    wait_until(lambda: any(len(store.batch_points(run.id)) for run in store.all()))
    [run] = store.all()
    store.request(run.id, Action.STOP)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert '"state": "stopped"' in out
    # In another process than the one that started it.
    resumed = call("resume", run.id[:6])
    assert resumed.code == 0, resumed.err
    assert store.get(run.id).state is RunState.FINISHED


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_run_and_saves_its_weights(by: signal.Signals, settings: Settings) -> None:
    command = [sys.executable, "-m", "cifarviz", "train", "cifar10-starter", "--data", "sample"]
    process = subprocess.Popen(
        [*command, "--precision", "float32", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background may ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    store = RunStore(settings)
    wait_until(lambda: any(len(store.batch_points(run.id)) for run in store.all()))
    [run] = store.all()
    process.send_signal(by)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert '"state": "stopped"' in out
    assert (store.folder(run.id) / "checkpoint-last.npz").exists()


def test_the_list_shows_how_losses_were_computed(call: Call, settings: Settings) -> None:
    store = RunStore(settings)
    old, new = (stored_runs.store_run(store, stored_runs.experiment()) for _ in range(2))
    stored_runs.mark_earlier_losses(store, old, 2)
    listed = {run["run"]: run for run in call("runs", "--json").json}
    assert (listed[new.id]["exact_loss_from"], listed[new.id]["losses"]) == (
        1,
        "plain cross-entropy",
    )
    assert listed[old.id]["exact_loss_from"] == 3
    assert listed[old.id]["losses"] == "validation loss clipped at 16.1 per image up to epoch 2"


def test_train_augments_the_images(call: Call, settings: Settings) -> None:
    few = ("--data", "sample", "--train-images", 32, "--batch-size", 32, "--epochs", 1)
    preset = ("train", "cifar10-starter", *few)
    done = call(*preset, "--augment", "rotation=15", "--augment", "mixup=0.2", "--json")
    assert done.code == 0, done.err
    run = RunStore(settings).find(done.json["run"])
    assert run.experiment.augmentation == Augmentation(rotation=15, mixup=0.2)
    refused = call(*preset, "--augment", "rotate=15")
    assert refused.code == 2
    assert "There is no augmentation “rotate=15”." in refused.err


def test_train_validates_on_what_was_chosen(call: Call, settings: Settings) -> None:
    few = ("--data", "sample", "--train-images", 48, "--batch-size", 16, "--epochs", 1)
    done = call("train", "cifar10-90", *few, "--validation", "0.05", "--json")
    assert done.code == 0, done.err
    made = RunStore(settings).find(done.json["run"]).experiment
    assert made.validation == SplitValidation(fraction=0.05)
    for text in ("half", "", "10%", "0", "1.5", "nan"):
        refused = call("train", "cifar10-starter", *few, "--validation", text)
        assert refused.code == 2
        assert f"There is no validation “{text}”. Write test, none, or the share" in refused.err


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("test", TestValidation()),
        ("none", NoValidation()),
        # As published with its seed.
        ("0.1", SplitValidation(fraction=0.1, seed=777)),
    ],
)
def test_a_published_split_keeps_its_seed(
    text: str, chosen: AnyValidation, settings: Settings
) -> None:
    made = make_experiment("cifar10-vgg", settings, validation=text)
    assert made.validation == chosen
