"""Opening a class from Start: a server that ends with the dashboard, however that ends."""

from pathlib import Path

import pytest

from cifarviz.cli.dashboard import is_serving
from cifarviz.ui.classroom.opening import ClassServer
from tests.waiting import wait_until


@pytest.mark.parametrize("how", ["stopped", "abandoned"])
def test_a_class_is_served_until_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("CIFARVIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    server = ClassServer()
    wait_until(lambda: server.state != "starting", 60)
    assert server.state == "open"
    address = str(server.address).removesuffix("/class/sign-in")
    assert is_serving(address)
    if how == "stopped":
        server.stop()
    else:
        # As the system does when the dashboard is killed.
        assert server._process.stdin is not None
        server._process.stdin.close()
    wait_until(lambda: server.state == "ended", 20)
    assert not is_serving(address)
