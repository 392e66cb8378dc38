"""Every page with data sets of other sizes and numbers of classes: fetched, imported, and not."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data.importing.editing import delete_dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.datasets.registry import find_dataset
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import save_predictions, save_weights
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import weights_job
from scripts.app_server import ROOT
from tests import stored_runs
from tests.components import image_map, map_positions
from tests.made_up_datasets import BOTH, MANY, WIDE, fetch_into, register
from tests.picture_sources import fruits, write_folder

IMPORTED = "my-fruits"
NAMES = (WIDE.name, MANY.name, IMPORTED)
SCENES = ("data", "network", "training", "overfitting", "maps", "mistakes", "photo")
Shared = tuple[Settings, dict[str, Run]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """A home with all data sets and a run on each, which nothing changes."""
    folder = tmp_path_factory.mktemp("made-up")
    settings = Settings.from_environment(
        {"CIFARVIZ_HOME": str(folder / "home"), "KERAS_HOME": str(folder)}
    )
    runs = {}
    with pytest.MonkeyPatch.context() as monkeypatch:
        register(monkeypatch, *BOTH)
        store = RunStore(settings)
        for info in BOTH:
            fetch_into(settings, info, folder)
        pictures = write_folder(fruits(40), folder / "pictures")
        # A title that is also Markdown.
        options = ImportOptions(title="*My* fruits", side=24, test_share=0.5)
        with prepare_import(pictures, IMPORTED, settings, options) as prepared:
            imported = prepared.store(settings)
        for info in (*BOTH, imported):
            made = fit_experiment(stored_runs.experiment(), info)
            weights = stored_runs.weights(made)
            run = stored_runs.store_run(
                store, made, name=f"on {info.title}", checkpoints={"last": weights, "best": weights}
            )
            save_weights(FolderArtifacts(store.folder(run.id)), 1, weights)
            shares = np.full((20, len(info.classes)), 1 / len(info.classes), np.float32)
            indices = np.arange(20)
            predictions = Predictions.from_probabilities(shares)
            save_predictions(
                FolderArtifacts(store.folder(run.id)), 3, "train", indices, predictions
            )
            runs[info.name] = run
    return settings, runs


@pytest.fixture
def runs(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> dict[str, Run]:
    monkeypatch.setenv("CIFARVIZ_HOME", str(shared[0].home))
    return shared[1]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, *BOTH)


def opened(page: str, **address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    for name, value in address.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


def refusals(app: AppTest) -> list[str]:
    """What the page says of trouble, without Markdown's escapes."""
    assert not app.exception
    said = [one.value for one in (*app.error, *app.warning)]
    return [one.replace("\\", "").replace(":color[]", "") for one in said]


def text(app: AppTest) -> str:
    return "\n".join(one.value for one in (*app.title, *app.markdown, *app.caption, *app.info))


@pytest.mark.parametrize("dataset", NAMES)
@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("start", {}),
        ("samples", {}),
        ("samples", {"image": "1", "split": "test"}),
        ("samples", {"augment": "flip=on,rotation=30,contrast=0.5,cutout=5,mixup=1,cutmix=1"}),
        ("train", {"view": "watch"}),
        ("runs", {}),
        ("inside", {}),
        ("inside", {"image": "3", "layer": "conv2d_1", "channel": "0"}),
        ("inside", {"image": "3", "view": "step"}),
        ("inside", {"image": "3", "view": "mute", "off": "conv2d_1:0"}),
        *(("inside", {"heat": heat}) for heat in ("occlusion", "gradients", "ideal")),
        ("inside", {"view": "weights", "values": "activations"}),
        ("evaluate", {}),
        *(("evaluate", {"part": part}) for part in ("sure", "pictures", "random", "compare")),
        ("evaluate", {"matrix": "row_percent", "order": "alike", "epoch": "3"}),
        ("evaluate", {"view": "map"}),
        ("predict", {"image": "2"}),
        ("predict", {"image": "2", "split": "train"}),
        ("predict", {"image": "2", "view": "break", "amounts": "scale:60,right:20,jpeg:9"}),
        ("predict", {"image": "2", "view": "push", "method": "pgd", "epsilon": "5"}),
        ("lab", {}),
        *(("present", {"scene": scene, "notes": "1"}) for scene in SCENES),
    ],
    ids=str,
)
def test_the_page_shows_no_error(
    dataset: str, page: str, address: dict[str, str], runs: dict[str, Run]
) -> None:
    named = {
        "samples": {"dataset": dataset},
        "lab": {"data": f"{dataset}-full"},
        "start": {},
        "runs": {"data": f"{dataset}-full"},
    }.get(page, {"run": runs[dataset].id})
    assert refusals(opened(page, **address, **named)) == []


def test_tsne_takes_the_place_of_pca_when_it_is_done(
    runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Aligned with epoch 3, whose t-SNE is computed first.
    address = {"view": "map", "run": runs[WIDE.name].id, "epoch": "1"}
    plane = map_positions(opened("evaluate", **address))
    monkeypatch.setattr(weights_job, "PATIENCE", 0)
    app = opened("evaluate", method="tsne", **address)
    key = f"image-map-{WIDE.name}-full"
    for _ in range(200):
        if " by t-SNE, " in image_map(app, key)["description"]:
            break
        assert "This is PCA until t-SNE is computed" in text(app)
        np.testing.assert_array_equal(map_positions(app), plane)
        app.run()
    assert refusals(app) == []
    placed = map_positions(app)
    assert placed.shape == plane.shape
    assert np.isfinite(placed).all()
    assert np.abs(placed - plane).max() > 0.01
    # The share of variance is one of PCA only.
    labels = [metric.label for metric in app.metric]
    assert "Variance shown" not in labels
    assert "Neighbours kept" in labels
    again = opened("evaluate", method="tsne", **address)
    np.testing.assert_array_equal(map_positions(again), placed)


def test_texts_have_the_numbers_of_the_data_set(runs: dict[str, Run]) -> None:
    for info in map(find_dataset, NAMES):
        count = len(info.classes)
        words = {3: "three", 100: "100"}[count]
        assert f"pictures in {words} classes" in text(opened("present", run=runs[info.name].id))
        height, width, _ = info.image_shape
        assert f"{width} × {height} pixels" in text(opened("samples", dataset=info.name))


def test_a_missing_data_set_is_reported_with_what_to_do(settings: Settings) -> None:
    assert "data fetch hundred-marks --from PATH" in " ".join(
        refusals(opened("samples", dataset=MANY.name))
    )
    assert refusals(opened("start")) == []
    made = fit_experiment(stored_runs.experiment(), WIDE)
    run = stored_runs.store_run(
        RunStore(settings), made, checkpoints={"last": stored_runs.weights(made)}
    )
    for page in ("inside", "evaluate", "predict", "present"):
        said = " ".join(refusals(opened(page, run=run.id)))
        assert "The full Three Fruits set is not on this machine" in said, page
    assert refusals(opened("train", view="watch", run=run.id)) == []
    assert refusals(opened("runs", run=run.id)) == []
    assert refusals(opened("lab")) == []


def test_runs_on_deleted_images_say_so_and_show_what_they_have(
    settings: Settings, tmp_path: Path
) -> None:
    pictures = write_folder(fruits(40), tmp_path / "pictures")
    with prepare_import(pictures, IMPORTED, settings, ImportOptions(title="Fruits")) as prepared:
        made = fit_experiment(stored_runs.experiment(), prepared.store(settings))
    weights = stored_runs.weights(made)
    run = stored_runs.store_run(RunStore(settings), made, checkpoints={"last": weights})
    delete_dataset(IMPORTED, settings, used=True)
    for page in ("inside", "evaluate", "predict", "present", "runs"):
        said = " ".join(refusals(opened(page, run=run.id)))
        assert "are not on this machine. They were deleted" in said, page
    assert refusals(opened("train", view="watch", run=run.id)) == []
    assert refusals(opened("samples")) == []


def choose(app: AppTest, label: str, value: str) -> AppTest:
    (found,) = [one for one in app.selectbox if one.label == label]
    return found.select(value).run()


def test_setup_fits_the_network_to_another_data_set(runs: dict[str, Run]) -> None:
    app = choose(opened("train", part="data"), "Data set", MANY.name)
    assert refusals(app) == []
    (button,) = [one for one in app.button if one.label == "Train"]
    assert not button.disabled
    assert "`0\u00a00\u00a00\u00a01\u00a00\u00a0…\u00a00`" in text(opened_part(app, "training"))


def opened_part(app: AppTest, part: str) -> AppTest:
    app.query_params["part"] = part
    return app.run()


def test_setup_explains_how_to_get_a_missing_data_set() -> None:
    app = choose(opened("train", part="data"), "Data set", WIDE.name)
    (button,) = [one for one in app.button if one.label == "Train"]
    assert button.disabled
    assert "data fetch three-fruits --from PATH" in " ".join(refusals(app))


def test_samples_offers_only_available_choices(runs: dict[str, Run]) -> None:
    app = opened("samples", dataset=WIDE.name, variant="sample")
    assert refusals(app) == ["Three Fruits has no embedded sample. The full set is shown."]
    labels = {one.label for one in app.button_group}
    assert "Show" not in labels
    (part,) = [one for one in app.button_group if one.label == "Sample or full set"]
    assert list(part.options) == ["Full set"]


def test_classes_without_other_names_are_shown_in_english(runs: dict[str, Run]) -> None:
    app = opened("samples", dataset=WIDE.name, labels="ko")
    assert refusals(app) == []
    (pills,) = [one for one in app.button_group if one.label == "Classes"]
    assert list(pills.options) == list(WIDE.classes)


def test_a_run_on_a_removed_data_set_is_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fit_experiment(stored_runs.experiment(), WIDE)
    run = stored_runs.store_run(
        RunStore(settings), made, checkpoints={"last": stored_runs.weights(made)}
    )
    monkeypatch.undo()
    monkeypatch.setenv("CIFARVIZ_HOME", str(settings.home))
    monkeypatch.setenv("KERAS_HOME", str(settings.home))
    monkeypatch.setenv("CIFARVIZ_RECORDED", "0")
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    for page in ("start", "train", "runs", "inside", "evaluate", "predict", "present", "lab"):
        app = opened(page, run=run.id, **({"view": "watch"} if page == "train" else {}))
        assert not app.exception, page
    (record,) = RunStore(settings).all()
    assert "There is no data set called “three-fruits”" in str(record.damage)
    said = " ".join(refusals(opened("inside", run=run.id)))
    assert "There is no data set called “three-fruits”" in said
