"""A store of each test's own, a run with something of every kind, and another home."""

from dataclasses import replace
from pathlib import Path

import pytest

from cifarviz.runs.backup import back_up
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.runs.full_run import store_full_run


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


@pytest.fixture
def run(store: RunStore) -> Run:
    """A run with a history, batches, a checkpoint and snapshots."""
    return store_full_run(store)


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> RunStore:
    """The store of another home."""
    return RunStore(replace(settings, home=tmp_path / "another-home"))


@pytest.fixture
def backup(store: RunStore, run: Run, tmp_path: Path) -> Path:
    """A backup of the home with that run."""
    path = tmp_path / "backup.zip"
    back_up(store.settings, path)
    return path
