"""The tune-up measures in processes of their own, keeps the best, and can be given up."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from cifarviz import processor
from cifarviz.errors import TuneUpFailed, TuneUpGivenUp
from cifarviz.processor import TENSORFLOW_ALONE, ProcessorUse, Trial, Tuned, load_tuned
from cifarviz.training import tune_up as tuning
from cifarviz.training.tune_up import describe, gain, tune_up


def speeds(vgg: float, starter: float) -> Mapping[str, float]:
    return {"cifar10-vgg": vgg, "cifar10-starter": starter}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[ProcessorUse, Mapping[str, float] | None]:
    """Speeds by use, instead of timing; that of uses that are missing is low."""
    known: dict[ProcessorUse, Mapping[str, float] | None] = {}

    def run_trial(home: Path, use: ProcessorUse, *_: object, **__: object) -> list[list[str]]:
        found = known.get(use, speeds(50, 500))
        return [[name, str(speed)] for name, speed in (found or {}).items()]

    monkeypatch.setattr(tuning, "_run_trial", run_trial)
    monkeypatch.setattr(processor, "_GIVEN", {})
    monkeypatch.setattr(processor, "flags", lambda *_: frozenset({"avx2"}))
    return known


def limit_cores(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    for module in (processor, tuning):
        monkeypatch.setattr(module, "usable_cores", lambda: cores)


def test_steps_are_really_timed_and_the_result_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "PRESETS_TIMED", ("cifar10-starter",))
    monkeypatch.setattr(tuning, "PRESETS", ("cifar10-starter",))
    monkeypatch.setattr(tuning, "has_bfloat16", lambda: True)
    monkeypatch.setattr(tuning, "_thread_uses", lambda cores: [])
    reports: list[tuning.TuneUpProgress] = []
    tuned = tune_up(tmp_path / "home", reports.append)
    *trials, last = reports
    assert [report.trial for report in trials] == list(range(1, len(tuned.trials) + 1))
    assert last.text == "the faster precision of each preset"
    assert tuned.trials[0].use == TENSORFLOW_ALONE.with_environment(processor.given_variables())
    assert all(trial.images_per_second["cifar10-starter"] > 0 for trial in tuned.trials)
    assert load_tuned(tmp_path / "home") == tuned
    # A first run finds its precision there.
    (timing,) = json.loads((tmp_path / "home" / "precision.json").read_text()).values()
    assert timing["float32"] > 0


@pytest.mark.parametrize("cores", [1, 2, 4, 6, 16])
def test_each_use_is_tried_once_and_needs_no_more_than_the_cores(
    cores: int,
    measured: dict[ProcessorUse, Mapping[str, float] | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_cores(monkeypatch, cores)
    reports: list[tuning.TuneUpProgress] = []
    tuned = tune_up(tmp_path, reports.append)
    uses = [trial.use for trial in tuned.trials]
    assert len(set(uses)) == len(uses) == reports[-1].trial <= reports[-1].trials
    assert uses[:2] == [TENSORFLOW_ALONE, processor.default_use()]
    assert all(use.intra_threads * use.inter_threads <= cores for use in uses)
    assert all(use.onednn for use in uses[1:])
    if cores > 1:
        assert ProcessorUse(True, 1, cores, cores) in uses
        assert ProcessorUse(True, cores, 1, 1) in uses


def test_the_best_is_kept_and_described(
    measured: dict[ProcessorUse, Mapping[str, float] | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_cores(monkeypatch, 4)
    best = ProcessorUse(True, 2, 2, 2)
    measured[best] = speeds(200, 500)
    tuned = tune_up(tmp_path)
    assert tuned.use == best
    assert describe(tuned) == (
        "Chosen for this computer: oneDNN on, 2 operations at a time with 2 threads each, batches "
        "in 2 parts side by side. That is 2.0 times as fast as TensorFlow by itself, in float32: "
        "cifar10-vgg 200 instead of 50 images a second and cifar10-starter 500 instead of 500 "
        "images a second."
    )


def test_a_gain_within_the_noise_changes_nothing(
    measured: dict[ProcessorUse, Mapping[str, float] | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_cores(monkeypatch, 4)
    measured[ProcessorUse(True, 2, 2, 2)] = speeds(52, 510)
    tuned = tune_up(tmp_path)
    assert tuned.use == processor.default_use()
    assert "TensorFlow by itself is about as fast here." in describe(tuned)


def test_where_flags_do_not_tell_onednn_is_measured(
    measured: dict[ProcessorUse, Mapping[str, float] | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_cores(monkeypatch, 2)
    monkeypatch.setattr(processor, "flags", lambda *_: frozenset())
    measured[ProcessorUse(True, 1, 2, 2)] = speeds(100, 600)
    tuned = tune_up(tmp_path)
    assert tuned.use == ProcessorUse(True, 1, 2, 2)
    assert ProcessorUse(False, 1, 2, 2) in [trial.use for trial in tuned.trials]
    assert ProcessorUse(True, 2, 1, 1) in [trial.use for trial in tuned.trials]


def test_what_the_environment_sets_is_not_tried_otherwise(
    measured: dict[ProcessorUse, Mapping[str, float] | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_cores(monkeypatch, 4)
    monkeypatch.setattr(processor, "_GIVEN", {"TF_ENABLE_ONEDNN_OPTS": "0"})
    tuned = tune_up(tmp_path)
    assert {trial.use.onednn for trial in tuned.trials} == {False}


def test_a_use_that_fails_is_left_out(
    measured: dict[ProcessorUse, Mapping[str, float] | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit_cores(monkeypatch, 2)
    measured[TENSORFLOW_ALONE] = None
    tuned = tune_up(tmp_path)
    assert TENSORFLOW_ALONE not in [trial.use for trial in tuned.trials]
    # Nothing is compared with what could not be measured.
    assert "TensorFlow by itself" not in describe(tuned)
    assert describe(tuned).startswith("Chosen for this computer: oneDNN on")


def test_a_whole_failure_says_what_to_do_and_keeps_what_was_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "_run_trial", lambda *_, **__: [])
    with pytest.raises(TuneUpFailed, match="Try again when nothing else is at work"):
        tune_up(tmp_path)
    assert not (tmp_path / processor.TUNED_FILE).exists()


def test_a_run_that_begins_ends_the_trial_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TuneUpGivenUp, match="Start it again when nothing trains"):
        tune_up(tmp_path, given_up=lambda: time.monotonic() > began + 0.3)
    assert not (tmp_path / processor.TUNED_FILE).exists()


def test_a_trial_ends_with_the_process_that_started_it() -> None:
    command = [sys.executable, "-m", "cifarviz.training.trial", *tuning.PRESETS_TIMED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 1


def test_gains_are_ratios_of_each_network() -> None:
    one, other = Trial(TENSORFLOW_ALONE, speeds(10, 1000)), Trial(TENSORFLOW_ALONE, speeds(20, 500))
    assert gain(one, other) == pytest.approx(1)
    assert Tuned(TENSORFLOW_ALONE, (one,), "2026-11-29").trials[0] is one
