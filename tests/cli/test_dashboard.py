"""The dashboard as ``cifarviz`` and ``make run`` open it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cifarviz import __version__
from cifarviz.cli.dashboard import ADDRESS, is_serving, main
from cifarviz.installation import DASHBOARD as ROOT
from cifarviz.installation import program_name
from tests.cli.conftest import Call


def test_a_port_that_is_no_number_is_refused() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "cifarviz"],
        cwd=ROOT,
        env={**os.environ, "PORT": "web"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (
        2,
        "PORT is a number from 1 to 65535, not 'web'.\n",
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--port 0", "--port is a number of at least 1, and “0” came."),
        ("--port web", "--port is a whole number, and “web” came."),
        ("--port 8600 train", "There is a word too many: “train”."),
        ("--colour", "There is no option --colour."),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(words.split())
    assert exit_.value.code == 2
    assert capsys.readouterr().err == f"{says} More: python -m cifarviz --help\n"


def test_the_version_is_the_packages(call: Call) -> None:
    assert call("--version") == (0, f"cifarviz {__version__}\n", "")


def test_the_help_lists_the_commands_and_the_options_of_the_dashboard(call: Call) -> None:
    text = call("--help").out
    assert "python -m cifarviz [OPTIONS] COMMAND" in text
    assert all(word in text for word in ("--port", "--no-browser", "--version", "train", "data"))


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("/opt/venv/bin/cifarviz", "cifarviz"),
        (r"cifarviz.exe", "cifarviz"),
        ("/checkout/cifarviz/__main__.py", "python -m cifarviz"),
        ("/checkout/.venv/lib/streamlit/__main__.py", "python -m cifarviz"),
    ],
)
def test_messages_name_the_command_as_it_was_called(
    called: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    assert program_name() == name


def test_the_dashboard_says_its_address_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    with socket.socket() as taken, (tmp_path / "said.txt").open("w+") as said:
        taken.bind((ADDRESS, 0))
        taken.listen()
        asked = taken.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "cifarviz"],
            cwd=ROOT,
            # No screen: no browser is to be opened by a test.
            env={**os.environ, "PORT": str(asked), "DISPLAY": "", "WAYLAND_DISPLAY": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            text = next(line for line in lines if "is taken" in line)
            port = int(text.split()[-1].rstrip("."))
            address = next(line for line in lines if "Ctrl-C" in line)
            assert f"http://{ADDRESS}:{port}" in address
            assert is_serving(f"http://{ADDRESS}:{port}")
            # As a terminal does: to the whole group.
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(20) == 0
            assert not is_serving(f"http://{ADDRESS}:{port}")
            said.seek(0)
            assert "Traceback" not in said.read()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
