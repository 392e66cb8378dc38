"""Set-up of every test: separate folders, a quiet TensorFlow, and no skips in CI."""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from cifarviz import processor
from cifarviz.datasets import own
from cifarviz.settings import Settings

_KERAS_HOME = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    # Before anything imports TensorFlow or Keras, which read these once.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    processor.configure(Path(os.devnull))
    # Servers that tests start have no minute for it, and no fresh home is tried twice.
    os.environ["CIFARVIZ_TUNE_UP"] = "0"
    # Keras writes to its folder when it is imported; this keeps the developer's clean.
    folder = tempfile.TemporaryDirectory(prefix="cifarviz-keras-")
    config.stash[_KERAS_HOME] = folder
    os.environ["KERAS_HOME"] = folder.name


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_KERAS_HOME, None):
        folder.cleanup()


@pytest.fixture(autouse=True)
def _isolated_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Isolate each test from the developer's runs, data and caches, and from other tests."""
    monkeypatch.setenv("CIFARVIZ_HOME", str(tmp_path / "cifarviz-home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras-home"))
    # Most tests need an empty home or create their own runs.
    monkeypatch.setenv("CIFARVIZ_RECORDED", "0")
    monkeypatch.delenv("CIFARVIZ_DATA_DIR", raising=False)
    monkeypatch.delenv("CIFARVIZ_TENSORBOARD_DIR", raising=False)


@pytest.fixture(autouse=True)
def _no_given_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of the processor holds for training, and for no other test."""
    monkeypatch.setattr(processor, "_GIVEN", {})


@pytest.fixture(autouse=True)
def _no_imported_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the homes of other tests, whose imported data sets would be found."""
    monkeypatch.setattr(own, "_folders", [])


@pytest.fixture(autouse=True)
def _restore_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore ``__main__``, which AppTest replaces and spawned processes would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def settings(_isolated_folders: None) -> Settings:
    """Return the settings of this test; its folders do not exist yet."""
    return Settings.from_environment()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # An expected failure is reported as skipped, too, but is allowed.
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _refuse_in_ci(report)
    return report


def _refuse_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure in CI, where a green result means that all tests ran."""
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"In CI no test may be skipped. {reason}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests did not run, and why."""
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if report.longrepr]
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section("tests that did not run", red=True)
        for reason, count in reasons.items():
            terminalreporter.line(f"{count} skipped. {reason}")
