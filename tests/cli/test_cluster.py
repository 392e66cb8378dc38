"""``cifarviz cluster`` says in a sentence why a cluster cannot be started, joined or found."""

import socket
import stat
from pathlib import Path

import pytest

from cifarviz.cluster import connection
from cifarviz.cluster.files import ensure_token, ray_environment, save_own_node, token_path
from cifarviz.settings import Settings
from tests.cli.conftest import Call


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CIFARVIZ_CLUSTER_TOKEN", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status"], "No cluster was started here. Start one with “cifarviz cluster start”"),
        (["stop"], "This computer is no node of a cluster"),
        (["join", "head:6379"], "The token of the cluster is missing."),
        (["join", "head:6379", "--token-file", "nowhere"], "cannot be read (No such file"),
    ],
)
def test_what_is_missing_is_said(call: Call, arguments: list[str], words: str) -> None:
    result = call("cluster", *arguments)
    assert result.code == 1
    assert words in result.err


def test_an_address_at_which_nothing_answers_is_said_at_once(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFARVIZ_CLUSTER_TOKEN", "secret")
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        result = call("cluster", "join", f"127.0.0.1:{port}")
    assert result.code == 1
    assert f"Nothing answers at 127.0.0.1:{port} (Connection refused)." in result.err
    assert "is no address of a cluster" in call("cluster", "join", "head").err


def test_a_port_in_use_is_said_at_once(call: Call) -> None:
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        result = call("cluster", "start", "--port", str(port))
    assert result.code == 1
    assert f"Port {port} cannot be used (Address already in use" in result.err


def test_other_systems_are_told_that_nodes_need_linux(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection.sys, "platform", "darwin")  # type: ignore[attr-defined]
    for command in (["start"], ["join", "head:6379"]):
        monkeypatch.setenv("CIFARVIZ_CLUSTER_TOKEN", "secret")
        assert "The computers of a cluster need Linux." in call("cluster", *command).err


def test_the_token_is_made_once_and_for_its_owner_only(settings: Settings) -> None:
    path = ensure_token(settings)
    token = path.read_text()
    assert len(token) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_token(settings).read_text() == token
    environment = ray_environment(settings)
    assert environment["RAY_AUTH_MODE"] == "token"
    assert environment["RAY_AUTH_TOKEN_PATH"] == str(token_path(settings))
    assert environment["RAY_USAGE_STATS_ENABLED"] == "0"
    # Not as text, which other users could read in the list of processes.
    assert token not in " ".join(environment.values())


def test_a_node_that_has_ended_is_forgotten(call: Call, settings: Settings) -> None:
    # The number of a process that is no node, as after a restart of the computer.
    save_own_node(settings, {"address": "head:6379", "pid": 1, "mark": "a"})
    assert "is no node of a cluster" in call("cluster", "stop").err
    assert not (settings.home / "cluster" / "node.json").exists()


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (
            "AuthenticationError: RPC error: InvalidAuthToken: Authentication token is missing",
            "refuses this token",
        ),
        (
            "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
            "This process on head was started with:\n    Ray: 2.60.0\n    Python: 3.11.9\n",
            "has Ray 2.60.0 and Python 3.11.7, and this computer Ray 2.60.0 and Python 3.11.9.",
        ),
        ("The current node timed out during startup.", "is too busy now"),
        ("Connection error", "does not answer, or this computer is none of its nodes"),
    ],
)
def test_what_ray_prints_becomes_a_sentence(printed: str, words: str) -> None:
    assert words in str(connection.explain_failure("head:6379", printed))


def test_a_token_file_that_is_no_text_is_refused(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe\x00")
    assert "it is no text" in call("cluster", "join", "head:6379", "--token-file", str(file)).err
