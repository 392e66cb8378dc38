"""What holds for every test: folders of its own, a quiet TensorFlow, and no skips in CI."""

import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from cifarviz.settings import Settings

_KERAS_HOME = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    # Before anything imports TensorFlow or Keras, which read these once.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Keras writes into its folder when it is imported: not into the developer's own.
    folder = tempfile.TemporaryDirectory(prefix="cifarviz-keras-")
    config.stash[_KERAS_HOME] = folder
    os.environ["KERAS_HOME"] = folder.name


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_KERAS_HOME, None):
        folder.cleanup()


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep each test away from the developer's runs, data and caches, and from other tests."""
    monkeypatch.setenv("CIFARVIZ_HOME", str(tmp_path / "cifarviz-home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras-home"))
    # Most tests are about homes with nothing in them, or with runs of their own.
    monkeypatch.setenv("CIFARVIZ_RECORDED", "0")
    monkeypatch.delenv("CIFARVIZ_DATA_DIR", raising=False)
    monkeypatch.delenv("CIFARVIZ_TENSORBOARD_DIR", raising=False)


@pytest.fixture(autouse=True)
def _own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves its page as ``__main__``, which processes that are spawned later would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def settings(_own_folders: None) -> Settings:
    """The settings of this test alone; none of the folders exists yet."""
    return Settings.from_environment()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # An expected failure counts as skipped too, but is no test left out.
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
    """Make a skip a failure where nobody would notice it: a green CI means all tests ran."""
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"In CI no test may be skipped. {reason}"
