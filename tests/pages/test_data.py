"""The Data page: an import is read, looked at, kept or discarded; data sets are deleted."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.datasets.own import own_datasets
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import import_job, own_data
from scripts.app_server import ROOT
from tests import stored_runs
from tests.pages.app_page import elements
from tests.picture_sources import fruits, write_folder


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no address; here it stands for a browser on the same machine."""
    monkeypatch.setattr(own_data, "_sits_here", lambda: True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder({**fruits(8), "pear/notes.txt": b"hello"}, tmp_path / "pictures")


def opened() -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    return app.switch_page("pages/data.py").run()


def text(app: AppTest) -> str:
    assert not app.exception
    found = (*app.markdown, *app.caption, *app.error, *app.warning, *app.success, *app.header)
    return "\n".join(one.value for one in found).replace("\\", "")


def read(app: AppTest, path: object, title: str = "My fruits") -> AppTest:
    app.text_input(key="import-path").set_value(str(path))
    app.text_input(key="import-title").set_value(title)
    return submit(app)


def submit(app: AppTest) -> AppTest:
    (button,) = [one for one in app.button if one.label == "Read the pictures"]
    return button.click().run()


def wait_for_report(settings: Settings, app: AppTest) -> AppTest:
    job = import_job.imports(settings).newest
    assert job is not None
    for _ in range(600):
        if job.prepared is not None or job.wait(0.05):
            return app.run()
    raise AssertionError("the import did not end")


def test_pictures_are_read_looked_at_and_kept(settings: Settings, folder: Path) -> None:
    app = opened()
    assert "Your data sets" not in text(app)
    app = wait_for_report(settings, read(app, folder))
    assert "What was found in My fruits" in text(app)
    assert "**18** training and **6** test images in **3** classes" in text(app)
    assert "Fewer than 20 training images" in text(app)
    assert [one.label for one in app.expander] == ["1 skipped"]
    assert own_datasets() == ()
    app.button(key="keep-import").click().run()
    job = import_job.imports(settings).newest
    assert job is not None
    assert job.wait(30)
    app.run()
    assert "“My fruits” is a data set now" in text(app)
    assert "3 classes, 18 training and 6 test images, 32 × 32 pixels, colour" in text(app)
    (info,) = own_datasets()
    assert (info.name, info.title) == ("my-fruits", "My fruits")
    assert {one.label for one in elements(app, "page_link")} >= {"Browse", "Train on it"}


def test_what_is_discarded_leaves_nothing(settings: Settings, folder: Path) -> None:
    app = wait_for_report(settings, read(opened(), folder))
    app.button(key="discard-import").click().run()
    job = import_job.imports(settings).newest
    assert job is not None
    assert job.wait(30)
    app.run()
    assert own_datasets() == ()
    assert list(settings.datasets.iterdir()) == []
    assert "What was found" not in text(app)
    assert "Read the pictures" in [one.label for one in app.button]


@pytest.mark.parametrize(
    ("path", "title", "message"),
    [
        ("", "Fruits", "Choose a file, or enter the path"),
        ("{folder}", "", "The data set needs a name"),
        ("/nowhere/at all", "Fruits", "There is no file or folder “/nowhere/at all”"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(
    path: str, title: str, message: str, folder: Path
) -> None:
    app = read(opened(), path.format(folder=folder), title)
    assert message in text(app)
    assert app.text_input(key="import-title").value == title


def test_a_folder_without_pictures_is_refused_with_what_to_do(
    settings: Settings, tmp_path: Path
) -> None:
    app = wait_for_report(settings, read(opened(), write_folder({"a.txt": b""}, tmp_path / "x")))
    assert "holds no pictures that cifarviz can read" in text(app)


def test_equal_titles_get_names_of_their_own(settings: Settings, folder: Path) -> None:
    for name in ("my-fruits", "my-fruits-2"):
        app = wait_for_report(settings, read(opened(), folder))
        app.button(key="keep-import").click().run()
        job = import_job.imports(settings).newest
        assert job is not None
        assert job.wait(30)
        assert job.name == name
    assert len(own_datasets()) == 2


def test_paths_of_this_machine_are_only_for_who_sits_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_data, "_sits_here", lambda: False)
    assert "import-path" not in [one.key for one in opened().text_input]


def stored(settings: Settings, folder: Path) -> None:
    options = ImportOptions(title="*My* fruits", source="My *garden*.")
    with prepare_import(folder, "mine", settings, options) as prepared:
        prepared.store(settings)


def deletion_question(app: AppTest) -> str:
    app.button(key="delete-mine").click().run()
    return "\n".join([text(app), *(one.label for one in app.button)])


def test_deletion_is_asked_for_and_refused_while_a_run_trains(
    settings: Settings, folder: Path
) -> None:
    stored(settings, folder)
    question = deletion_question(opened())
    assert "with its 24 images, will be deleted" in question
    assert "Delete permanently" in question
    assert "of it will stay" not in question
    store = RunStore(settings)
    made = fit_experiment(stored_runs.experiment(), "mine")
    stored_runs.store_run(store, made)
    assert "1 run of it will stay" in deletion_question(opened())
    training = stored_runs.store_run(store, made, state=RunState.RUNNING)
    with stored_runs.hold_lock(store, training):
        question = deletion_question(opened())
    assert "A run trains on it: stop it before you delete it." in question
    assert "Delete permanently" not in question
    assert len(own_datasets()) == 1
