"""An image of the data set to predict, chosen on the page or by a link."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.data.image_set import ImageSet, Split
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import CifarvizError
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.people.person import may_make
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import check_run_data
from cifarviz.ui import cache
from cifarviz.ui.address import whole_number
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.dataset_images import (
    DatasetImage,
    available_images,
    check_shape,
    dataset_from_query,
    find_image,
    split_from_query,
    train_indices,
    validation_images,
    validation_indices,
)
from cifarviz.ui.errors import errors_as_toast
from cifarviz.ui.navigation import link_to
from cifarviz.ui.predict.picture import ChosenPicture
from cifarviz.ui.query import (
    current_query_params,
    same_text,
    typed_text,
    update_query_params,
    widget_key,
    widget_value,
)

_TILE = 64
_MAX_EXAMPLES = 20
_SPLITS: dict[Split, str] = {"test": "Test", "train": "Training"}


def render_examples(run: Run) -> None:
    """Render a test image of each class to click, and a link to all others."""
    check_run_data(run, "test")
    info = find_dataset(run.experiment.data.dataset)
    test = cache.nearest_dataset(info.name, "sample").test
    # The first image of each class.
    _, first_positions = np.unique(test.labels, return_index=True)
    shown = test.take(first_positions[:_MAX_EXAMPLES])
    classes = class_names(info)
    names = [classes[label] for label in shown.labels]
    clicked = image_grid(
        sprite(shown.images),
        key="predict-examples",
        # As narrow as the pictures.
        labels=[name.replace(" ", "\n") for name in names],
        tooltips=[f"{name}, test image {i}" for name, i in zip(names, shown.indices, strict=True)],
        colors=[class_color(int(label)) for label in shown.labels],
        size=_TILE,
        selected=_selected(shown),
        description="Test images to try",
    )
    link_to("samples", "Find more on the Samples page", dataset=info.name, split="test")
    if clicked is not None:
        _open_image("test", int(shown.indices[clicked]))
        st.rerun()


def render_image_choice(run: Run) -> None:
    """Render the controls for any test or training image, by number or at random."""
    try:
        split: Split = split_from_query()
    except CifarvizError:
        # Reported where the image is rendered.
        split = "test"
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    row.segmented_control(
        "Or choose from the data set" if may_make() else "Image of the data set",
        list(_SPLITS),
        default=split,
        format_func=_SPLITS.__getitem__,
        key=widget_key("predict-split", split),
        required=True,
        on_change=_change_split,
        args=(run,),
        help="The network was trained on training images and has never seen test images.",
    )
    index = st.query_params.get("image", "")
    key = widget_key("predict-index", index, same_text)
    row.text_input(
        "Image number",
        index,
        key=key,
        width=120,
        on_change=_change_number,
        args=(key, index),
        help="The image’s position in the published data set, counted from 0.",
    )
    row.button(
        "Random",
        icon=":material/shuffle:",
        key="predict-random",
        on_click=_show_random,
        args=(run,),
        help="Show a random image of this split.",
    )
    if run.experiment.validation.kind == "split":
        row.button(
            "Validation image",
            icon=":material/shuffle:",
            key="predict-validation",
            on_click=_show_validation,
            args=(run,),
            help="Show the first validation image of this run; press again for a random validation "
            "image.",
        )


def clear_example() -> None:
    """Remove the image from the address."""
    update_query_params(dataset=None, split=None, image=None)


def example_in_address(run: Run) -> DatasetImage | None:
    """The image in the address, or ``None``.

    Raises ``DatasetNotFound`` and ``ExperimentInvalid`` for an image that cannot be shown.
    """
    experiment = run.experiment
    info, split = dataset_from_query(experiment.data.dataset), split_from_query()
    wanted = st.query_params.get("image")
    if wanted is None:
        return None
    check_shape(info, experiment.architecture.input_shape)
    return find_image(wanted, available_images(run, split, info), info, split)


def chosen_example(example: DatasetImage, classes: Sequence[str]) -> ChosenPicture:
    """The image of the data set as the picture that the page judges."""
    return ChosenPicture(
        id=f"{example.dataset}-{example.split}-{example.index}",
        name=f"{example.title}, {classes[example.actual]}",
        pixels=example.pixels,
        actual=example.actual,
        image=example,
    )


def training_note(image: DatasetImage, run: Run) -> str | None:
    """Whether the network was trained on this training image; ``None`` for a test image."""
    if image.split != "train":
        return None
    train, validation = train_indices(run), validation_indices(run)
    if image.index not in train:
        return "This run did not use this image: the network has never seen it."
    if validation is not None and image.index in validation:
        return "This is a validation image: the network did not learn from it."
    data = run.experiment.data
    learned = len(train) - (0 if validation is None else len(validation))
    if data.train_images is not None and data.train_images < learned:
        return "This is a training image, but the run used only some of them."
    return "The network learned from this image."


def _selected(shown: ImageSet) -> int | None:
    index = whole_number(st.query_params.get("image"))
    if index is None or st.query_params.get("split", "test") != "test":
        return None
    return shown.position_of(index)


def _open_image(split: Split, index: int) -> None:
    update_query_params(dataset=None, split=split, image=str(index))


def _change_split(run: Run) -> None:
    split: Split = widget_value("predict-split")
    with errors_as_toast():
        _open_image(split, int(available_images(run, split).indices[0]))


def _change_number(key: str, given: str) -> None:
    if text := typed_text(key, given):
        update_query_params(split=widget_value("predict-split"), image=text)
    else:
        clear_example()


def _show_random(run: Run) -> None:
    split: Split = widget_value("predict-split")
    with errors_as_toast():
        indices = available_images(run, split).indices
        _open_image(split, int(np.random.default_rng().choice(indices)))


def _show_validation(run: Run) -> None:
    with errors_as_toast():
        _open_validation_image(run)


def _open_validation_image(run: Run) -> None:
    validation = validation_indices(run)
    if validation is None:
        return
    # If the full set is not on this machine, only images of the sample can be shown.
    if (here := validation_images(run)) is not None:
        validation = validation[np.isin(validation, here.indices)]
    address = current_query_params()
    shown = whole_number(address.get("image")) if address.get("split") == "train" else None
    drawn = np.random.default_rng().choice(validation) if shown in validation else validation[0]
    _open_image("train", int(drawn))
