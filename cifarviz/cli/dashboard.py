"""Serve the dashboard: a Streamlit server in a child process, until it is stopped."""

import filecmp
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cifarviz import __version__, static_files
from cifarviz.cli.exit_codes import run_and_exit
from cifarviz.cli.output import print_line, print_message
from cifarviz.datasets.own import use_folder
from cifarviz.installation import DASHBOARD, IS_INSTALLED
from cifarviz.settings import Settings
from cifarviz.storage import atomic_write, storage_errors

ADDRESS = "127.0.0.1"
DEFAULT_PORT = 8501
# The server saves what trains in it, within three seconds.
_END_SECONDS = 4.5
# Requests to this machine bypass any proxy that the environment names, and take any certificate: it
# is for the name by which others open the dashboard.
_DIRECT = urllib.request.build_opener(
    urllib.request.ProxyHandler({}),
    urllib.request.HTTPSHandler(context=ssl._create_unverified_context()),  # noqa: S323 - this computer only
)


def dashboard(
    context: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port of the dashboard; if it is taken, the next free port. Default: the "
            f"environment variable PORT, else {DEFAULT_PORT}.",
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser window.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Open the dashboard until Ctrl-C."""
    if context.invoked_subcommand is not None:
        # Before a command looks a data set up.
        use_folder(Settings.from_environment().datasets)
        return
    if version:
        print_line(f"cifarviz {__version__}")
        return
    text = os.environ.get("PORT", "").strip() or str(DEFAULT_PORT)
    if port is None and (not text.isdecimal() or not 1 <= int(text) <= 65535):
        print_message(f"PORT must be a number from 1 to 65535, not {text!r}.")
        raise typer.Exit(2)
    raise typer.Exit(serve(port or int(text), browser=not no_browser))


def main(arguments: list[str] | None = None) -> None:
    """Open the dashboard and exit: 0 stopped, 1 it could not run, 2 the request was wrong."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(dashboard)
    run_and_exit(app, arguments)


def serve(
    first_port: int,
    *,
    browser: bool,
    options: Sequence[str] = (),
    tls: bool = False,
    path: str = "",
) -> int:
    """Serve the dashboard on a free port until it is stopped; return the exit code.

    Ports are tried from ``first_port`` on. ``browser``: open a window, at ``path``, if there is a
    screen. ``options`` are Streamlit's, ``tls`` says that it has a certificate.
    """
    try:
        port = free_port(first_port)
    except OSError:
        print_message(f"No port from {first_port} on is free: choose another with --port or PORT=…")
        return 1
    if port != first_port:
        print_line(f"Port {first_port} is taken: using {port}.")

    script = prepare(Settings.from_environment())
    process = subprocess.Popen(command(script, port, *options))  # noqa: S603 - a fixed program, no shell
    url = address_of(port, os.environ, tls=tls)
    try:
        while process.poll() is None and not is_serving(url):
            time.sleep(0.1)
        if process.poll() is None:
            print_line(f"\n  cifarviz is on {url}{path} (Ctrl-C stops it)\n")
            if browser and _has_screen():
                webbrowser.open(f"{url}{path}")
        return process.wait()
    except KeyboardInterrupt:
        end(process, _END_SECONDS)
        return 0


def prepare(settings: Settings) -> Path:
    """Prepare the folder that Streamlit serves and return the script in it.

    Streamlit serves only the ``static/`` folder beside its script. In a checkout it is created
    there. An installed package may be read-only, so its pages are first copied to
    ``dashboard/<hash of the installation's path>`` in the home.

    Raises ``StorageFull`` when the folder is full or read-only.
    """
    folder = DASHBOARD
    if IS_INSTALLED:
        key = hashlib.sha256(str(DASHBOARD).encode()).hexdigest()[:12]
        folder = settings.home / "dashboard" / key
    with storage_errors(folder):
        if IS_INSTALLED:
            _copy_pages(folder)
        static_files.provide_intact(folder / "static")
    return folder / "app.py"


def _copy_pages(folder: Path) -> None:
    for source in (
        DASHBOARD / "app.py",
        DASHBOARD / ".streamlit" / "config.toml",
        *(DASHBOARD / "pages").glob("*.py"),
    ):
        target = folder / source.relative_to(DASHBOARD)
        # Unchanged files stay: another server of this installation may be reading them.
        if not target.exists() or not filecmp.cmp(source, target, shallow=False):
            target.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(target, durable=False) as part:
                shutil.copyfile(source, part)


def free_port(first: int = 0) -> int:
    """Return ``first`` or the next free port; with 0 the system chooses.

    Raises:
        OSError: none of the 100 ports from ``first`` on is free.
    """
    if not first:
        with socket.socket() as probe:
            probe.bind((ADDRESS, 0))
            return int(probe.getsockname()[1])
    for port in range(first, min(first + 100, 65536)):
        with socket.socket() as probe:
            # Like the server: a port in TIME_WAIT counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port from {first} on")


def command(script: Path, port: int, *options: str) -> list[str]:
    """Return the command that serves ``script``; headless avoids Streamlit's e-mail prompt."""
    return [
        # -P: do not import modules from the current folder.
        *(sys.executable, "-P", "-m", "streamlit", "run", str(script)),
        *("--server.port", str(port), "--server.headless", "true"),
        *("--browser.gatherUsageStats", "false", "--logger.hideWelcomeMessage", "true"),
        *options,
    ]


def address_of(port: int, environment: Mapping[str, str], *, tls: bool = False) -> str:
    """Return the dashboard's URL on a port, given the environment variables."""
    base_path = environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    return f"{'https' if tls else 'http'}://{ADDRESS}:{port}/{base_path}".rstrip("/")


def is_serving(address: str) -> bool:
    """Return whether a dashboard at this URL responds."""
    try:
        with _DIRECT.open(f"{address}/_stcore/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def end(process: subprocess.Popen[bytes], patience: float = 10) -> None:
    """Terminate the process; kill it if it still runs after ``patience`` seconds."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _has_screen() -> bool:
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
