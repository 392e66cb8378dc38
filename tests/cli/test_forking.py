"""``fork`` continues from a run's weights, and ``evaluate`` uses the preferred ones."""

from typing import Any

import pytest

from cifarviz.experiment.choices import Augmentation
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.cli.conftest import Call


def test_a_fork_continues_its_parent_and_records_it(
    call: Call, tiny: Any, settings: Settings
) -> None:
    augment = "--flip --shift 2 --augment mixup=0.2"
    arguments = f"fork {tiny['run']} --epoch 2 --epochs 1 {augment} --train-images 40"
    result = call(*arguments.split(), "--json")
    assert result.code == 0
    assert result.json["epochs"] == 3
    assert len(result.json["history"]["loss"]) == 1
    assert "The optimiser keeps its state." in result.err
    listed = call("runs", "--json").json
    fork = next(run for run in listed if run["run"] == result.json["run"])
    assert (fork["parent"], fork["parent_epoch"], fork["train_images"]) == (tiny["run"], 2, 40)
    assert fork["name"] == "40 images · flip · shift 2 · mixup 0.2 · cifar10-starter from epoch 2"
    # The weights chosen on the Runs page are the default of the command line.
    RunStore(settings).prefer(tiny["run"], "best")
    assert call("evaluate", tiny["run"], "--json").json["checkpoint"] == "best"
    last = call("evaluate", tiny["run"], "--checkpoint", "last", "--json")
    assert last.json["checkpoint"] == "last"


def test_a_flip_replaces_an_alternating_flip(call: Call, tiny: Any, settings: Settings) -> None:
    def fork(run: str, choice: str) -> Any:
        result = call(*f"fork {run} --epoch 2 --epochs 1 {choice} --json".split())
        assert result.code == 0, result.err
        found = RunStore(settings).get(result.json["run"])
        return result.json["run"], found.experiment.augmentation

    run, alternating = fork(tiny["run"], "--augment alternating_flip=on")
    assert alternating == Augmentation(alternating_flip=True)
    assert fork(run, "--flip")[1] == Augmentation(flip=True)
    assert fork(run, "--no-flip")[1] == Augmentation()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--epoch 9 --epochs 1", "has no saved weights for epoch 9. Choose one of these epochs: "),
        ("--epoch 1 --epochs 0", "A fork must train for at least 1 epoch, not 0."),
        ("--epoch 1 --epochs 1 --train-images some", "must be a number or “all”, not “some”"),
        ("--epoch 1 --epochs 1 --dropout 2", "dropout rate"),
        ("--epoch 1 --epochs 1 --train-images 999999", "training images and there are"),
    ],
)
def test_an_impossible_fork_is_refused_with_code_2(
    call: Call, settings: Settings, arguments: str, message: str
) -> None:
    from tests import stored_runs

    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"best": {}})
    result = call("fork", run.id, *arguments.split())
    assert result.code == 2
    assert message in result.err
    assert len(store.all()) == 1


def test_a_transferred_run_is_trained_then_unfrozen(call: Call, tiny: Any) -> None:
    arguments = (
        "train cifar10-starter --data sample --train-images 64 --batch-size 32 --epochs 1 "
        f"--start-from {tiny['run']} --freeze 5"
    )
    result = call(*arguments.split(), "--json")
    assert result.code == 0, result.err
    assert (
        "The first 5 of 8 layers start with the weights of cifar10-starter "
        f"({tiny['run']}); the others start fresh." in result.err
    )
    run = result.json["run"]
    fork = call(*f"fork {run} --epoch 1 --epochs 1 --unfreeze --learning-rate 1e-4 --json".split())
    assert fork.code == 0, fork.err
    assert "The optimiser starts fresh." in fork.err
    listed = {row["run"]: row for row in call("runs", "--json").json}
    assert listed[run]["transfer"] == {"run": tiny["run"], "layers": 5, "checkpoint": "best"}
    assert (listed[run]["parent"], listed[tiny["run"]]["transfer"]) == (None, None)
    name = listed[fork.json["run"]]["name"]
    assert name == "learning rate 0.0001 · 3 layers unfrozen · cifar10-starter from epoch 1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--start-layers 2", "name the run with --start-from"),
        ("--start-from nobody", "There is no run “nobody” here"),
        ("--freeze 99", "All layers are frozen, so nothing would be trained."),
    ],
)
def test_an_impossible_transfer_is_refused_with_code_2(
    call: Call, settings: Settings, arguments: str, message: str
) -> None:
    result = call("train", "cifar10-starter", "--data", "sample", *arguments.split())
    assert result.code == 2
    assert message in result.err
    assert RunStore(settings).all() == []
