"""A Streamlit server in a child process, for screenshots, benchmarks and browser tests.

It is started with the command of ``cifarviz``, so that tests run what users run.
"""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from cifarviz import static_files
from cifarviz.cli.dashboard import ADDRESS, address_of, command, end, free_port, is_serving
from cifarviz.installation import DASHBOARD as ROOT

__all__ = ["ADDRESS", "ROOT", "AppServer", "free_port", "is_serving", "serve_files"]


def serve_files() -> None:
    """Provide the static files that the server serves to browsers."""
    static_files.provide_intact(ROOT / "static")


class AppServer:
    """A server as a context manager; its output goes to a file.

    Args:
        script: the Streamlit script.
        home: the server's ``CIFARVIZ_HOME``.
        log: the file for its output.
        environment: variables that override those of this process.
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
        self._script = script
        self._log = log
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "CIFARVIZ_HOME": str(home),
            # It would take the processor from what is tested or measured.
            "CIFARVIZ_TUNE_UP": "0",
            **(environment or {}),
        }
        self.url = address_of(self.port, self._environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process ID; raises ``RuntimeError`` before the server is started."""
        if self._process is None:
            raise RuntimeError("The server has not been started.")
        return self._process.pid

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
        """Start the server and wait until it responds.

        Raises:
            RuntimeError: it ended or did not respond for ``patience`` seconds; with its output.
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
        while not is_serving(self.url):
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                self.stop()
                problem = f"ended with {code}" if code is not None else "did not respond in time"
                raise RuntimeError(f"The server of {self._script.name} {problem}:\n{self.log()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the server; does nothing if it has stopped already."""
        if self._process is not None:
            end(self._process)

    def kill(self) -> None:
        """Kill the server, to simulate a crash or a power failure."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """Return the output so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
