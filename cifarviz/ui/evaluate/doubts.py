"""The Label doubts view of Evaluate: labels that networks doubt, to be judged by eye."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from cifarviz.analysis.label_doubts import (
    Detection,
    DoubtScore,
    LabelDoubts,
    doubts_table,
    measure_detection,
)
from cifarviz.analysis.members import Member
from cifarviz.data.image_set import Dataset
from cifarviz.figures.label_detection import LabelDetection, label_detection_figure
from cifarviz.figures.percent import format_percent, format_probability
from cifarviz.figures.probabilities import probabilities, probabilities_figure
from cifarviz.figures.sprite import sprite
from cifarviz.live.items import Metric
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.ensemble.accurate_members import accurate_members, begin_with_accurate_members
from cifarviz.ui.ensemble.members import begin_with_recorded_members, pick_members, set_members
from cifarviz.ui.errors import render_errors
from cifarviz.ui.evaluate.doubted_images import (
    DoubtedImages,
    DoubtSource,
    doubt_held_out_labels,
    doubt_test_labels,
    doubt_wrong_labels,
)
from cifarviz.ui.evaluate.evaluation import EvaluatedImages
from cifarviz.ui.evaluate.galleries import gallery_page
from cifarviz.ui.evaluate.image_details import (
    BARS_EXPLANATION,
    TILE_SIZE,
    open_clicked_image,
    render_enlarged,
    render_image_links,
    render_pagination,
    tile_bars,
)
from cifarviz.ui.metrics import render_metrics
from cifarviz.ui.query import render_choice, render_number, update_query_params
from cifarviz.ui.state import LabelMark, label_marks

DOUBT_PARAMS: Final = ("picture", "sheet")
"""Query parameters that belong to one list of images."""
_SOURCES: Mapping[DoubtSource, str] = {
    "test": "Test images",
    "held-out": "Held-out training images",
    "wrong": "Images with wrong labels",
}
_SCORES: Mapping[DoubtScore, str] = {
    "confidence": "Probability of the label",
    "margin": "Margin of another class",
}
_MARKS: Mapping[LabelMark, tuple[str, str, str]] = {
    "wrong": ("Label is wrong", "close", "✗ wrong"),
    "right": ("Label is right", "check", "✓ right"),
    "unsure": ("Can't tell", "question_mark", "? can't tell"),
}
_COLLECT: Mapping[
    DoubtSource, Callable[[Sequence[Member]], tuple[DoubtedImages, Dataset] | None]
] = {
    "test": doubt_test_labels,
    "held-out": doubt_held_out_labels,
    "wrong": doubt_wrong_labels,
}
_BARS = 5
# Below this share of predictions that agree with the label, most doubts are networks' mistakes: of
# the labels of public data sets a few in a hundred are wrong.
_RELIABLE_ACCURACY = 0.8


def render_doubts() -> None:
    """Choose networks and images, and show the labels that are doubted most."""
    with render_errors():
        begin_with_accurate_members()
        begin_with_recorded_members()
    members: list[Member] = []
    with render_errors():
        members = pick_members(cache.store().all())
    if not members:
        st.info(
            "Where several networks that never saw an image agree that it is something else, its "
            "label may be wrong. Choose two or more networks above, such as runs that differ in "
            "their seed only.",
            icon=":material/info:",
        )
        return
    with render_errors():
        has_wrong = any(member.run.experiment.data.wrong_labels for member in members)
        row = st.container(horizontal=True, gap="large", vertical_alignment="bottom")
        source, score = _pick_source(row, has_wrong=has_wrong)
        found = _COLLECT[source](members)
        if found is not None:
            _render_doubted(*found, score, members)


def _pick_source(row: DeltaGenerator, *, has_wrong: bool) -> tuple[DoubtSource, DoubtScore]:
    sources = {name: title for name, title in _SOURCES.items() if has_wrong or name != "wrong"}
    with row:
        source = render_choice(
            "images",
            "Images",
            sources,
            key="doubts-images",
            hint="A network can judge only labels that it did not learn: those of test images, and "
            "of training images that its run held out for validation. Where a run was trained "
            "with labels made wrong on purpose, the doubts can be checked.",
            problem=lambda word: f"There are no images {word} here: {', '.join(sources)}.",
            forget=(*DOUBT_PARAMS, "k"),
            usual="wrong" if has_wrong else "test",
        )
        score = render_choice(
            "rank",
            "Most doubtful",
            _SCORES,
            key="doubts-rank",
            hint="The lowest mean probability of the label first, or the largest lead of another "
            "class over it.",
            problem=lambda word: f"There is no order {word}: {', '.join(_SCORES)}.",
            forget=DOUBT_PARAMS,
        )
    return source, score


def _render_doubted(
    doubted: DoubtedImages, dataset: Dataset, score: DoubtScore, members: Sequence[Member]
) -> None:
    st.caption(escaped(" ".join(doubted.sentences)))
    if not len(doubted.doubts):
        st.info(
            "None of these networks can judge any of these images. Choose others.",
            icon=":material/info:",
        )
        return
    order = doubted.doubts.order(score)
    if doubted.true_labels is not None:
        _render_detection(doubted.doubts, doubted.true_labels, order)
    else:
        _render_counts(doubted.doubts)
        _warn_of_weak_networks(doubted.doubts, members)
    _render_gallery(doubted, dataset, order, members)


def _render_counts(doubts: LabelDoubts) -> None:
    suspected = int(doubts.suspected.sum())
    disagree = int((doubts.predicted != doubts.labels).sum())
    render_metrics(
        [
            Metric("Labels judged", f"{len(doubts):,}", "Images that a network did not learn."),
            Metric(
                "Another class is likelier",
                f"{disagree:,}",
                "Images whose mean probability is highest for another class than the label. Most "
                "are mistakes of the networks.",
            ),
            _suspected_metric(suspected, len(doubts)),
        ]
    )


def _warn_of_weak_networks(doubts: LabelDoubts, members: Sequence[Member]) -> None:
    """Say where the networks are too often wrong for their doubts to mean much."""
    accuracy = float((doubts.predicted == doubts.labels).mean())
    if accuracy >= _RELIABLE_ACCURACY:
        return
    st.warning(
        f"These networks predict the label of only {format_percent(accuracy)} of these images, so "
        "most of their doubts are their own mistakes. Choose more accurate networks, and judge the "
        "images by eye.",
        icon=":material/warning:",
    )
    better = accurate_members(cache.store(), members[0].run.experiment.data.dataset)
    if better and not set(better) & set(members):
        st.button(
            f"Use the {len(better)} most accurate networks",
            key="doubts-accurate",
            icon=":material/trending_up:",
            on_click=set_members,
            args=(better,),
            help="Those with the highest validation accuracy on this data set.",
        )


def _suspected_metric(suspected: int, count: int) -> Metric:
    return Metric(
        "Suspected labels",
        f"{suspected:,}",
        "Confident learning: another class is at least as probable as it is, on average, for the "
        "images labelled with it. Weak networks suspect more labels than are wrong.",
        f"{format_percent(suspected / count)} of the labels",
    )


def _render_detection(
    doubts: LabelDoubts, true_labels: NDArray[np.int64], order: NDArray[np.int64]
) -> None:
    """Show how many of the labels made wrong are among the most doubted."""
    wrong = doubts.labels != true_labels
    found = measure_detection(order, wrong)
    if not found.wrong:
        st.info("None of these labels was made wrong.", icon=":material/info:")
        return
    left, right = st.columns([1, 2], gap="large")
    with left:
        count = render_number(
            "k",
            "Labels looked at",
            found.wrong,
            (1, len(order)),
            "How many of the most doubted labels somebody would look at.",
            key="doubts-k",
        )
        _render_detection_metrics(found, count, len(order), int(doubts.suspected.sum()))
    with right:
        chart(
            label_detection_figure(LabelDetection(found.precision, found.recall, found.wrong)),
            key="label-detection",
            file_name="label-doubts",
            description="Precision and recall of the most doubted labels",
        )


def _render_detection_metrics(found: Detection, count: int, images: int, suspected: int) -> None:
    precision, recall = found.precision[count - 1], found.recall[count - 1]
    hits = round(precision * count)
    render_metrics(
        [
            Metric(
                f"Precision at {count:,}",
                format_percent(precision),
                f"Share of the {count:,} most doubted labels that were made wrong.",
                f"{hits:,} wrong; in a random order {format_percent(found.wrong / images)}",
            ),
            Metric(
                f"Recall at {count:,}",
                format_percent(recall),
                f"Share of the {found.wrong:,} labels made wrong that are among them.",
                f"of {found.wrong:,} wrong labels",
            ),
        ]
    )
    render_metrics([_suspected_metric(suspected, images)])


def _render_gallery(
    doubted: DoubtedImages, dataset: Dataset, order: NDArray[np.int64], members: Sequence[Member]
) -> None:
    doubts, names = doubted.doubts, class_names(dataset.info)
    marks = label_marks(dataset.info.name)
    heading = st.container(horizontal=True, vertical_alignment="center")
    heading.header("Most doubted labels", anchor="doubts", width="content")
    judged = sum((doubted.split, index) in marks for index in doubts.indices.tolist())
    with heading:
        csv_button(
            "CSV",
            lambda: _marked_table(doubted, names, order, marks),
            f"label-doubts-{dataset.info.name}-{doubted.split}",
            "Saves all these images in order, with what the networks say and your marks, as a "
            "spreadsheet file.",
        )
        if judged:
            st.markdown(f":small[{judged:,} judged by you]", width="content")
    st.caption(
        "Below each image: its label, and the class that the networks predict, with how many of "
        f"them. {BARS_EXPLANATION.replace('actual class', 'label')} Your marks last as long as "
        "this browser tab; save them as CSV."
    )
    page, selected = gallery_page(order, doubts.indices)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        clicked = _render_grid(page.positions, selected, doubted, names, marks)
        render_pagination(page, "doubts-sheet", forget=("picture",))
    # Stays in sight while the images are scrolled through (assets/style.css).
    with right, st.container(key="doubts-judged"):
        _render_image(selected, doubted, dataset, order, members)
    open_clicked_image(clicked, page.positions, selected, doubts.indices)


def _render_grid(
    positions: NDArray[np.int64],
    selected: int,
    doubted: DoubtedImages,
    names: Sequence[str],
    marks: Mapping[tuple[str, int], LabelMark],
) -> int | None:
    doubts = doubted.doubts
    labels, predicted = doubts.labels[positions], doubts.predicted[positions]
    indices = doubts.indices[positions].tolist()
    bars = tile_bars(names, doubts.probabilities[positions], labels)
    predictions = [
        f"→ {names[guess]} {agreeing}/{judges}" if judges > 1 else f"→ {names[guess]}"
        for guess, agreeing, judges in zip(
            predicted, doubts.agreeing[positions], doubts.judges[positions], strict=True
        )
    ]
    image_marks = [marks.get((doubted.split, index)) for index in indices]
    return image_grid(
        sprite(doubted.images.images[positions]),
        key="doubts-grid",
        labels=[
            f"{names[label]}\n{text}\n{'' if mark is None else _MARKS[mark][2]}".rstrip("\n")
            for label, text, mark in zip(labels, predictions, image_marks, strict=True)
        ],
        tooltips=[
            f"{doubted.noun} {index}: labelled {names[label]}; predicted\n{text}"
            for index, label, text in zip(indices, labels, bars.texts, strict=True)
        ],
        bars=bars.bars,
        size=TILE_SIZE,
        selected=int(np.flatnonzero(positions == selected)[0]),
        description="Images with doubted labels",
    )


def _render_image(
    position: int,
    doubted: DoubtedImages,
    dataset: Dataset,
    order: NDArray[np.int64],
    members: Sequence[Member],
) -> None:
    """Show an image with its label, what the networks say, and buttons to judge it."""
    doubts, names = doubted.doubts, class_names(dataset.info)
    index, label = int(doubts.indices[position]), int(doubts.labels[position])
    title = f"{doubted.noun} {index}"
    render_enlarged(doubted.images.images[position], f"{title}, labelled {names[label]}")
    st.markdown(f"**{title}**, labelled {escaped(names[label])}")
    st.caption(escaped(_opinion(position, doubts, names)))
    _render_marks(position, doubted, dataset, order)
    chart(
        probabilities_figure(
            probabilities(names, doubts.probabilities[position], actual=label, most=_BARS)
        ),
        key="doubts-image",
        file_name=f"{doubted.noun.lower().replace(' ', '-')}-{index}",
        description=f"The most probable classes and the label, {_BARS} at most, averaged",
    )
    images = EvaluatedImages(doubted.images, doubted.split, dataset.info)
    render_image_links(images, index, members[0])


def _opinion(position: int, doubts: LabelDoubts, names: Sequence[str]) -> str:
    judges, agreeing = int(doubts.judges[position]), int(doubts.agreeing[position])
    guess = names[doubts.predicted[position]]
    own = format_probability(float(doubts.self_confidence[position]))
    networks = "The network predicts" if judges == 1 else f"{agreeing} of {judges} networks predict"
    mean = "" if judges == 1 else "mean "
    return f"{networks} {guess}; the {mean}probability of the label is {own}."


def _render_marks(
    position: int, doubted: DoubtedImages, dataset: Dataset, order: NDArray[np.int64]
) -> None:
    """Show the viewer's buttons; a press goes on to the next image.

    What a label made wrong should be is shown once the image is judged.
    """
    index = int(doubted.doubts.indices[position])
    place = int(np.flatnonzero(order == position)[0])
    following = int(doubted.doubts.indices[order[min(place + 1, len(order) - 1)]])
    key = (doubted.split, index)
    mark = label_marks(dataset.info.name).get(key)
    with st.container(horizontal=True, gap="small"):
        for word, (text, icon, _) in _MARKS.items():
            st.button(
                text,
                key=f"mark-{word}-{index}",
                icon=f":material/{icon}:",
                type="primary" if mark == word else "secondary",
                on_click=_set_mark,
                args=(dataset.info.name, key, word, following),
                help="Marks this image and goes on to the next; pressed again, it takes the mark "
                "off.",
            )
    if mark is not None and doubted.true_labels is not None:
        label, true = doubted.doubts.labels[position], doubted.true_labels[position]
        names = class_names(dataset.info)
        st.caption(
            "This label is as in the data set."
            if label == true
            else escaped(f"This label was made wrong; in the data set it is {names[true]}.")
        )


def _set_mark(dataset: str, key: tuple[str, int], mark: LabelMark, following: int) -> None:
    marks = label_marks(dataset)
    if marks.get(key) == mark:
        del marks[key]
        return
    marks[key] = mark
    update_query_params(picture=str(following), sheet=None)


def _marked_table(
    doubted: DoubtedImages,
    names: Sequence[str],
    order: NDArray[np.int64],
    marks: Mapping[tuple[str, int], LabelMark],
) -> pd.DataFrame:
    table = doubts_table(doubted.doubts, names, order)
    if doubted.true_labels is not None:
        table["made_wrong"] = (doubted.doubts.labels != doubted.true_labels)[order]
        table["label_in_data_set"] = [names[label] for label in doubted.true_labels[order]]
    table["mark"] = [marks.get((doubted.split, index), "") for index in table.index.tolist()]
    return table
