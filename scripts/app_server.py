"""Start the dashboard, or another Streamlit script, in a process of its own and stop it again.

``make run``, the screenshots and the browser tests all start it here, so what is tested is what
people get.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "127.0.0.1"
# Straight to this machine, whatever proxy the environment names.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port(first: int = 0) -> int:
    """Return ``first`` or the next port that nobody listens on; 0 lets the system choose.

    Raises:
        OSError: none of the hundred ports from ``first`` on is free.
    """
    if not first:
        with socket.socket() as probe:
            probe.bind((ADDRESS, 0))
            return int(probe.getsockname()[1])
    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe:
            # As the server does: a port that only waits for old connections to end is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port from {first} on")


def serve_files() -> None:
    """Put the files that the server hands to browsers where it looks for them."""
    subprocess.run([sys.executable, "-m", "cifarviz.ui.static_files"], cwd=ROOT, check=True)


def command(script: Path, port: int, *options: str) -> list[str]:
    """Return the command that serves ``script``; headless, as Streamlit else asks for an e-mail."""
    return [
        *(sys.executable, "-m", "streamlit", "run", str(script)),
        *("--server.port", str(port), "--server.headless", "true"),
        *("--browser.gatherUsageStats", "false", "--logger.hideWelcomeMessage", "true"),
        *options,
    ]


def answers(port: int) -> bool:
    """Say whether the server on this port is up."""
    try:
        with _DIRECT.open(f"http://{ADDRESS}:{port}/_stcore/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def end(process: subprocess.Popen[bytes], patience: float = 10) -> None:
    """Ask the process to stop, wait ``patience`` seconds, then make it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class AppServer:
    """A server for tests and pictures, as a context manager; its output goes to a file.

    Args:
        script: the Streamlit script.
        home: its ``CIFARVIZ_HOME``.
        log: the file for what it prints.
        environment: variables for it alone, over those of this process.
    """

    def __init__(
        self,
        script: Path,
        home: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://{ADDRESS}:{self.port}"
        self._script = script
        self._log = log
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "CIFARVIZ_HOME": str(home),
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "AppServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, patience: float = 60) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it ended, or did not answer for ``patience`` seconds; with its output.
        """
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command(self._script, self.port, "--server.address", ADDRESS),
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + patience
        while not answers(self.port):
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                what = f"ended with {code}" if code is not None else "did not answer in time"
                raise RuntimeError(f"The server of {self._script.name} {what}:\n{self.log()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it; harmless when it has stopped already."""
        if self._process is not None:
            end(self._process)

    def kill(self) -> None:
        """End it at once, as a crash or a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """Return what it has printed so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
