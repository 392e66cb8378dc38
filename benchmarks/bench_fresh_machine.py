"""Seconds to the first page on an empty machine: a fresh clone, ``make run``, empty caches.

Each round makes a clone and empty caches for uv, pip and Python, without a uv on the PATH, and
measures from the command until everything is installed, until the server answers, and until the
first page's script has finished. Packages come from the index that pip is configured for.

    python -m benchmarks.bench_fresh_machine [ROUNDS] [OTHER_CHECKOUT]

Another checkout, such as an earlier version, is measured alternately.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results_file import write_results
from cifarviz.cli.dashboard import ADDRESS, free_port
from cifarviz.processor import machine_name
from scripts.app_server import ROOT
from scripts.page_request import exceptions, headings, request_page

_PATIENCE = 900.0
_LIMIT = 60


def main() -> None:
    """Print the seconds of each round and write them to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    others = [Path(name) for name in sys.argv[2:3]]
    checkouts = dict(zip(("this", "other"), [ROOT, *others], strict=False))
    print(machine_name())
    results: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(rounds):
        for name, checkout in checkouts.items():
            with tempfile.TemporaryDirectory(prefix="cifarviz-fresh-") as folder:
                seconds = _first_page(checkout, Path(folder))
            results[name].append(seconds)
            print(name, " ".join(f"{key} {value:.1f}" for key, value in seconds.items()))
    print(f"(limit {_LIMIT} s)")
    write_results("fresh_machine", "python -m benchmarks.bench_fresh_machine", {"seconds": results})


def _first_page(checkout: Path, folder: Path) -> dict[str, float]:
    clone = folder / "clone"
    quiet = ("-c", "advice.detachedHead=false", "clone", "--quiet")
    subprocess.run(["git", *quiet, str(checkout), str(clone)], check=True)
    port = free_port()
    load = os.getloadavg()[0]
    began = time.monotonic()
    with (folder / "log.txt").open("w+") as log:
        process = subprocess.Popen(
            ["make", "run", f"PYTHON={Path(sys.base_prefix) / 'bin' / 'python3'}"],
            cwd=clone,
            env=_environment(folder, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            installed = 0.0
            while f"cifarviz is on http://{ADDRESS}:{port}" not in _text(log.name):
                if process.poll() is not None or time.monotonic() - began > _PATIENCE:
                    raise SystemExit(f"make run did not start a dashboard:\n{_text(log.name)}")
                if not installed and list(clone.glob(".venv/installed-*")):
                    installed = time.monotonic() - began
                time.sleep(0.05)
            up = time.monotonic() - began
            page = request_page(f"http://{ADDRESS}:{port}")
            drawn = time.monotonic() - began
            if exceptions(page) or not headings(page):
                raise SystemExit(f"The first page failed: {exceptions(page)}")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(30)
    return {"installed": installed, "answers": up, "drawn": drawn, "load_before": load}


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Return the environment of an empty machine with this one's pip settings."""
    caches = {name: str(folder / name) for name in ("UV_CACHE_DIR", "PIP_CACHE_DIR")}
    homes = {name: str(folder / name) for name in ("CIFARVIZ_HOME", "KERAS_HOME")}
    folders = [
        path for path in os.environ["PATH"].split(os.pathsep) if not shutil.which("uv", path=path)
    ]
    own = {
        "PATH": os.pathsep.join(folders),
        "PORT": str(port),
        "DISPLAY": "",
        "WAYLAND_DISPLAY": "",
    }
    return {**os.environ, **caches, **homes, **own}


def _text(name: str) -> str:
    return Path(name).read_text(errors="replace")


if __name__ == "__main__":
    main()
