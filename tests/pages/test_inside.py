"""Inside: choosing a run and an image, all its layers, and what it says to a wrong address."""

import gc
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cifarviz.data import library
from cifarviz.data.datasets import find
from cifarviz.experiment.layers import Conv2D, Dense, Dropout, Flatten, GlobalAveragePool2D
from cifarviz.runs.artifacts import checkpoint_path
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs

TINY = stored_runs.experiment()
MAPS = ["conv2d_1", "max_pooling2d_1", "conv2d_2", "max_pooling2d_2"]


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Streamlit collects garbage after each run, which TensorFlow makes slow: as the app does."""
    import cifarviz.analysis.checkpoints  # noqa: F401

    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """Weights of the tiny network, two channels of whose first layer are dead for every image."""
    made = stored_runs.weights(TINY)
    bias = next(name for name in made if name.endswith("conv2d_1/bias"))
    made[bias] = made[bias].copy()
    made[bias][[1, 4]] = -1000
    return made


@pytest.fixture
def store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return RunStore(settings)


@pytest.fixture
def run(store: RunStore, arrays: dict[str, np.ndarray]) -> Run:
    return stored_runs.store_run(store, TINY, checkpoints={"last": arrays, "best": arrays})


def opened(**address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/inside.py")
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def address_of(app: AppTest) -> dict[str, str]:
    # A value set by the page comes back as text, one set by a test as a list of one.
    pairs = app.query_params.items()
    return {name: value if isinstance(value, str) else value[0] for name, value in pairs}


def said(app: AppTest) -> list[str]:
    """All that the page says, errors and remarks first."""
    found = [*app.error, *app.warning, *app.info, *app.markdown, *app.caption]
    return [one.value for one in found]


def errors(app: AppTest) -> list[str]:
    return [one.value for one in app.error]


def grids(app: AppTest) -> list[str]:
    """Names of the layers whose channels are shown as pictures."""
    return [key.removeprefix("maps-") for key in components(app) if key.startswith("maps-")]


def components(app: AppTest) -> list[str]:
    found = [one.proto.id for one in walk(app._tree) if one.type == "bidi_component"]
    return [re.sub(r"^.*-[0-9a-f]{32}-", "", one) for one in found]


def walk(node: Any) -> Iterator[Any]:
    for child in getattr(node, "children", {}).values():
        yield child
        yield from walk(child)


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_without_runs_it_says_what_to_do_and_leads_there(store: RunStore) -> None:
    app = opened()
    assert "No network has been trained here yet" in said(app)[0]
    app.button[0].click().run()
    assert app.title[0].value == "Train"
    assert not app.exception


def test_every_layer_is_shown_with_its_type_shape_and_channels(run: Run) -> None:
    app = opened(checkpoint="best")
    assert grids(app) == MAPS
    assert [key for key in components(app) if key.startswith("bars-")] == [
        "bars-flatten_1",
        "bars-dense_1",
    ]
    assert [one.value for one in app.subheader] == list(TINY.architecture.layer_names)
    facts = [one.value for one in app.caption]
    assert "Convolution · output 32×32×6 · 6 channels · 2 dead: 1 and 4" in facts
    assert "Max pooling · output 16×16×6 · 6 channels · 2 dead: 1 and 4" in facts
    assert any(fact.startswith("Dense · output 10") for fact in facts)
    assert not app.exception


def test_the_page_begins_with_the_newest_run_and_the_published_image(run: Run) -> None:
    app = opened()
    # The browser is asked to complete the address, without a step for its Back button.
    assert address_of(app) == {}
    assert "own-choices" in components(app)
    assert "own-choices" not in components(opened(run=run.id))
    assert "**Test image 1, ship**" in said(app)
    assert app.selectbox(key="pick-checkpoint").options == [
        "as it ended",
        "at its lowest validation loss, epoch 3",
    ]
    assert not app.exception


def test_the_most_probable_classes_are_named_and_judged(run: Run) -> None:
    app = opened()
    first = next(text for text in said(app) if text.startswith("The network says"))
    right = "**ship**" in first
    assert any(text.startswith("That is right" if right else "That is wrong") for text in said(app))
    assert "inside-answer" in components(app)
    assert not app.exception


def test_a_training_image_comes_from_the_address(run: Run, settings: Settings) -> None:
    train = library.load("cifar10", "sample", settings).train
    index, label = int(train.indices[5]), train.labels[5]
    app = opened(split="train", image=str(index))
    name = find("cifar10").classes[label]
    assert f"**Training image {index}, {name}**" in said(app)
    assert not app.exception


def test_the_neighbours_and_a_random_image_are_a_click_away(run: Run, settings: Settings) -> None:
    test = library.load("cifar10", "sample", settings).test
    app = opened(image="9")
    app.button(key="inside-next").click().run()
    following = int(test.indices[test.indices > 9].min())
    assert address_of(app)["image"] == str(following)
    app.button(key="inside-previous").click().run()
    assert address_of(app)["image"] == "9"
    app.button(key="inside-random").click().run()
    assert test.position_of(int(address_of(app)["image"])) is not None
    app.text_input(key="inside-index").set_value("3").run()
    assert "**Test image 3, airplane**" in said(app)
    assert grids(app) == MAPS
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"image": "abc"}, "Test images of CIFAR-10 are numbered 0 to 9,999; “abc” is none"),
        ({"image": "99999999"}, "Test images of CIFAR-10 are numbered 0 to 9,999"),
        ({"image": "-1"}, "Test images of CIFAR-10 are numbered 0 to 9,999"),
        ({"image": "1" * 5000}, "Test images of CIFAR-10 are numbered 0 to 9,999"),
        ({"split": "train", "image": "50000"}, "Training images of CIFAR-10 are numbered 0 to"),
        ({"dataset": "mnist"}, "There is no data set called “mnist”"),
    ],
)
def test_an_image_that_is_not_there_is_one_sentence(
    run: Run, address: dict[str, str], sentence: str
) -> None:
    app = opened(**address)
    assert len(app.error) == 1
    assert errors(app)[0].startswith(sentence)
    assert grids(app) == []
    assert not app.exception


def test_from_a_wrong_image_a_click_leads_to_a_right_one(run: Run) -> None:
    app = opened(image="abc")
    app.button(key="inside-random").click().run()
    assert not app.error
    assert grids(app) == MAPS
    assert not app.exception


def test_an_image_outside_the_sample_names_those_nearest(run: Run, settings: Settings) -> None:
    indices = library.load("cifar10", "sample", settings).test.indices.tolist()
    missing = next(number for number in range(10, 10_000) if number not in indices)
    app = opened(image=str(missing))
    assert f"Test image {missing} is not among the 1,000 of the embedded sample" in errors(app)[0]
    assert f"{max(one for one in indices if one < missing):,}" in errors(app)[0]
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"layer": "nope"}, "This network has no layer “nope”"),
        ({"layer": "nope", "channel": "2"}, "This network has no layer “nope”"),
        ({"layer": "conv2d_1", "channel": "6"}, "The 6 channels of “conv2d_1” are numbered from"),
        ({"layer": "conv2d_1", "channel": "x"}, "The 6 channels of “conv2d_1” are numbered from"),
        ({"layer": "dense_1", "channel": "1"}, "“dense_1” has no channels"),
        ({"channel": "1"}, "To channel “1” the address names no layer."),
    ],
)
def test_a_channel_that_is_not_there_is_one_sentence_above_all_layers(
    run: Run, address: dict[str, str], sentence: str
) -> None:
    app = opened(**address)
    assert len(app.error) == 1
    assert errors(app)[0].replace("\\", "").startswith(sentence)
    assert grids(app) == MAPS
    assert not app.exception


def test_all_that_is_wrong_with_an_address_is_said(run: Run) -> None:
    app = opened(image="abc", layer="nope", channel="x")
    image, layer, channel = errors(app)
    assert "“abc” is none of them" in image
    assert "no layer “nope”" in layer
    assert "“x” is no number" in channel
    assert not app.exception


def test_unknown_images_and_weights_are_said_and_replaced(run: Run) -> None:
    app = opened(split="nope", checkpoint="nope")
    warnings = [one.value for one in app.warning]
    assert any("There are no images called “nope”" in one for one in warnings)
    assert any("This run has no weights called “nope”" in one for one in warnings)
    assert grids(app) == MAPS
    assert not app.exception


def test_an_unknown_run_is_one_sentence_and_another_can_be_chosen(run: Run) -> None:
    app = opened(run="zzz")
    assert errors(app) == ["There is no run “zzz” here."]
    assert grids(app) == []
    app.selectbox(key="pick-run").select(run.id).run()
    assert not app.error
    assert grids(app) == MAPS
    assert address_of(app)["run"] == run.id
    assert not app.exception


def test_the_channel_in_the_address_opens_with_its_values_and_kernel(run: Run) -> None:
    app = opened(layer="conv2d_2", channel="7")
    assert any(text.startswith("**Channel 7** · one of 8, counted from 0") for text in said(app))
    assert "Its kernel, 3 × 3 for each of 6 input channels" in said(app)
    assert {"channel-map", "channel-kernel"} <= set(components(app))
    assert not app.exception


def test_a_dead_channel_says_so_and_a_pooled_one_has_no_kernel(run: Run) -> None:
    app = opened(layer="max_pooling2d_1", channel="4")
    assert any("0 everywhere, so it says nothing about this image" in text for text in said(app))
    assert "Max pooling has no kernel." in said(app)
    assert "channel-kernel" not in components(app)
    assert not app.exception


def test_an_upload_is_brought_to_the_network_with_notes(run: Run) -> None:
    app = opened(split="upload")
    assert "Choose an image file" in said(app)[0]
    app.file_uploader(key="inside-upload").set_value(("mine_*.png", png(80, 50), "image/png")).run()
    assert grids(app) == MAPS
    assert any("80 × 50 to the 32 × 32 pixels" in text for text in said(app))
    assert any(text.startswith("The network says") for text in said(app))
    assert not any(text.startswith("That is") for text in said(app))
    assert not app.exception


def test_a_text_file_called_png_is_one_sentence(run: Run) -> None:
    app = opened(split="upload")
    app.file_uploader(key="inside-upload").set_value(("a.png", b"hello there", "image/png")).run()
    assert errors(app) == [
        "“a.png” is a text file, not an image; PNG, JPEG, WebP, BMP and GIF images are taken."
    ]
    assert not app.exception


def test_damaged_weights_are_said_and_other_runs_still_work(
    store: RunStore, run: Run, arrays: dict[str, np.ndarray]
) -> None:
    broken = stored_runs.store_run(store, TINY, name="broken", checkpoints={"last": arrays})
    checkpoint_path(store.folder(broken.id), "last").write_bytes(b"PK\x03\x04 no more")
    app = opened()
    assert app.selectbox(key="pick-run").value == broken.id
    assert "is damaged and cannot be read" in errors(app)[0]
    assert grids(app) == []
    app.selectbox(key="pick-run").select(run.id).run()
    assert not app.error
    assert grids(app) == MAPS
    assert not app.exception


def test_weights_of_another_network_are_refused_in_words(
    store: RunStore, arrays: dict[str, np.ndarray]
) -> None:
    other = stored_runs.experiment(Flatten(), Dense(units=10, activation="softmax"))
    stored_runs.store_run(store, other, checkpoints={"last": arrays})
    app = opened()
    assert len(app.error) == 1
    assert not app.exception


def test_a_run_that_lost_its_weights_is_said_and_not_offered(store: RunStore, run: Run) -> None:
    lost = stored_runs.store_run(store, TINY, name="lost")
    app = opened(run=lost.id)
    assert "“lost” is finished and has no weights" in errors(app)[0]
    assert app.selectbox(key="pick-run").options == ["mine"]
    assert not app.exception


def test_a_run_in_its_first_epoch_is_said_to_come(store: RunStore, run: Run) -> None:
    coming = stored_runs.store_run(store, TINY, name="new", state=RunState.RUNNING, epochs=0)
    with stored_runs.held(store, coming):
        app = opened(run=coming.id)
    assert "“new” is running. Its weights can be looked at once" in said(app)[0]
    assert app.selectbox(key="pick-run").options == ["mine"]
    assert not app.exception


def test_a_running_run_is_looked_at_as_it_stands(
    store: RunStore, arrays: dict[str, np.ndarray]
) -> None:
    running = stored_runs.store_run(
        store, TINY, state=RunState.RUNNING, epochs=1, checkpoints={"last": arrays}
    )
    with stored_runs.held(store, running):
        app = opened()
    assert app.selectbox(key="pick-checkpoint").options == ["as it stands now"]
    assert grids(app) == MAPS
    assert not app.exception


def test_runs_of_one_name_are_told_apart(store: RunStore, run: Run, arrays: dict) -> None:
    stored_runs.store_run(store, TINY, checkpoints={"last": arrays})
    app = opened()
    options = app.selectbox(key="pick-run").options
    assert len(set(options)) == 2
    assert all(one.startswith("mine, ") for one in options)
    assert not app.exception


def test_a_run_without_validation_says_which_loss_was_lowest(
    store: RunStore, arrays: dict[str, np.ndarray]
) -> None:
    stored_runs.store_run(store, TINY, validated=False, checkpoints={"best": arrays})
    app = opened()
    assert app.selectbox(key="pick-checkpoint").options == ["at its lowest training loss, epoch 3"]
    assert not app.error
    assert not app.exception


def test_layers_of_every_kind_are_shown(store: RunStore) -> None:
    made = stored_runs.experiment(
        Conv2D(filters=3, kernel_size=5, strides=2),
        Dropout(rate=0.5),
        Conv2D(filters=4, kernel_size=1, activation="linear"),
        GlobalAveragePool2D(),
        Dense(units=10, activation="softmax"),
    )
    stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    app = opened(layer="conv2d_1", channel="0")
    assert grids(app) == ["conv2d_1", "dropout_1", "conv2d_2"]
    assert "bars-global_average_pooling2d_1" in components(app)
    assert "Its kernel, 5 × 5 for each of the image's channels: red, green, blue" in said(app)
    assert not app.exception
