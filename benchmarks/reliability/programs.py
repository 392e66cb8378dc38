"""Real programs for the bars: the dashboard and the command line, as processes of a home."""

import itertools
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from benchmarks.page_client import PageClient
from cifarviz.cli.dashboard import ADDRESS, free_port, is_serving
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.members import load_class
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from scripts.app_server import ROOT

_NUMBERS = itertools.count(1)
PATIENCE = 90.0
"""Seconds after which something counts as never happening."""


def short_experiment(epochs: int, train_images: int = 512, **changes: object) -> Experiment:
    """Return ``cifar10-starter`` on some images of the sample, in float32, which repeats itself."""
    preset = PRESETS["cifar10-starter"].experiment
    own = {
        "data": Data.make(variant="sample", train_images=train_images),
        "epochs": epochs,
        "precision": "float32",
        "preset": None,
    }
    return Experiment.make(**{**dict(preset), **own, **changes})


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
    """Wait until it holds and return the seconds; raises ``TimeoutError`` that says what."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.02)
    return time.monotonic() - began


class Program:
    """A cifarviz process in a session of its own, as a context manager that leaves nothing."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        limits: Mapping[int, int] | None = None,
    ) -> None:
        """Start it; ``limits`` are those of ``resource.setrlimit``, for it and what it starts."""
        self.home = home
        self.output = home.parent / f"{home.name}-output-{next(_NUMBERS)}.txt"
        home.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cifarviz", *arguments],
                env={**program_environment(home), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                preexec_fn=partial(_prepare, dict(limits or {})),
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill it and all that it started, as a power cut does.

        Processes that train are in sessions of their own, and notice it within a second.
        """
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log(self) -> str:
        """Return what it has printed."""
        return self.output.read_text(errors="replace")


def _prepare(limits: Mapping[int, int]) -> None:
    # A shell that runs this in the background may ignore SIGINT.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for which, limit in limits.items():
        resource.setrlimit(which, (limit, resource.getrlimit(which)[1]))


class Dashboard(Program):
    """``cifarviz`` itself, serving on a port of its own."""

    def __init__(
        self,
        home: Path,
        *,
        environment: Mapping[str, str] | None = None,
        limits: Mapping[int, int] | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://{ADDRESS}:{self.port}"
        super().__init__(
            home, "--no-browser", "--port", str(self.port), environment=environment, limits=limits
        )
        self._wait_until_serving()

    def _wait_until_serving(self) -> None:
        """Wait until it answers; raises ``RuntimeError`` with its output if it ends."""
        try:
            wait_for(lambda: is_serving(self.url) or self.process.poll() is not None, "the server")
        finally:
            if self.process.poll() is not None:
                raise RuntimeError(f"the dashboard has ended:\n{self.log()}")

    @property
    def server_id(self) -> int:
        """The process that serves, a child of the command."""
        return next(iter(processes_of(self.home, f"--server.port\0{self.port}")))


class ClassDashboard(Dashboard):
    """A dashboard with a class, which people join by code and name."""

    def __init__(self, home: Path) -> None:
        secrets = ClassSecrets(home)
        self._pass_phrase = secrets.make_pass_phrase()
        self._code = secrets.join_code(load_class(open_store(home)).id)
        super().__init__(home, environment={"CIFARVIZ_CLASS": "1"})

    def join(self, name: str) -> str:
        """Join as a student; returns the cookie."""
        return self._enter("join", name=name, code=self._code)

    def sign_in(self) -> str:
        """Sign in as the teacher; returns the cookie."""
        return self._enter("sign-in", phrase=self._pass_phrase)

    def _enter(self, page: str, **form: str) -> str:
        connection = HTTPConnection(ADDRESS, self.port, timeout=PATIENCE)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url}
        with closing(connection):
            connection.request("POST", f"/class/{page}", urlencode(form), headers)
            reply = connection.getresponse()
            cookie = reply.getheader("Set-Cookie")
            if cookie is None:
                raise RuntimeError(f"class/{page}: {reply.status} {reply.read().decode()}")
        return cookie.partition(";")[0]


def visit(dashboard: Dashboard, page: str = "train", query: str = "", *, cookie: str = "") -> None:
    """Open a page as a browser does, and leave it when it is drawn."""
    with PageClient(dashboard.url, page, query, cookie=cookie) as client:
        client.wait()
        client.expect_end()


def processes_of(home: Path, word: str = "") -> list[int]:
    """Return the living processes of a home with this word in their command, by its variable.

    So none is missed that has lost its parent or has a session of its own. ``home`` may also be a
    folder with several homes.
    """
    marker, found = f"CIFARVIZ_HOME={home}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            variables, command = ((folder / name).read_bytes() for name in ("environ", "cmdline"))
            homes = (one for one in variables.split(b"\0") if word.encode() in command)
            if any(one == marker or one.startswith(marker + b"/") for one in homes):
                found.append(int(folder.name))
    return found


def program_environment(home: Path) -> dict[str, str]:
    """Return the variables of a program in this home, which measures nothing by itself."""
    own = {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "CIFARVIZ_HOME": str(home),
        "CIFARVIZ_TUNE_UP": "0",
        "CIFARVIZ_RECORDED": "0",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "DISPLAY": "",
        "WAYLAND_DISPLAY": "",
    }
    return {**os.environ, **own}


def open_store(home: Path) -> RunStore:
    """Return the store of a home, as another program there sees it."""
    return RunStore(Settings.from_environment(program_environment(home)))


def queue_run(store: RunStore, experiment: Experiment, name: str) -> str:
    """Queue a run that nobody owns, for a dashboard to take up; returns its id."""
    run_id = new_run_id()
    store.create(run_id, experiment, name, "dashboard")
    return run_id


@contextmanager
def fresh_home() -> Iterator[Path]:
    """Make a folder and yield the path of a home in it that does not exist yet."""
    with tempfile.TemporaryDirectory(prefix="cifarviz-soak-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "home"
