"""A store of each test's own."""

import pytest

from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)
