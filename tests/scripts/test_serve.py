"""What ``make run`` does once everything is installed."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from scripts.app_server import ADDRESS, ROOT, answers


def test_a_port_that_is_no_number_is_refused() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "scripts.serve"],
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


def test_the_dashboard_says_its_address_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    with socket.socket() as taken, (tmp_path / "said.txt").open("w+") as said:
        taken.bind((ADDRESS, 0))
        taken.listen()
        asked = taken.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "scripts.serve"],
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
            assert answers(port)
            # As a terminal does: to the whole group.
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(20) == 0
            assert not answers(port)
            said.seek(0)
            assert "Traceback" not in said.read()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
