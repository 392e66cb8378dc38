"""A store of each test's own, a run with something of every kind, and another home."""

from dataclasses import replace
from pathlib import Path

import pytest

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
