"""The sources of a data set: their order, messages and refusals."""

from dataclasses import replace

import pytest

from cifarviz.data.fetch import FetchProgress, fetch
from cifarviz.errors import DatasetNotFound


def test_auto_tries_the_named_folder_first(toy, settings, tmp_path):
    toy.python(settings.keras_home / "datasets" / "cifar-10-batches-py")
    named = replace(settings, data_dir=toy.png(tmp_path / "mine"))
    reports: list[FetchProgress] = []
    fetch(toy.info, named, on_progress=reports.append)
    assert "CIFARVIZ_DATA_DIR" in reports[-1].source
    assert not reports[-1].notes


@pytest.mark.parametrize(
    "below", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"]
)
def test_auto_finds_the_keras_cache_under_both_names(below, toy, settings):
    toy.python(settings.keras_home / "datasets" / below)
    assert fetch(toy.info, settings).full_available


def test_a_named_folder_without_data_is_skipped_with_a_note(toy, settings, tmp_path):
    (tmp_path / "empty").mkdir()
    toy.python(settings.keras_home / "datasets" / "cifar-10-batches-py")
    reports: list[FetchProgress] = []
    status = fetch(
        toy.info, replace(settings, data_dir=tmp_path / "empty"), on_progress=reports.append
    )
    assert status.full_available
    assert len(status.notes) == 1
    assert "CIFARVIZ_DATA_DIR" in status.notes[0]
    assert "does not hold CIFAR-10" in status.notes[0]
    assert reports[-1].notes == status.notes


def test_a_path_without_data_is_refused(toy, settings, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetNotFound, match=r"does not hold CIFAR-10"):
        fetch(toy.info, settings, str(tmp_path / "empty"))


@pytest.mark.parametrize("source", ["nowhere/at/all", "", "~nobody-of-this-name/x", "x\0y"])
def test_a_missing_path_is_refused_with_the_sources(source, settings):
    with pytest.raises(DatasetNotFound, match=r"no file or folder.*auto, keras, official, npm\."):
        fetch("cifar10", settings, source)
    with pytest.raises(DatasetNotFound, match=r"no file or folder.*keras, official, debian\."):
        fetch("fashion-mnist", settings, source)


def test_the_error_has_the_reason_of_each_source(toy, settings, tmp_path):
    named = replace(settings, data_dir=tmp_path / "gone")
    with pytest.raises(DatasetNotFound) as caught:
        fetch(toy.info, named)
    message = str(caught.value)
    assert "CIFARVIZ_DATA_DIR" in message
    assert "Keras cache" in message
    assert message.count("There is no file or folder") == 2


@pytest.mark.parametrize(
    ("name", "source", "sources"),
    [
        ("fashion-mnist", "npm", "auto, keras, official, debian"),
        ("cifar10", "debian", "auto, keras, official, npm"),
    ],
)
def test_a_source_this_data_set_does_not_have(name, source, sources, settings, stored):
    with pytest.raises(DatasetNotFound, match=rf"is not available from “{source}”\. .*{sources}"):
        fetch(name, settings, source)
    assert stored(settings) == []
