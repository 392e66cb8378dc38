"""``tune`` searches, goes on, lists and stops as docs/command-line.md describes."""

import signal
import subprocess
import sys
from pathlib import Path

from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.cli.conftest import Call
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]

ONE_EPOCH = "--data sample --train-images 64 --batch-size 32 --epochs 1 --precision float32"
TINY = ("tune", "cifar10-starter", *ONE_EPOCH.split(), "--param", "learning_rate=log:1e-4:1e-1")


def test_a_study_prints_its_trials_and_the_best(call: Call) -> None:
    result = call(*TINY, "--param", "width=0.5,1", "--trials", 3, "--json")
    assert result.code == 0
    found = result.json
    assert found["state"] == "finished"
    assert [set(trial) for trial in found["trials"]] == [{"run", "params", "value", "state"}] * 3
    assert {trial["state"] for trial in found["trials"]} <= {"finished", "pruned"}
    assert found["best"]["value"] == max(trial["value"] for trial in found["trials"])
    assert found["trials"][0]["params"] == {"learning_rate": 0.001, "width": 1.0}
    assert f"Best: accuracy {found['best']['value']:.4f} with learning rate" in result.err
    assert "optimistic" in result.err
    for trial in found["trials"]:
        assert f"({trial['run']}): learning_rate" in result.err

    more = call("tune", "resume", found["study"][:6], "--more-trials", 1, "--json").json
    assert more["trials"][:3] == found["trials"]
    assert len(more["trials"]) == 4
    [listed] = call("tune", "list", "--json").json
    assert listed == more
    table = call("tune", "list").out
    assert found["study"] in table
    assert "finished" in table
    stopped = call("tune", "stop", found["study"])
    assert "has ended already" in stopped.err


def test_wrong_parameters_are_refused_before_anything_is_stored(call: Call) -> None:
    for param, reason in (
        ("speed=1,2", "There is no parameter “speed”"),
        ("learning_rate=log:0:1", "cannot begin at 0"),
        ("batch_size=0,1", "“batch size” cannot be 0"),
    ):
        result = call("tune", "cifar10-starter", "--data", "sample", "--param", param)
        assert result.code == 2
        assert reason in result.err
    assert call("tune", "cifar10-nothing", "--param", "flip=on,off").code == 2
    assert call("tune", "cifar10-starter", "--data", "sample").code == 2
    assert call("tune", "resume", "abc").code == 2
    assert call("tune", "list", "--json").json == []


def test_ctrl_c_stops_the_trial_with_its_weights_and_resume_goes_on(
    call: Call, settings: Settings
) -> None:
    arguments = [*TINY, "--trials", "1"]
    arguments[arguments.index("--epochs") + 1] = "500"
    store = RunStore(settings)
    process = subprocess.Popen(
        [sys.executable, "-m", "cifarviz", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background may ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(lambda: any(run.epochs_done > 1 for run in store.all()), seconds=180)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    [run] = store.all()
    assert run.state is RunState.STOPPED
    [listed] = call("tune", "list", "--json").json
    assert (listed["state"], listed["message"]) == ("stopped", "Stopped by you.")
    assert listed["best"]["run"] == run.id
