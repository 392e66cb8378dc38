"""Inside: images from the data or an upload, and their predictions."""

from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.data import library
from cifarviz.datasets.registry import find_dataset
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.components import component_keys
from tests.image_files import encode_image
from tests.pages.app_page import address_of, widget
from tests.pages.inside_page import MAPS, errors, grids, opened, page_texts


def test_the_page_starts_with_the_newest_run_and_the_published_image(run: Run) -> None:
    app = opened()
    assert address_of(app)["run"] == run.id
    assert "**Test image 1, ship**" in page_texts(app)
    assert widget(app, "selectbox", "pick-checkpoint").options == [
        "Last epoch (after epoch 3)",
        "Best epoch 3 (lowest validation loss)",
    ]
    assert not app.exception


def test_the_most_probable_classes_are_listed_and_marked_correct_or_not(run: Run) -> None:
    app = opened()
    first = next(text for text in page_texts(app) if text.startswith("The network predicts"))
    right = "**ship**" in first
    assert any(text.startswith("Correct." if right else "Wrong: ") for text in page_texts(app))
    assert "inside-answer" in component_keys(app)
    assert not app.exception


def test_a_training_image_comes_from_the_address(run: Run, settings: Settings) -> None:
    train = library.load("cifar10", "sample", settings).train
    index, label = int(train.indices[5]), train.labels[5]
    app = opened(split="train", image=str(index))
    name = find_dataset("cifar10").classes[label]
    assert f"**Training image {index}, {name}**" in page_texts(app)
    assert not app.exception


def test_buttons_show_the_next_previous_and_a_random_image(run: Run, settings: Settings) -> None:
    test = library.load("cifar10", "sample", settings).test
    app = opened(image="9")
    app.button(key="inside-next").click().run()
    following = int(test.indices[test.indices > 9].min())
    assert address_of(app)["image"] == str(following)
    app.button(key="inside-previous").click().run()
    assert address_of(app)["image"] == "9"
    app.button(key="inside-random").click().run()
    assert test.position_of(int(address_of(app)["image"])) is not None
    widget(app, "text_input", "inside-index").set_value("3").run()
    assert "**Test image 3, airplane**" in page_texts(app)
    assert grids(app) == MAPS
    assert not app.exception


def test_an_upload_is_prepared_for_the_network_with_notes(run: Run) -> None:
    app = opened(split="upload")
    assert "Choose an image file" in page_texts(app)[0]
    photo = encode_image(Image.new("RGB", (80, 50), (90, 90, 90)))
    app.file_uploader(key="inside-upload").set_value(("mine_*.png", photo, "image/png")).run()
    assert grids(app) == MAPS
    assert any("Scaled from 50 × 50 to 32 × 32 pixels." in text for text in page_texts(app))
    assert any(text.startswith("The network predicts") for text in page_texts(app))
    assert not any(text.startswith(("Correct.", "Wrong:")) for text in page_texts(app))
    assert not app.exception


def test_a_text_file_named_png_is_refused_in_one_sentence(run: Run) -> None:
    app = opened(split="upload")
    app.file_uploader(key="inside-upload").set_value(("a.png", b"hello there", "image/png")).run()
    assert errors(app) == ["“a.png” is a text file. Choose a PNG, JPEG, WebP, BMP or GIF image."]
    assert not app.exception


def test_heat_maps_of_two_classes_are_shown_and_can_be_selected(run: Run) -> None:
    app = opened(**{"class": "frog", "look": "conv2d_1"})
    assert widget(app, "selectbox", "inside-look").value == "conv2d_1"
    assert widget(app, "selectbox", "inside-look").options == MAPS
    assert any(text.startswith("**frog**, ") for text in page_texts(app))
    assert any("Selvaraju" in text for text in page_texts(app))
    widget(app, "selectbox", "inside-look").select("max_pooling2d_2").run()
    widget(app, "selectbox", "inside-class").select("deer").run()
    address = address_of(app)
    assert (address["look"], address["class"]) == ("max_pooling2d_2", "deer")
    assert any(text.startswith("**deer**, ") for text in page_texts(app))
    assert not app.exception


def test_the_menus_match_the_heat_maps_after_an_upload_and_another_run(
    store: RunStore, weights: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    colored_layers: list[str] = []
    attention = TrainedModel.attention

    def draws(model: TrainedModel, image: Any, layer: str, class_index: int) -> Any:
        colored_layers.append(layer)
        return attention(model, image, layer, class_index)

    monkeypatch.setattr(TrainedModel, "attention", draws)
    first, other = (
        stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": weights})
        for _ in range(2)
    )

    def named(app: AppTest) -> str:
        """The layer that is drawn, which the menu names in the browser, too."""
        menu = widget(app, "selectbox", "inside-look")
        # A menu that is new to the browser shows its default.
        assert menu.value == menu.options[menu.proto.default] == colored_layers[-1]
        return colored_layers[-1]

    app = opened(run=first.id)
    assert named(app) == "conv2d_2"
    widget(app, "selectbox", "inside-look").select("conv2d_1").run()
    assert named(app) == "conv2d_1"
    widget(app, "segmented_control", "inside-source").set_value("upload").run()
    photo = encode_image(Image.new("RGB", (64, 64), "red"), "PNG")
    app.file_uploader(key="inside-upload").set_value(("a.png", photo, "image/png")).run()
    assert named(app) == "conv2d_1"
    widget(app, "selectbox", "pick-run").select(other.id).run()
    widget(app, "segmented_control", "inside-source").set_value("test").run()
    assert named(app) == "conv2d_2"
    assert widget(app, "selectbox", "pick-run").value == address_of(app)["run"] == other.id
    assert not app.exception


def test_without_a_choice_the_last_convolution_and_the_actual_class_are_shown(run: Run) -> None:
    app = opened(image="1")
    assert widget(app, "selectbox", "inside-look").value == "conv2d_2"
    answer = next(text for text in page_texts(app) if text.startswith("The network predicts"))
    if "**ship**" not in answer:
        assert widget(app, "selectbox", "inside-class").value == "ship"


def test_an_unknown_layer_or_class_has_one_message(run: Run) -> None:
    app = opened(look="dense_1", **{"class": "cow"})
    assert any("no layer “dense_1” with maps" in error for error in errors(app))
    assert any("no class “cow”" in error for error in errors(app))
    assert not app.exception
