"""The node of a cluster on this computer: ``ray start`` in a process of its own."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cifarviz.cluster.connection import (
    NODE_LABEL,
    TOO_SLOW,
    check_answers,
    check_ray,
    explain_failure,
)
from cifarviz.cluster.files import (
    cluster_folder,
    ensure_token,
    ray_environment,
    read_own_node,
    save_own_node,
    save_token,
    token_path,
)
from cifarviz.cluster.versions import version_labels
from cifarviz.errors import ClusterError
from cifarviz.processor import usable_cores
from cifarviz.settings import Settings
from cifarviz.storage import storage_errors

DEFAULT_PORT = 6379
# Of the memory a sixteenth, within these bounds: it holds data sets and checkpoints on their way.
_STORE_BYTES = (200_000_000, 500_000_000)
_START_SECONDS = 90.0
_STOP_SECONDS = 15.0
_STARTED = "Ray runtime started."


def start_head(
    settings: Settings,
    *,
    port: int = DEFAULT_PORT,
    cpus: int | None = None,
    host: str | None = None,
    name: str | None = None,
) -> str:
    """Start the head of a cluster on this computer; returns the cluster's address.

    ``cpus``: the cores for runs; by default all but one, which the dashboard needs. ``host``: the
    address at which other computers reach this one, if it has several. ``name``: what it is called
    on the pages, by default its host name. Raises ``ClusterError``.
    """
    _check_none_runs(settings)
    _check_port(port)
    ensure_token(settings)
    cores = max(usable_cores() - 1, 0) if cpus is None else cpus
    arguments = ["--head", f"--port={port}", "--include-dashboard=false"]
    return _launch(settings, arguments, f"port {port}", cores, host, name)


def join(
    settings: Settings,
    address: str,
    token: str | None,
    *,
    cpus: int | None = None,
    host: str | None = None,
    name: str | None = None,
) -> None:
    """Make this computer a node of a cluster; raises ``ClusterError``.

    ``token`` is the cluster's, or ``None`` if this home has it; ``cpus`` are the cores for runs, by
    default all.
    """
    _check_none_runs(settings)
    check_answers(address)
    path = token_path(settings)
    before = path.read_text() if path.exists() else None
    if token is not None:
        save_token(settings, token)
    cores = usable_cores() if cpus is None else cpus
    try:
        _launch(settings, [f"--address={address}"], address, cores, host, name)
    except BaseException:
        # A wrong token does not take the place of one that is right.
        if before is None:
            path.unlink(missing_ok=True)
        else:
            save_token(settings, before)
        raise


def stop(settings: Settings) -> bool:
    """Stop the node that was started here; returns whether there was one."""
    pid = _running_pid(settings)
    save_own_node(settings, None)
    if pid is None:
        return False
    _end_processes(pid)
    return True


def _check_none_runs(settings: Settings) -> None:
    check_ray()
    if _running_pid(settings) is not None:
        raise ClusterError(
            "This computer is a node of the cluster at {address} already. Stop it first with "
            "“cifarviz cluster stop”.",
            address=read_own_node(settings)["address"],
        )


def _check_port(port: int) -> None:
    try:
        with socket.create_server(("", port)):
            pass
    except OSError as error:
        raise ClusterError(
            "Port {port} cannot be used ({reason}). Choose another with --port.",
            port=port,
            reason=error.strerror or error,
        ) from error


def _launch(
    settings: Settings,
    arguments: Sequence[str],
    address: str,
    cpus: int,
    host: str | None,
    name: str | None,
) -> str:
    """Run ``ray start`` until the node is up; returns the cluster's address."""
    folder = cluster_folder(settings)
    if host is not None and host.startswith("127."):
        raise ClusterError(
            "No other computer reaches {host}, which is each computer’s own address. Give the "
            "address that this computer has in the network, or leave out --host.",
            host=host,
        )
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(8)
    labels = ",".join(f"{n}={text}" for n, text in {**version_labels(), NODE_LABEL: mark}.items())
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *arguments]
    command += [f"--num-cpus={cpus}", f"--object-store-memory={_store_bytes()}"]
    command += [f"--labels={labels}", "--disable-usage-stats", "--log-style=record"]
    command += [f"--node-name={name or socket.gethostname()}"]
    command += [] if host is None else [f"--node-ip-address={host}"]
    log, environment = folder / "ray.log", ray_environment(settings)
    pid, text = _run_until_up(command, environment, log)
    if pid is None and TOO_SLOW in text:
        pid, text = _run_until_up(command, environment, log)
    if pid is None:
        raise explain_failure(address, text)
    found = re.search(r"ray start --address='([^']+)'", text)
    address = found[1] if found else address
    save_own_node(settings, {"address": address, "pid": pid, "mark": mark})
    return address


def _run_until_up(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> tuple[int | None, str]:
    """Return the process of a node that is up, or ``None``, and what it printed."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    end = time.monotonic() + _START_SECONDS
    while _STARTED not in (text := log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > end:
            _end_processes(process.pid)
            return None, text
        time.sleep(0.1)
    # The address is printed just after that.
    time.sleep(0.1)
    return process.pid, log.read_text(errors="replace")


def _end_processes(pid: int) -> None:
    """End the processes of a node: all are in the group of the one that started them."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < end and _is_ray(pid):
            time.sleep(0.1)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _running_pid(settings: Settings) -> int | None:
    """Return the process of the node that was started here, if it runs still."""
    pid = read_own_node(settings).get("pid")
    return pid if isinstance(pid, int) and _is_ray(pid) else None


def _is_ray(pid: int) -> bool:
    """Whether this process is one that ``_launch`` started: a number may be used again."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"ray.scripts.scripts" in command and b"start" in command


def _store_bytes() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    smallest, largest = _STORE_BYTES
    return min(max(memory // 16, smallest), largest)
