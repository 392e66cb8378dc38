"""``fork`` on the command line, and what evaluate takes for a run's answer."""

from typing import Any

import pytest

from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.cli.conftest import Call


def test_a_fork_goes_on_and_says_where_it_came_from(
    call: Call, tiny: Any, settings: Settings
) -> None:
    words = f"fork {tiny['run']} --epoch 2 --epochs 1 --flip --train-images 40"
    answer = call(*words.split(), "--json")
    assert answer.code == 0
    assert answer.json["epochs"] == 3
    assert len(answer.json["history"]["loss"]) == 1
    assert "its state is carried over" in answer.err
    listed = call("runs", "--json").json
    fork = next(run for run in listed if run["run"] == answer.json["run"])
    assert (fork["parent"], fork["parent_epoch"], fork["train_images"]) == (tiny["run"], 2, 40)
    assert fork["name"] == "cifar10-starter from epoch 2 · 40 images · flip"
    # What a person chose on the Runs page is what the command line answers with.
    RunStore(settings).prefer(tiny["run"], "best")
    assert call("evaluate", tiny["run"], "--json").json["checkpoint"] == "best"
    asked = call("evaluate", tiny["run"], "--checkpoint", "last", "--json")
    assert asked.json["checkpoint"] == "last"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--epoch 9 --epochs 1", "has not kept its weights after epoch 9; it has those after: "),
        ("--epoch 1 --epochs 0", "A fork must train for at least 1 epoch, not 0."),
        ("--epoch 1 --epochs 1 --train-images some", "is a number of images or “all”, not “some”"),
        ("--epoch 1 --epochs 1 --dropout 2", "dropout rate"),
        ("--epoch 1 --epochs 1 --train-images 999999", "training images and there are"),
    ],
)
def test_what_cannot_be_forked_is_one_line_and_code_2(
    call: Call, settings: Settings, words: str, said: str
) -> None:
    from tests import stored_runs

    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"best": {}})
    answer = call("fork", run.id, *words.split())
    assert answer.code == 2
    assert said in answer.err
    assert len(store.all()) == 1
