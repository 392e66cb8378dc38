"""``presets``, ``train``, ``runs`` and ``resume`` answer as docs/command-line.md says."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarviz.datasets.registry import all_datasets
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Adam
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.runs.held_run import held_run

Call = Callable[..., Any]
ROOT = Path(__file__).parents[2]

*_FIRST, _LAST = (info.name for info in all_datasets())
KNOWN = f"{', '.join(_FIRST)} or {_LAST}"


def test_presets_are_listed_layer_by_layer(call: Call) -> None:
    listed = {preset["name"]: preset for preset in call("presets", "--json").json}
    published = {name: preset for name, preset in listed.items() if preset["published"]}
    assert set(listed) - set(published) == {"cifar10-fast"}
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


def test_presets_are_listed_with_all_that_is_known_of_them(call: Call) -> None:
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


def test_training_gives_its_whole_history(call: Call, tiny: Any) -> None:
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


def test_nothing_but_the_json_is_on_standard_output(call: Call) -> None:
    words = "train cifar10-starter --data sample --train-images 32 --batch-size 32 --epochs 1"
    answer = call(*words.split(), "--json")
    assert answer.out.count("\n") == 1
    assert "epoch 1: loss" in answer.err


def test_a_short_trial_of_a_patient_preset_goes_without_early_stopping(call: Call) -> None:
    words = "train fashion-mnist-cnn --data sample --train-images 32 --epochs 2 --json"
    answer = call(*words.split())
    assert (answer.code, answer.json["state"], answer.json["epochs"]) == (0, "finished", 2)
    assert "with a patience of 2 it could never stop a run of 2 epochs." in answer.err


def test_early_stopping_is_said_and_listed(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    preset = PRESETS["fashion-mnist-cnn"]
    wild = {"optimizer": Adam(learning_rate=0.01), "preset": None}
    experiment = Experiment.make(**{**dict(preset.experiment), **wild})
    changed = {"wild": dataclasses.replace(preset, name="wild", experiment=experiment)}
    monkeypatch.setattr("cifarviz.experiment.presets.PRESETS", changed)
    words = "train wild --data sample --train-images 64 --json"
    answer = call(*words.split())
    last = answer.json["epochs"]
    losses = answer.json["history"]["val_loss"]
    best = losses.index(min(losses)) + 1
    assert (answer.code, answer.json["state"], last) == (0, "finished", best + 2)
    assert last < 20
    assert (
        f"Stopped early after epoch {last}: no better validation loss than in epoch {best} for "
        "2 epochs." in answer.err
    )
    [run] = call("runs", "--json").json
    assert (run["stopped_early"], run["best_epoch"]) == (last, best)


TRIAL = "train cifar10-starter --data sample --train-images 32 --batch-size 32 --epochs 1"


def test_a_run_can_be_given_a_name(call: Call) -> None:
    call(*TRIAL.split(), "--name", "  first   try of  mine ")
    call(*TRIAL.split())
    named = [run["name"] for run in call("runs", "--json").json]
    assert named == ["cifar10-starter", "first try of mine"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_wrong_name_is_refused_before_anything_is_stored(
    name: str, call: Call, settings: Settings
) -> None:
    answer = call(*TRIAL.split(), "--name", name)
    assert (answer.code, answer.out) == (2, "")
    assert "A run's name has 1 to 100 characters; this one has" in answer.err
    assert not settings.home.exists()


def test_training_leaves_other_peoples_orphans_alone_and_resume_takes_one_up(
    call: Call, settings: Settings
) -> None:
    data = Data(train_images=32)
    preset = dict(PRESETS["cifar10-starter"].experiment)
    experiment = Experiment.make(**{**preset, "data": data, "epochs": 1})
    run_id, lock = held_run(RunStore(settings), "orphan", experiment)
    lock.release()
    assert call(*TRIAL.split()).code == 0
    listed = call("runs")
    assert f"No process looks after run {run_id}, which is queued: resume it" in listed.err
    assert "queued" in listed.out
    orphaned = {run["run"]: run["orphaned"] for run in call("runs", "--json").json}
    assert [run for run, is_orphaned in orphaned.items() if is_orphaned] == [run_id]
    answer = call("resume", run_id, "--json")
    assert (answer.code, answer.json["run"], answer.json["state"]) == (0, run_id, "finished")
    assert "No process looks after" not in call("runs").err


def test_a_run_that_cannot_write_its_tensorboard_files_is_refused(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CIFARVIZ_TENSORBOARD_DIR", str(tmp_path / "file"))
    answer = call("train", "cifar10-ensemble", "--data", "sample")
    assert (answer.code, answer.out) == (1, "")
    assert "TensorBoard files cannot be written to" in answer.err
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


def test_no_runs_yet_says_what_to_do(call: Call) -> None:
    answer = call("runs")
    assert (answer.code, answer.out) == (0, "")
    assert "python -m cifarviz train" in answer.err
    assert call("runs", "--json").json == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("train nothing", "no preset called “nothing”"),
        ("train cifar10-starter --epochs 0", "number of epochs must be"),
        (
            "train cifar10-starter --data sample --batch-size 4096 --train-images 99",
            "batch of 4,096",
        ),
        ("train cifar10-starter --data sample --train-images 50001", "50,001 training images"),
        ("train cifar10-starter --seed -1", "seed must be"),
        (
            "train cifar10-starter --precision half",
            "--precision is auto, float32 or bfloat16, and “half” came.",
        ),
        ("train cifar10-starter --data everything", "--data is sample or full, and “everything”"),
        ("train cifar10-starter --epochs many", "--epochs is a whole number, and “many” came."),
        ("train cifar10-starter --epochs", "--epochs needs a value after it."),
        ("train cifar10-starter --fast", "There is no option --fast."),
        ("train cifar10-starter too", "There is a word too many: “too”."),
        ("data fetch imagenet", f"DATASET is {KNOWN}, and “imagenet” came."),
        ("data fetch", f"DATASET is missing: it is {KNOWN}."),
        ("reproduce cifar10-fast", "cifar10-fast is a recipe of cifarviz' own"),
        ("reproduce --seeds 0", "--seeds is a number of at least 1, and “0” came."),
        ("reproduce --seeds 101", "--seeds is a number of at most 100, and “101” came."),
        ("evaluate x --checkpoint worst", "--checkpoint is best or last, and “worst” came."),
        ("feature-maps x --image 1", "--out is missing."),
        ("resume nowhere", "no run “nowhere”"),
        ("evaluate nowhere", "no run “nowhere”"),
        ("predict nowhere x.png", "no run “nowhere”"),
        ("feature-maps nowhere --image 1 --out x", "no run “nowhere”"),
        ("dance", "There is no command “dance”."),
        ("train", "PRESET is missing."),
    ],
)
def test_a_wrong_request_is_one_line_and_code_2(call: Call, words: str, said: str) -> None:
    answer = call(*words.split())
    assert answer.code == 2
    assert said.lower() in answer.err.lower()
    assert len(answer.err.strip().splitlines()) <= 2
    for word in ("Traceback", "Input", "Value error", "Invalid value"):
        assert word not in answer.err
    assert answer.out == ""
    assert call("runs", "--json").json == []


def test_the_full_set_is_asked_for_and_not_here(call: Call) -> None:
    answer = call("train", "cifar10-vgg", "--data", "full")
    assert answer.code == 1
    assert "data fetch cifar10" in answer.err


def test_a_failed_run_is_code_1_and_says_why(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from cifarviz.training import engine

    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a wire came loose")

    monkeypatch.setattr(engine, "make_trainable", broken)
    answer = call("train", "cifar10-starter", "--data", "sample", "--batch-size", "32", "--json")
    assert answer.code == 1
    assert answer.json["state"] == "failed"
    assert answer.json["history"]["val_loss"] is None
    assert "a wire came loose" in answer.err


def test_a_finished_run_is_not_resumed(call: Call, tiny: Any) -> None:
    answer = call("resume", tiny["run"])
    assert answer.code == 2
    assert "finished all its epochs" in answer.err


def test_stopping_from_elsewhere_and_resuming(settings: Settings, call: Call) -> None:
    command = [sys.executable, "-m", "cifarviz", "train", "cifar10-starter", "--data", "sample"]
    command += ["--epochs", "2", "--batch-size", "16", "--train-images", "2000", "--json"]
    command += ["--precision", "float32"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    store = RunStore(settings)
    deadline = time.monotonic() + 60
    while not (runs := store.all()) or not len(store.batch_points(runs[0].id)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    store.request(runs[0].id, Action.STOP)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert '"state": "stopped"' in out
    # Here, in another process than the one that began it.
    resumed = call("resume", runs[0].id[:6])
    assert resumed.code == 0, resumed.err
    assert store.get(runs[0].id).state is RunState.FINISHED


def test_control_c_stops_and_keeps_what_was_learned(settings: Settings) -> None:
    command = [sys.executable, "-m", "cifarviz", "train", "cifar10-starter", "--data", "sample"]
    process = subprocess.Popen(
        [*command, "--precision", "float32", "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background may have had Ctrl-C ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    store = RunStore(settings)
    deadline = time.monotonic() + 60
    while not (runs := store.all()) or not len(store.batch_points(runs[0].id)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert '"state": "stopped"' in out
    assert (store.folder(runs[0].id) / "checkpoint-last.npz").exists()


def test_the_list_says_how_losses_were_computed(call: Call, settings: Settings) -> None:
    store = RunStore(settings)
    old, new = (stored_runs.store_run(store, stored_runs.experiment()) for _ in range(2))
    stored_runs.make_earlier(store, old, 2)
    found = {one["run"]: one for one in call("runs", "--json").json}
    assert (found[new.id]["exact_loss_from"], found[new.id]["losses"]) == (1, "plain cross-entropy")
    assert found[old.id]["exact_loss_from"] == 3
    assert found[old.id]["losses"] == "validation loss clipped at 16.1 per image up to epoch 2"
