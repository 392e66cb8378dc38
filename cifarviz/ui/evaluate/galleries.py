"""Galleries of test images, and random ones."""

from typing import Final

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import (
    LearningProgress,
    least_confident_correct,
    most_confident_mistakes,
)
from cifarviz.analysis.tables import pictures_table
from cifarviz.data.random_images import Positions, random_positions
from cifarviz.figures.percent import format_probability
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.sprite import sprite
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import class_names, format_number_word, query_class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.evaluation import EvaluatedImages, EvaluationView
from cifarviz.ui.evaluate.image_details import (
    BARS_EXPLANATION,
    TILE_SIZE,
    ImagePage,
    image_in_address,
    inside_link,
    open_clicked_image,
    read_page,
    render_enlarged,
    render_image_links,
    render_pagination,
    tile_bars,
)
from cifarviz.ui.navigation import go_to
from cifarviz.ui.query import (
    render_choice,
    same_text,
    update_query_params,
    widget_key,
    widget_value,
)

GALLERY_PARAMS: Final = ("picture", "sheet")
"""Query parameters that belong to one gallery."""
RANDOM_COUNT: Final = 10
_PAGE_SIZE = 32
_BARS = 5

# CSS pixels.
_MENU_WIDTH = 220
_ALL_CLASSES = "all"
_GALLERIES = {"mistakes": "Most confident mistakes", "hits": "Least confident correct"}
_EPOCH_GALLERIES = {
    "late": "Learned late",
    "forgotten": "Learned and forgotten",
    "never": "Never learned",
}
_SEED_KEY = "evaluate-seed"
_FIRST_SEED = 0

# Short enough to be read aloud.
_SEEDS = 10_000


def render_gallery(view: EvaluationView) -> None:
    """Show the gallery that the address names; some need predictions of several epochs.

    The address holds ``gallery``, ``of`` (a class), ``sheet`` (the page) and ``picture``.
    """
    evaluation, images, learning = view.evaluation, view.images, view.learning
    st.header("Galleries", anchor="pictures")
    row = st.container(horizontal=True, gap="large", vertical_alignment="bottom")
    with row:
        gallery = render_choice(
            "gallery",
            "Gallery",
            _GALLERIES if learning is None else _GALLERIES | _EPOCH_GALLERIES,
            key="evaluate-gallery",
            hint="Confident mistakes are often unusual images or wrong labels. Images learned "
            "late, forgotten or never learned are hard.",
            problem=lambda word: f"There is no gallery {word} here.",
            forget=GALLERY_PARAMS,
        )
        with st.container(width=_MENU_WIDTH):
            label = _pick_class(images)
    positions, rule = _gallery_images(gallery, evaluation, learning)
    if label is not None:
        positions = positions[evaluation.labels[positions] == label]
    if not len(positions):
        st.info("There are no such images.", icon=":material/info:")
        return
    of_class = "" if label is None else f"-{query_class_names(images.info)[label]}"
    with row:
        csv_button(
            "CSV",
            lambda: pictures_table(evaluation, positions, learning),
            f"{view.file_name}-{gallery}{of_class}",
            "Saves all images of this gallery, in order, with their predictions as a spreadsheet "
            "file.",
        )
    noun = images.noun if len(positions) == 1 else f"{images.noun}s"
    epoch_note = "" if view.epoch is None else f" The bars are of epoch {view.epoch}."
    st.caption(f"{len(positions):,} {noun}. {rule} {BARS_EXPLANATION}{epoch_note}")
    page, selected = gallery_page(positions, evaluation.indices)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        labels = _tile_labels(gallery, page.positions, evaluation, learning)
        clicked = _render_grid(page.positions, selected, view, labels)
        render_pagination(page, "evaluate-sheet", forget=("picture",))
    with right:
        render_gallery_image(selected, view)
        _render_bars(selected, view)
        render_image_links(images, int(evaluation.indices[selected]), view.member)
    open_clicked_image(clicked, page.positions, selected, evaluation.indices)


def gallery_page(positions: NDArray[np.int64], indices: NDArray[np.int64]) -> tuple[ImagePage, int]:
    """Return the page of a gallery that the address names, and the position of the image on it.

    ``positions`` (n,), n > 0, are those of the gallery; ``indices`` the official numbers of all
    images. The image is the first unless the address names another on this page.
    """
    selected = image_in_address(indices)
    page = read_page(positions, _PAGE_SIZE, param="sheet", selected=selected)
    if selected is None or selected not in page.positions:
        selected = int(page.positions[0])
    return page, selected


def _gallery_images(
    gallery: str, evaluation: Evaluation, learning: LearningProgress | None
) -> tuple[NDArray[np.int64], str]:
    """Return the positions of the gallery's images in order, and the rule in a sentence."""
    if gallery == "hits":
        hits = least_confident_correct(evaluation.labels, evaluation.probabilities)
        return hits, "Recognised, the least confident first."
    if learning is not None:
        newest = f"epoch {learning.epochs[-1]}, the newest saved"
        if gallery == "late":
            rule = f"Right after {newest}, wrong after some before; the latest learned first."
            return learning.learned_late, rule
        if gallery == "forgotten":
            rule = f"Wrong after {newest}, right after some before; the most often right first."
            return learning.learned_and_forgotten, rule
        if gallery == "never":
            never = learning.never_learned
            actual = evaluation.probabilities[never, evaluation.labels[never]]
            rule = (
                f"Wrong after all {len(learning.epochs)} saved epochs; the least probable actual "
                "class first."
            )
            return never[np.argsort(actual, kind="stable")], rule
    mistakes = most_confident_mistakes(evaluation.labels, evaluation.probabilities)
    return mistakes, "Taken for another class, the most confident first."


def _tile_labels(
    gallery: str,
    positions: NDArray[np.int64],
    evaluation: Evaluation,
    learning: LearningProgress | None,
) -> list[str]:
    if learning is not None and gallery == "late":
        return [f"from epoch {epoch}" for epoch in learning.learned[positions]]
    if learning is not None and gallery == "forgotten":
        epochs = len(learning.epochs)
        return [f"right {count} of {epochs}" for count in learning.times_correct[positions]]
    shares = evaluation.probabilities[positions]
    return [
        f"{evaluation.classes[row.argmax()]} {format_probability(row.max(), 0)}" for row in shares
    ]


def _render_grid(
    positions: NDArray[np.int64], selected: int, view: EvaluationView, labels: list[str]
) -> int | None:
    evaluation, title = view.evaluation, view.images.noun.capitalize()
    actual = evaluation.labels[positions]
    bars = tile_bars(evaluation.classes, evaluation.probabilities[positions], actual)
    return image_grid(
        sprite(view.images.pixels[positions]),
        key="evaluate-pictures",
        labels=labels,
        tooltips=[
            f"{title} {index}: {evaluation.classes[label]}; predicted\n{text}"
            for index, label, text in zip(
                evaluation.indices[positions], actual, bars.texts, strict=True
            )
        ],
        bars=bars.bars,
        size=TILE_SIZE,
        selected=int(np.flatnonzero(positions == selected)[0]),
        description="Images",
    )


def render_gallery_image(position: int, view: EvaluationView) -> None:
    """Show the image at ``position`` enlarged, with its number and class."""
    evaluation = view.evaluation
    title = f"{view.images.noun.capitalize()} {evaluation.indices[position]}"
    name = evaluation.classes[evaluation.labels[position]]
    render_enlarged(view.images.pixels[position], f"{title}, {name}")
    st.markdown(f"**{title}**, {escaped(name)}")


def _render_bars(position: int, view: EvaluationView) -> None:
    evaluation = view.evaluation
    index, actual = int(evaluation.indices[position]), int(evaluation.labels[position])
    chart(
        probabilities_figure(
            probabilities(
                evaluation.classes, evaluation.probabilities[position], actual=actual, most=_BARS
            )
        ),
        key="evaluate-picture",
        file_name=f"{view.images.noun.replace(' ', '-')}-{index}",
        description=f"The most probable classes and the actual one, {_BARS} at most",
    )


def _pick_class(images: EvaluatedImages) -> int | None:
    names = query_class_names(images.info)
    chosen = render_choice(
        "of",
        "Class",
        {_ALL_CLASSES: "all classes"} | dict(zip(names, class_names(images.info), strict=True)),
        key="evaluate-of",
        hint="The label of the images in the data set.",
        problem=lambda word: f"There is no class {word} here: {escaped(', '.join(names))}.",
        forget=GALLERY_PARAMS,
        menu=True,
    )
    return None if chosen == _ALL_CLASSES else names.index(chosen)


def render_random_images(view: EvaluationView) -> None:
    """Show ten random images, the same for the same ``seed`` in the address.

    A click on an image leads to all its probabilities, by the same network.
    """
    evaluation, images = view.evaluation, view.images
    heading = st.container()
    drawn = draw_images(len(evaluation))
    title = f"{format_number_word(len(drawn)).capitalize()} random {images.noun}s"
    heading.header(title, anchor="random")
    predicted, labels = evaluation.predicted[drawn], evaluation.labels[drawn]
    indices = evaluation.indices[drawn].tolist()
    bars = tile_bars(evaluation.classes, evaluation.probabilities[drawn], labels)
    classes = evaluation.classes
    links = []
    click = "Click an image for all its probabilities."
    if view.epoch is not None:
        # Predict loads checkpoints only.
        links = [inside_link(images, index, view.member) for index in indices]
        sources = {link.source for link in links}
        click = (
            f"Click an image for its feature maps {sources.pop()}".rstrip() + "."
            if len(sources) == 1
            else "Click an image for its feature maps after the nearest epoch that has them."
        )
    correct = int((predicted == labels).sum())
    st.caption(
        "Below each image: its number, its class, and the predicted class (✓ right, ✗ wrong); "
        f"{correct} of {len(drawn)} are right. {BARS_EXPLANATION} {click}"
    )
    clicked = image_grid(
        sprite(images.pixels[drawn]),
        key="evaluate-random",
        labels=[
            f"{index}\n{classes[label]}\n{'✓' if label == guess else '✗'} {classes[guess]}"
            for index, label, guess in zip(indices, labels, predicted, strict=True)
        ],
        tooltips=[
            f"{images.noun.capitalize()} {index}: {classes[label]}; predicted\n{text}"
            for index, label, text in zip(indices, labels, bars.texts, strict=True)
        ],
        bars=bars.bars,
        size=TILE_SIZE,
        description=title,
    )
    csv_button(
        "Save these as CSV",
        lambda: pictures_table(evaluation, drawn),
        f"{view.file_name}-random",
        "Saves these images with their predictions as a spreadsheet file.",
    )
    if clicked is not None:
        if links:
            go_to("inside", **links[clicked].query_params)
        go_to("predict", split=images.split, image=indices[clicked], **view.query_params)


def draw_images(count: int) -> Positions:
    """Show the seed and a button for a new one; return ten random positions of ``count``."""
    return random_positions(count, RANDOM_COUNT, _pick_seed())


def _pick_seed() -> int:
    text = st.query_params.get("seed", str(_FIRST_SEED))
    seed = whole_number(text)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.text_input(
        "Seed",
        text,
        key=widget_key(_SEED_KEY, text, same_text),
        width=130,
        on_change=_seed_chosen,
        help="The same seed draws the same images.",
    )
    row.button(
        "Draw again",
        icon=":material/shuffle:",
        on_click=_draw_seed,
        help="Draws ten other images, with a new seed.",
    )
    if seed is None:
        st.error(
            f"{quoted(text)} is no seed: enter a whole number from 0 to 999,999,999. Seed "
            f"{_FIRST_SEED} is used.",
            icon=":material/error:",
        )
        return _FIRST_SEED
    return seed


def _seed_chosen() -> None:
    update_query_params(seed=widget_value(_SEED_KEY).strip())


def _draw_seed() -> None:
    update_query_params(seed=str(np.random.default_rng().integers(_SEEDS)))
