"""``cifarviz serve``: what a class's server listens to, and what is refused."""

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from cifarviz.cli import serve
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.members import load_class
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.cli.conftest import Call


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What servers would be started with; none is."""
    started: list[dict[str, Any]] = []

    def start(port: int, **options: Any) -> int:
        trusted = os.environ.get("FORWARDED_ALLOW_IPS")
        opened = os.environ.get("CIFARVIZ_CLASS")
        started.append({"port": port, **options, "class": opened, "trusted": trusted})
        return 0

    monkeypatch.setattr(serve, "serve", start)
    for name in ("CIFARVIZ_CLASS", "CIFARVIZ_CLASS_ADDRESS"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    return started


def _values(options: list[str], name: str) -> list[str]:
    return [value for option, value in itertools.pairwise(options) if option == name]


def test_without_a_class_it_is_for_this_computer_only(
    call: Call, served: list[dict[str, Any]]
) -> None:
    assert call("serve", "--port", "8600", "--no-browser").code == 0
    assert served == [{"port": 8600, "browser": False, "class": "", "trusted": "*"}]


def test_a_class_is_on_the_network_with_a_code_and_a_pass_phrase(
    call: Call, served: list[dict[str, Any]], settings: Settings
) -> None:
    first, second = call("serve", "--class").out, call("serve", "--class").out
    [one, _] = served
    assert (one["class"], one["trusted"]) == ("1", "")
    assert _values(one["options"], "--server.address") == ["0.0.0.0"]  # noqa: S104 - a class is on the network
    assert {"localhost", "127.0.0.1"} <= set(_values(one["options"], "--server.allowedHosts"))
    secrets = ClassSecrets(settings.home)
    assert secrets.join_code(load_class(RunStore(settings)).id) in first
    phrase = first.partition("shown this once: ")[2].strip()
    assert secrets.is_pass_phrase(phrase)
    assert "pass phrase" not in second
    new = (
        call("serve", "--class", "--new-pass-phrase").out.partition("shown this once: ")[2].strip()
    )
    assert secrets.is_pass_phrase(new)
    assert not secrets.is_pass_phrase(phrase)


def test_behind_a_proxy_it_listens_here_and_knows_the_public_name(
    call: Call, served: list[dict[str, Any]]
) -> None:
    assert call("serve", "--class", "--address", "https://class.example.org:8443/lab").code == 0
    options = served[0]["options"]
    assert served[0]["trusted"] == "127.0.0.1"
    assert _values(options, "--server.address") == ["127.0.0.1"]
    assert "class.example.org" in _values(options, "--server.allowedHosts")
    assert _values(options, "--server.corsAllowedOrigins") == ["https://class.example.org:8443"]


def test_certificates_are_given_to_the_server(
    call: Call, served: list[dict[str, Any]], tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("cert.pem", "key.pem")]
    for file in files:
        file.write_text("PEM")
    assert call(*f"serve --class --certificate {files[0]} --key {files[1]}".split()).code == 0
    options = served[0]["options"]
    assert _values(options, "--server.sslCertFile") == [str(files[0])]
    assert _values(options, "--server.sslKeyFile") == [str(files[1])]
    assert served[0]["tls"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--new-pass-phrase", "--new-pass-phrase is for a class: add --class."),
        ("--address https://a.example", "--address is for a class: add --class."),
        ("--class --key nothing.pem", "go together: name both files"),
        ("--class --certificate none.pem --key none.pem", "There is no file “none.pem”"),
        ("--class --address class.example.org", "must be an address such as https://"),
        ("--class --address javascript:alert(1)", "must be an address such as https://"),
    ],
)
def test_what_does_not_go_is_refused_in_words(
    call: Call, served: list[dict[str, Any]], arguments: str, message: str
) -> None:
    result = call("serve", *arguments.split())
    assert result.code in (1, 2)
    assert message in result.err
    assert not served
