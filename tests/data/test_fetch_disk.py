"""A full or read-only disk is reported when data is fetched."""

import errno
import resource
import shutil
from pathlib import Path

import pytest

from cifarviz.data import library
from cifarviz.data.fetch import fetch
from cifarviz.errors import StorageFull


def test_a_full_disk_is_reported_before_fetching(toy, settings, tmp_path, monkeypatch, stored):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    with pytest.raises(StorageFull, match=r"too full.*are needed.*are free"):
        fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")))
    assert stored(settings) == []


def test_a_disk_that_fills_up_while_writing(toy, settings, tmp_path, stored):
    mine = str(toy.binary(tmp_path / "mine"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageFull, match="is full or read-only"):
            fetch(toy.info, settings, mine)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert stored(settings) == ["cifar10"]
    assert not library.status(toy.info, settings).full_available
    assert fetch(toy.info, settings, mine).full_available


def test_a_home_that_is_a_file(toy, settings, tmp_path):
    settings.home.write_text("in the way")
    with pytest.raises(StorageFull, match="CIFARVIZ_HOME"):
        fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")))


def test_a_read_only_home_is_reported(toy, settings, tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    mine = str(toy.binary(tmp_path / "mine"))
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageFull, match="Read-only"):
        fetch(toy.info, settings, mine)
