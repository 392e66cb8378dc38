"""The Data page: an import is read, looked at, kept or discarded; data sets are deleted."""

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data.importing.editing import PictureSelection
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.datasets.own import own_datasets
from cifarviz.datasets.registry import find_dataset
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.runs.own_pictures import delete_own_pictures
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import import_job, own_data
from cifarviz.ui.derived_data import parse_class_table
from scripts.app_server import ROOT
from tests import stored_runs
from tests.pages.app_page import elements
from tests.picture_sources import fruits, write_folder, write_zip


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no address; here it stands for a browser on the same machine."""
    monkeypatch.setattr(own_data, "is_local_browser", lambda: True)


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


def test_titles_that_differ_little_get_names_of_their_own(settings: Settings, folder: Path) -> None:
    for title, name in (("My fruits", "my-fruits"), ("My fruits!", "my-fruits-2")):
        app = wait_for_report(settings, read(opened(), folder, title))
        app.button(key="keep-import").click().run()
        job = import_job.imports(settings).newest
        assert job is not None
        assert job.wait(30)
        assert job.name == name
    assert len(own_datasets()) == 2
    # The same title could not be told apart.
    app = read(opened(), folder, "my Fruits")
    assert "There is a data set called “my Fruits” already" in text(app)
    assert app.text_input(key="import-title").value == "my Fruits"


@pytest.mark.parametrize(
    "name", ["사과와 배" * 20 + ".zip", "../../etc/x.zip", "..", "/", "a\0b\n"]
)
def test_an_upload_may_have_any_name(settings: Settings, tmp_path: Path, name: str) -> None:
    content = write_zip(fruits(8), tmp_path / "fruits.zip").read_bytes()
    app = opened()
    app.file_uploader(key="import-file").set_value((name, content, "application/zip"))
    app.text_input(key="import-title").set_value("My fruits")
    app = wait_for_report(settings, submit(app))
    assert "What was found in My fruits" in text(app)
    app.button(key="discard-import").click().run()


def test_paths_of_this_machine_are_only_for_who_sits_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_data, "is_local_browser", lambda: False)
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
    assert "A run trains on it. Stop it first." in question
    assert "Delete permanently" not in question
    assert len(own_datasets()) == 1


def test_a_data_set_is_made_of_another_here(settings: Settings) -> None:
    app = opened()
    assert "10 classes, 5,000 training and 1,000 test images." in text(app)
    app.number_input(key="derive-images-cifar10").set_value(30).run()
    assert "10 classes, 300 training and 1,000 test images." in text(app)
    app.number_input(key="derive-images-cifar10").set_value(501).run()
    assert "has 500 training images, fewer than 501" in text(app)
    assert "derive" not in [one.key for one in app.button]
    app.number_input(key="derive-images-cifar10").set_value(30)
    app.text_input(key="derive-title-cifar10").set_value("").run()
    app.button(key="derive").click().run()
    assert "The data set needs a name" in text(app)
    app.text_input(key="derive-title-cifar10").set_value("Few").run()
    app.button(key="derive").click().run()
    job = import_job.imports(settings).newest
    assert job is not None
    assert job.wait(30)
    app.run()
    assert "“Few” is a data set now" in text(app)
    (info,) = own_datasets()
    assert (info.name, info.train_images, info.derived_from) == (
        "few",
        300,
        "CIFAR-10 (embedded sample)",
    )
    assert "Made of CIFAR-10 (embedded sample). Source: Alex Krizhevsky" in text(app)
    # Its classes are offered, too.
    app.selectbox(key="derive-from").set_value("few").run()
    assert "10 classes, 300 training and 1,000 test images." in text(app)


def test_the_table_of_classes_leaves_out_renames_and_merges() -> None:
    info = find_dataset("mnist")
    new = ["even", "odd", "even", "odd", None, " nine  plus ", *["x"] * 4]
    table = pd.DataFrame({"Take": [True] * 6 + [False] * 4, "New name": new})
    assert parse_class_table(info, table) == {
        "even": [info.classes[0], info.classes[2]],
        "odd": [info.classes[1], info.classes[3]],
        "": [info.classes[4]],
        "nine plus": [info.classes[5]],
    }


def _edit_form() -> None:
    """The content of a dialog, which AppTest closes at each run."""
    from cifarviz.datasets.registry import find_dataset
    from cifarviz.ui import cache
    from cifarviz.ui.own_pictures import render_edit_form

    cache.settings()
    render_edit_form(find_dataset("mine"))


def _picture_deletion() -> None:
    from cifarviz.datasets.registry import find_dataset
    from cifarviz.ui import cache
    from cifarviz.ui.own_pictures import render_picture_deletion

    cache.settings()
    render_picture_deletion(find_dataset("mine"))


def test_texts_are_edited_and_names_of_files_left_out(settings: Settings, folder: Path) -> None:
    stored(settings, folder)
    app = AppTest.from_function(_edit_form, default_timeout=60).run()
    assert app.text_input(key="edit-source").value == "My *garden*."
    app.text_input(key="edit-title").set_value(" ")
    app.button[0].click().run()
    assert "needs a title" in text(app)
    app.text_input(key="edit-title").set_value("*My* fruits")
    app.text_input(key="edit-licence").set_value("CC0")
    app.button[0].click().run()
    app = opened()
    assert "Source: My *garden*. Licence: CC0." in text(app)
    (info,) = own_datasets()
    assert info.terms == "CC0"
    app.checkbox(key="import-drop-names").check()
    app = wait_for_report(settings, read(app, folder, "Nameless"))
    assert "1 skipped" in [one.label for one in app.expander]
    app.button(key="keep-import").click().run()
    job = import_job.imports(settings).newest
    assert job is not None
    assert job.wait(30)
    assert "notes.txt" not in (settings.datasets / "nameless/dataset.json").read_text()
    assert "notes.txt" in (settings.datasets / "mine/dataset.json").read_text()


def test_a_class_is_deleted_and_its_run_says_so(settings: Settings, folder: Path) -> None:
    stored(settings, folder)
    store = RunStore(settings)
    made = fit_experiment(stored_runs.experiment(), "mine")
    run = stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    app = AppTest.from_function(_picture_deletion, default_timeout=60).run()
    assert "1 run of it will stay" in text(app)
    assert app.button(key="delete-marked").disabled
    app.selectbox(key="marking-class").set_value(1).run()
    app.button(key="delete-class").click().run()
    app = opened()
    assert "3 classes, 12 training and 4 test images" in text(app)
    sentence = "The images of *My* fruits have changed since “mine” was trained on them."
    for page in ("evaluate", "inside", "predict", "runs"):
        app.query_params.clear()
        app.query_params["runs" if page == "runs" else "run"] = run.id
        app.switch_page(f"pages/{page}.py").run()
        assert text(app).count(sentence) == 1, page


def test_without_a_training_picture_its_run_is_still_evaluated_on_test_images(
    settings: Settings, folder: Path
) -> None:
    stored(settings, folder)
    store = RunStore(settings)
    made = fit_experiment(stored_runs.experiment(), "mine")
    run = stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    delete_own_pictures(store, "mine", PictureSelection(train=frozenset({0})))
    app = opened()
    for page, drawn in (
        ("evaluate", "all 6 test images"),
        ("predict", "Click a test image"),
        ("inside", ""),
    ):
        app.query_params.clear()
        app.query_params["run"] = run.id
        app.switch_page(f"pages/{page}.py").run()
        assert text(app).count("The training images of *My* fruits have changed") == 1, page
        assert drawn in text(app)
        assert not app.error
    app.query_params["split"] = "train"
    app.run()
    assert "Choose Upload to look inside with another picture." in text(app)
