"""``cifarviz learning-rate`` finds a rate, prints it, and stores nothing."""

from cifarviz.experiment.formatting import format_rate
from cifarviz.runs import locks
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.cli.conftest import Call

SHORT = (
    *("learning-rate", "fashion-mnist-cnn", "--data", "sample", "--train-images", "640"),
    *("--seed", "3", "--precision", "float32"),
)


def test_it_prints_the_suggested_rate_and_every_point(call: Call, settings: Settings) -> None:
    result = call(*SHORT, "--steps", "120", "--json")
    assert result.code == 0
    found = result.json
    assert found.keys() == {"suggested", "steepest", "points", "seconds", "note"}
    rates = [point["rate"] for point in found["points"]]
    assert 20 < len(rates) <= 120
    assert rates == sorted(rates)
    assert rates[0] < found["suggested"] < rates[-1]
    assert rates[0] <= found["steepest"] <= rates[-1]
    assert all(0 < point["loss"] < 100 and point["smoothed"] > 0 for point in found["points"])
    assert found["seconds"] > 0
    assert found["note"] is None
    assert RunStore(settings).all() == []

    again = call(*SHORT, "--steps", "120")
    assert again.code == 0
    assert f"suggested      {format_rate(found['suggested'])}" in again.out
    assert "Suggested is a" in again.err
    assert f"{len(rates)} steps in" in again.err


def test_without_a_fall_of_the_loss_it_says_so_and_fails(call: Call) -> None:
    # Batches of four images: much too few steps to learn from.
    result = call(
        *("learning-rate", "cifar10-starter", "--data", "sample", "--steps", "20", "--json")
    )
    assert result.code == 1
    assert result.json["suggested"] is None
    assert "did not clearly fall" in result.json["note"]
    assert "did not clearly fall" in result.err


def test_it_is_refused_while_a_run_trains(call: Call, settings: Settings) -> None:
    slot = locks.acquire(RunStore(settings).slot_path())
    assert slot is not None
    result = call(*SHORT, "--steps", "20")
    slot.release()
    assert result.code == 2
    assert "Wait until it has ended, or stop it" in result.err


def test_wrong_options_are_named(call: Call) -> None:
    assert "at least 20" in call(*SHORT, "--steps", "3").err
    assert call("learning-rate", "nothing").code == 2
