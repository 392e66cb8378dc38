"""Downloading from a web server, against one of our own."""

import hashlib
import http.server
import threading
from dataclasses import replace

import pytest

from cifarviz.data import download as download_module
from cifarviz.data.fetch import FetchProgress, fetch
from cifarviz.datasets.sources import Archive, NpmPackage
from cifarviz.errors import DatasetDamaged, DatasetNotFound, FetchCancelled


@pytest.fixture
def serve():
    """Start a server that answers each request with a given function; gives its address."""
    servers = []
    release = threading.Event()

    def start(respond):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                respond(self, release)

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
    def respond(handler, _):
        handler.send_response(200)
        handler.send_header("Content-Length", str(claimed or len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return respond


@pytest.fixture
def archive(toy, tar, tmp_path):
    folder = toy.binary(tmp_path / "made")
    return tar(folder, tmp_path / "made.tar.gz", "cifar-10-batches-bin").read_bytes()


def official(toy, url, size):
    return replace(toy.info, official=(Archive(url, size),))


def test_the_official_archive_is_downloaded_and_decoded(toy, serve, archive, settings):
    reports: list[FetchProgress] = []
    info = official(toy, serve(sends(archive)), len(archive))
    assert fetch(info, settings, on_progress=reports.append).full_available
    stages = list(dict.fromkeys(report.stage for report in reports))
    assert stages[:4] == ["looking", "connecting", "downloading", "decoding"]
    assert {r.total_bytes for r in reports if r.stage == "downloading"} == {len(archive)}
    assert [path.name for path in settings.datasets.iterdir()] == ["cifar10"]


def test_a_mirror_is_used_if_the_official_server_fails(toy, serve, archive, settings):
    info = official(toy, serve(lambda handler, _: handler.send_error(503)), len(archive))
    mirror = Archive(serve(sends(archive)), len(archive))
    status = fetch(replace(info, mirrors=((mirror,),)), settings, "official")
    assert status.full_available
    assert "127.0.0.1 responded with error 503" in status.notes[0]


def test_an_error_page_is_named(toy, serve, settings):
    info = official(toy, serve(lambda handler, _: handler.send_error(404)), 1_000)
    with pytest.raises(DatasetNotFound, match=r"127\.0\.0\.1 responded with error 404"):
        fetch(info, settings, "official")


@pytest.mark.parametrize(
    "answer",
    [
        b"\x1b[2J\x00" * 2_000,
        b"HTTP/1.1 500 " + b"\x1b[31m red " * 5_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 x\r\nLocation: /" + b"a" * 5_000 + b"\r\n\r\n",
    ],
)
def test_what_a_server_says_is_quoted_shortly_and_without_controls(toy, serve, settings, answer):
    info = official(toy, serve(lambda handler, _: handler.wfile.write(answer)), 1_000)
    with pytest.raises(DatasetNotFound) as caught:
        fetch(info, settings, "official")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_a_connection_that_breaks_off(toy, serve, archive, settings):
    info = official(toy, serve(sends(archive[:-500], len(archive))), len(archive))
    with pytest.raises(DatasetNotFound, match=r"was lost|IncompleteRead"):
        fetch(info, settings, "official")


def test_a_file_much_larger_than_expected_is_refused(toy, serve, settings):
    info = official(toy, serve(sends(bytes(100_000))), 10_000)
    with pytest.raises(DatasetNotFound, match="more than the expected 10,000 bytes"):
        fetch(info, settings, "official")


def test_a_log_in_page_instead_of_the_archive(toy, serve, settings):
    page = b"<html>please log in</html>" * 50
    with pytest.raises(DatasetDamaged, match="archive"):
        fetch(official(toy, serve(sends(page)), 10_000), settings, "official")


def test_a_server_that_cannot_be_reached(toy, settings):
    info = official(toy, "http://127.0.0.1:9/x.tar.gz", 10_000)
    with pytest.raises(DatasetNotFound, match=r"127\.0\.0\.1 cannot be reached"):
        fetch(info, settings, "official")


def test_a_silent_server_is_skipped_quickly(
    toy, serve, archive, settings, tmp_path, monkeypatch, program
):
    monkeypatch.setattr(download_module, "CONNECT_SECONDS", 0.5)
    program("npm", f"import shutil; shutil.copy({str(tmp_path / 'made.tar.gz')!r}, 'packed.tgz')")
    info = replace(
        official(toy, serve(lambda _, release: release.wait(30)), len(archive)),
        npm=NpmPackage("toy@1", len(archive)),
    )
    status = fetch(info, settings)
    assert "did not respond" in status.notes[-1]


def test_the_patience_for_a_connection_is_five_seconds_at_most():
    assert download_module.CONNECT_SECONDS <= 5


def test_cancel_works_while_the_server_stalls(toy, serve, settings):
    def stalls(handler, release):
        handler.send_response(200)
        handler.send_header("Content-Length", "10000")
        handler.end_headers()
        handler.wfile.write(b"x" * 100)
        release.wait(30)

    reports: list[FetchProgress] = []
    with pytest.raises(FetchCancelled):
        fetch(
            official(toy, serve(stalls), 10_000),
            settings,
            "official",
            reports.append,
            # As soon as the little that the server sends has come.
            lambda: any(report.done_bytes == 100 for report in reports),
        )
    assert list(settings.datasets.iterdir()) == []


def sends_file(folder):
    def respond(handler, _):
        name = handler.path.rsplit("/", 1)[-1]
        if (folder / name).is_file():
            sends((folder / name).read_bytes())(handler, None)
        else:
            handler.send_error(404)

    return respond


def fashion_archives(fashion, serve, folder):
    """Serve the four files; give the toy with their addresses, sizes and checksums."""
    address = serve(sends_file(fashion.idx(folder))).rsplit("/", 1)[0]
    files = [(file.name, file.read_bytes()) for file in sorted(folder.iterdir())]
    return replace(
        fashion.info,
        official=tuple(
            Archive(f"{address}/{name}", len(data), hashlib.md5(data).hexdigest())
            for name, data in files
        ),
    )


def test_several_official_archives_count_as_one_download(fashion, serve, settings, tmp_path):
    info = fashion_archives(fashion, serve, tmp_path / "served")
    reports: list[FetchProgress] = []
    assert fetch(info, settings, on_progress=reports.append).full_available
    downloading = [report for report in reports if report.stage == "downloading"]
    total = sum(archive.bytes for archive in info.official)
    assert {report.total_bytes for report in downloading} == {total}
    done = [report.done_bytes for report in downloading]
    assert done == sorted(done)
    assert [path.name for path in settings.datasets.iterdir()] == ["fashion-mnist"]


def test_files_that_are_there_before_the_first_look_are_counted_too(
    fashion, serve, settings, tmp_path, monkeypatch
):
    class Immediate(threading.Thread):
        def start(self):
            super().start()
            if self.name == "download":
                self.join()

    monkeypatch.setattr(threading, "Thread", Immediate)
    info = fashion_archives(fashion, serve, tmp_path / "served")
    reports: list[FetchProgress] = []
    assert fetch(info, settings, on_progress=reports.append).full_available
    downloading = [report for report in reports if report.stage == "downloading"]
    total = sum(archive.bytes for archive in info.official)
    assert {report.total_bytes for report in downloading} == {total}


def test_an_archive_with_another_checksum_is_refused(fashion, serve, settings, tmp_path):
    info = fashion_archives(fashion, serve, tmp_path / "served")
    file = tmp_path / "served" / "train-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(DatasetDamaged, match=r"train-labels-idx1-ubyte\.gz.*MD5"):
        fetch(info, settings, "official")
    assert list(settings.datasets.iterdir()) == []


def test_a_missing_archive_of_several_is_refused(fashion, serve, settings, tmp_path):
    info = fashion_archives(fashion, serve, tmp_path / "served")
    (tmp_path / "served" / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DatasetNotFound, match=r"127\.0\.0\.1 responded with error 404"):
        fetch(info, settings, "official")
    assert list(settings.datasets.iterdir()) == []
