"""A class's server, and a student of it."""

import pytest

from cifarviz.live import class_gate
from cifarviz.live.class_gate import (
    people_of_cookies,
)
from cifarviz.runs.members import (
    Member,
    join_class,
)
from cifarviz.settings import Settings
from tests.live.class_server import Server


@pytest.fixture
def server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Server:
    # A person who is removed is out at once, and not only in two seconds.
    monkeypatch.setattr(class_gate, "_KEPT_SECONDS", 0.0)
    people_of_cookies.cache_clear()
    return Server(settings)


@pytest.fixture
def ada(server: Server) -> Member:
    return join_class(server.store, "Ada")
