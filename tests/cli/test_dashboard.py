"""``cifarviz`` and ``make run`` serve the dashboard."""

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


def test_a_port_that_is_not_a_number_is_refused() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "cifarviz"],
        cwd=ROOT,
        env={**os.environ, "PORT": "web"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (result.returncode, result.stderr) == (
        2,
        "PORT must be a number from 1 to 65535, not 'web'.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--port 0", "--port must be a number of at least 1, not “0”."),
        ("--port web", "--port must be a whole number, not “web”."),
        ("--port 8600 train", "Unexpected argument: “train”."),
        ("--colour", "There is no option --colour."),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments.split())
    assert exit_.value.code == 2
    assert capsys.readouterr().err == f"{message} See python -m cifarviz --help\n"


def test_version_prints_the_version_of_the_package(call: Call) -> None:
    assert call("--version") == (0, f"cifarviz {__version__}\n", "")


def test_the_help_lists_the_commands_and_the_options_of_the_dashboard(call: Call) -> None:
    text = call("--help").out
    assert "python -m cifarviz [OPTIONS] COMMAND" in text
    assert all(word in text for word in ("--port", "--no-browser", "--version", "train", "data"))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/opt/venv/bin/cifarviz", "cifarviz"),
        (r"cifarviz.exe", "cifarviz"),
        ("/checkout/cifarviz/__main__.py", "python -m cifarviz"),
        ("/checkout/.venv/lib/streamlit/__main__.py", "python -m cifarviz"),
    ],
)
def test_messages_use_the_name_of_the_called_command(
    command: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [command])
    assert program_name() == name


def test_the_dashboard_prints_its_address_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    with socket.socket() as taken, (tmp_path / "errors.txt").open("w+") as errors:
        taken.bind((ADDRESS, 0))
        taken.listen()
        taken_port = taken.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "cifarviz"],
            cwd=ROOT,
            # Without a screen no browser is opened.
            env={**os.environ, "PORT": str(taken_port), "DISPLAY": "", "WAYLAND_DISPLAY": ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
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
            # To the process group, as a terminal sends it.
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(20) == 0
            assert not is_serving(f"http://{ADDRESS}:{port}")
            errors.seek(0)
            assert "Traceback" not in errors.read()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
