"""AppServer starts and stops a server."""

import socket
from pathlib import Path

import pytest

from scripts.app_server import ADDRESS, AppServer, free_port, is_serving


def test_a_taken_port_is_replaced_by_the_next_free_port() -> None:
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) < port + 100
    assert free_port(port) == port


def test_a_server_that_ends_at_once_raises_its_output(tmp_path: Path) -> None:
    server = AppServer(tmp_path / "missing.py", tmp_path, tmp_path / "log.txt")
    with pytest.raises(RuntimeError, match=r"(?s)missing\.py ended with .*does not exist"):
        server.start()
    assert not is_serving(server.url)
