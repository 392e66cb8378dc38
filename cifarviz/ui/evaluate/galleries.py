"""Galleries of test images."""

from typing import Final, NamedTuple

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
from cifarviz.figures.probabilities import Probabilities, probabilities, probabilities_figure
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.ui import state
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import address_names, class_names, number_in_words
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.csv_button import csv_button
from cifarviz.ui.evaluate.evaluation import EvaluatedImages, EvaluationView
from cifarviz.ui.evaluate.matrix import BARS_WORDS, picture_links, tile_bars, way_inside
from cifarviz.ui.navigation import go_to
from cifarviz.ui.query import (
    render_choice,
    same_text,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.streamlit_patches import uninterruptible

PICTURE: Final = ("picture", "sheet")
"""What in the address makes sense for one list of pictures only."""
_A_SHEET = 32


class Sheet(NamedTuple):
    """Some of the pictures, int64 (k,), and the place among all of them of the one looked at.

    ``number``, from 1, is which sheet of how many it is.
    """

    shown: NDArray[np.int64]
    chosen: int
    number: int
    sheets: int

    @property
    def selected(self) -> int:
        """Which of those shown is looked at."""
        return int(np.flatnonzero(self.shown == self.chosen)[0])


_TILE = 96
_ENLARGED = 192
_BARS = 5

# CSS pixels.
_MENU = 220
_EVERY = "all"
_PLAIN = {"mistakes": "Surest mistakes", "hits": "Least sure hits"}
_OVER_EPOCHS = {
    "late": "Learned late",
    "forgotten": "Learned and forgotten",
    "never": "Never learned",
}
TEN = 10
_KEY = "evaluate-seed"
_FIRST_SEED = 0

# Short enough to be read out in a room.
_DRAWN_SEEDS = 10_000


def galleries(answered: EvaluationView) -> None:
    """One of the galleries; those over the epochs where it is known how the images fared.

    The address of the page holds ``gallery``, ``of`` (a class), ``sheet`` and ``picture``.
    """
    evaluation, asked, learned = answered.evaluation, answered.asked, answered.learned
    st.subheader("Pictures", anchor="pictures")
    row = st.container(horizontal=True, gap="large", vertical_alignment="bottom")
    with row:
        which = render_choice(
            "gallery",
            "Which",
            _PLAIN | _OVER_EPOCHS if learned is not None else _PLAIN,
            key="evaluate-gallery",
            hint="Mistakes that the network is sure of are often odd pictures, or wrong labels; "
            "what is learned late, forgotten or never learned is hard.",
            problem=lambda word: f"There is no gallery {word} here.",
            forget=PICTURE,
        )
        with st.container(width=_MENU):
            wanted = _class(asked)
    positions, words = _ordered(which, evaluation, learned)
    if wanted is not None:
        positions = positions[evaluation.labels[positions] == wanted]
    if not len(positions):
        st.info("There is no such picture.", icon=":material/info:")
        return
    of_class = "" if wanted is None else f"-{address_names(asked.info)[wanted]}"
    with row:
        csv_button(
            "CSV",
            lambda: pictures_table(evaluation, positions, learned),
            f"{answered.name}-{which}{of_class}",
            "All pictures of this gallery, in their order, with what the network says of them, as "
            "a file for a spreadsheet.",
        )
    many = f"{len(positions):,} {asked.noun}{'' if len(positions) == 1 else 's'}"
    when = "" if answered.epoch is None else f", after epoch {answered.epoch}"
    st.caption(f"{many}. {words} Bars{when}: {BARS_WORDS}")
    sheet = sheet_in_address(positions, evaluation.indices)
    grid, detail = st.columns([3, 2], gap="medium")
    with grid:
        clicked = _grid(sheet, evaluation, asked, _labels(which, sheet.shown, evaluation, learned))
        render_sheet_switch(sheet, "evaluate-sheet")
    with detail:
        large_picture(sheet.chosen, answered)
        _bars(sheet.chosen, answered)
        index = int(evaluation.indices[sheet.chosen])
        picture_links(asked, index, answered.member)
    if clicked is not None and int(sheet.shown[clicked]) != sheet.chosen:
        update_query_params(picture=str(evaluation.indices[sheet.shown[clicked]]))
        st.rerun()


def _ordered(
    which: str, evaluation: Evaluation, learned: LearningProgress | None
) -> tuple[NDArray[np.int64], str]:
    """Positions of the images in their order, and that order in words."""
    if which == "hits":
        found = least_confident_correct(evaluation.labels, evaluation.probabilities)
        return found, "Recognised, the least sure first."
    newest = "" if learned is None else f"epoch {learned.epochs[-1]}, the newest kept"
    if which == "late" and learned is not None:
        words = (
            f"Right after {newest}, wrong after some before; the last to be right for good first."
        )
        return learned.learned_late, words
    if which == "never" and learned is not None:
        never = learned.never_learned
        sure = evaluation.probabilities[never, evaluation.labels[never]]
        many = len(learned.epochs)
        words = f"Right after none of the {many} epochs kept; those it is furthest from first."
        return never[np.argsort(sure, kind="stable")], words
    if which == "forgotten" and learned is not None:
        words = f"Wrong after {newest}, right after some before; those right after most first."
        return learned.learned_and_forgotten, words
    found = most_confident_mistakes(evaluation.labels, evaluation.probabilities)
    return found, "Taken for another class, the surest first."


def _labels(
    which: str, shown: NDArray[np.int64], evaluation: Evaluation, learned: LearningProgress | None
) -> list[str]:
    if which == "late" and learned is not None:
        epochs = learned.learned[shown]
        return [f"from epoch {epoch}" for epoch in epochs]
    if which == "forgotten" and learned is not None:
        return [f"right {n} of {len(learned.epochs)}" for n in learned.times_correct[shown]]
    said = evaluation.probabilities[shown].argmax(axis=1)
    shares = evaluation.probabilities[shown].max(axis=1)
    return [
        f"{evaluation.classes[name]} {format_probability(share, 0)}"
        for name, share in zip(said, shares, strict=True)
    ]


def _grid(
    sheet: Sheet, evaluation: Evaluation, asked: EvaluatedImages, labels: list[str]
) -> int | None:
    shown, title = sheet.shown, asked.noun.capitalize()
    bars, words = tile_bars(
        evaluation.classes, evaluation.probabilities[shown], evaluation.labels[shown]
    )
    return image_grid(
        sprite(asked.images.images[shown]),
        key="evaluate-pictures",
        labels=labels,
        tooltips=[
            f"{title} {index}: {evaluation.classes[actual]}; the network says\n{said}"
            for index, actual, said in zip(
                evaluation.indices[shown], evaluation.labels[shown], words, strict=True
            )
        ],
        bars=bars,
        size=_TILE,
        selected=sheet.selected,
        description="Pictures",
    )


def large_picture(position: int, answered: EvaluationView) -> None:
    """The picture at ``position`` among those asked, enlarged, with what it is."""
    evaluation, asked = answered.evaluation, answered.asked
    index, actual = int(evaluation.indices[position]), int(evaluation.labels[position])
    pixels = asked.images.images[position]
    large = enlarge(pixels, _ENLARGED)
    name = evaluation.classes[actual]
    st.image(
        sprite(large[np.newaxis]).png,
        width=large.shape[1],
        alt=f"{asked.noun.capitalize()} {index}, {name}, enlarged",
    )
    st.markdown(f"**{asked.noun.capitalize()} {index}**, {escaped(name)}")


def _bars(position: int, answered: EvaluationView) -> None:
    evaluation, asked = answered.evaluation, answered.asked
    index, actual = int(evaluation.indices[position]), int(evaluation.labels[position])
    found = probabilities(evaluation.classes, evaluation.probabilities[position], actual=actual)
    chart(
        probabilities_figure(Probabilities(found.bars[:_BARS])),
        key="evaluate-picture",
        file_name=f"{asked.noun.replace(' ', '-')}-{index}",
        description=f"The {_BARS} most probable classes",
    )


def _class(asked: EvaluatedImages) -> int | None:
    names = address_names(asked.info)
    chosen = render_choice(
        "of",
        "Of class",
        {_EVERY: "all classes"} | dict(zip(names, class_names(asked.info), strict=True)),
        key="evaluate-of",
        hint="What the pictures show, as the data set says.",
        problem=lambda word: f"There is no class {word} here: {', '.join(names)}.",
        forget=PICTURE,
        menu=True,
    )
    return None if chosen == _EVERY else names.index(chosen)


def random_ten(answered: EvaluationView) -> None:
    """Show ten of the images, the same ones for the same ``seed``, which the address holds.

    A click on one leads to all its probabilities, by the same network.
    """
    evaluation, asked = answered.evaluation, answered.asked
    title = asked.noun.capitalize()
    heading = st.container()
    drawn = draw_ten(len(evaluation))
    what = f"{number_in_words(len(drawn)).capitalize()} {asked.noun}s at random"
    heading.subheader(what, anchor="random")
    predicted = evaluation.predicted[drawn]
    right = predicted == evaluation.labels[drawn]
    indices = [int(index) for index in evaluation.indices[drawn]]
    bars, words = tile_bars(
        evaluation.classes, evaluation.probabilities[drawn], evaluation.labels[drawn]
    )
    labels, tooltips = [], []
    for row, position in enumerate(drawn):
        actual = evaluation.classes[evaluation.labels[position]]
        said = f"{'✓' if right[row] else '✗'} {evaluation.classes[predicted[row]]}"
        labels.append(f"{indices[row]}\n{actual}\n{said}")
        tooltips.append(f"{title} {indices[row]}: {actual}; the network says\n{words[row]}")
    where, ways = "all its probabilities", []
    if answered.epoch is not None:
        # Predict asks only the weights that a run has kept to the end.
        ways = [way_inside(asked, index, answered.member) for index in indices]
        whose = {way.words for way in ways}
        which = whose.pop() if len(whose) == 1 else "after the nearest epoch that has them"
        where = f"its feature maps {which}".rstrip()
    st.caption(
        f"Under each: its official index, its class, and what the network says (✓ right, ✗ wrong); "
        f"{int(right.sum())} of these {len(drawn)} are right. Bars: {BARS_WORDS} "
        f"Click one for {where}."
    )
    clicked = image_grid(
        sprite(asked.images.images[drawn]),
        key="evaluate-random",
        labels=labels,
        tooltips=tooltips,
        bars=bars,
        size=_TILE,
        description=what,
    )
    csv_button(
        "Save these as CSV",
        lambda: pictures_table(evaluation, drawn),
        f"{answered.name}-random",
        "The images above with what the network says of them, as a file for a spreadsheet.",
    )
    if clicked is not None:
        if ways:
            go_to("inside", **ways[clicked].address)
        go_to("predict", split=asked.split, image=indices[clicked], **answered.address)


def draw_ten(images: int) -> Positions:
    """Show the seed and a button for another one; gives ten positions among so many images."""
    return random_positions(images, TEN, _seed())


def _seed() -> int:
    wanted = st.query_params.get("seed", str(_FIRST_SEED))
    seed = whole_number(wanted)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.text_input(
        "Seed",
        wanted,
        key=widget_key(_KEY, wanted, same_text),
        width=130,
        on_change=uninterruptible(_change_seed),
        help="The number that the draw begins from: the same seed draws the same images.",
    )
    row.button(
        "Draw again",
        icon=":material/shuffle:",
        on_click=uninterruptible(_draw),
        help="Draw ten others, with a new seed.",
    )
    if seed is None:
        st.error(
            f"{quoted(wanted)} is no seed: it is a whole number from 0 to 999,999,999. Seed "
            f"{_FIRST_SEED} is used.",
            icon=":material/error:",
        )
        return _FIRST_SEED
    return seed


def _change_seed() -> None:
    update_query_params(seed=widget_value(_KEY).strip())


def _draw() -> None:
    update_query_params(seed=str(np.random.default_rng().integers(_DRAWN_SEEDS)))


def sheet_in_address(places: NDArray[np.int64], indices: NDArray[np.int64]) -> Sheet:
    """The sheet of ``places`` that the address names, else that of its picture, else the first.

    ``indices`` are the official ones of all pictures, by their place. There is one at least.
    """
    sheets = -(-len(places) // _A_SHEET)
    picture = picture_in_address(indices)
    found = np.flatnonzero(indices[places] == picture) if picture is not None else places[:0]
    number = int(found[0]) // _A_SHEET + 1 if len(found) else 1
    text = st.query_params.get("sheet")
    if text is not None:
        wanted = whole_number(text)
        if wanted is None or not 1 <= wanted <= sheets:
            has = "1 sheet" if sheets == 1 else f"{sheets:,} sheets"
            st.error(
                f"These pictures fill {has}; {quoted(text)} is none of them.",
                icon=":material/error:",
            )
        else:
            number = wanted
    shown = places[(number - 1) * _A_SHEET : number * _A_SHEET]
    here = shown[indices[shown] == picture] if picture is not None else shown[:0]
    return Sheet(shown, int(here[0]) if len(here) else int(shown[0]), number, sheets)


def picture_in_address(indices: NDArray[np.int64]) -> int | None:
    """Return the official index that the address holds as ``picture``; reports an unknown one.

    ``indices`` are those of all pictures there are, whether they are shown now or not.
    """
    text = st.query_params.get("picture")
    if text is None:
        return None
    number = whole_number(text)
    if number is None or number not in indices:
        st.error(
            f"There is no picture {quoted(text)} here; the first is shown.",
            icon=":material/error:",
        )
        return None
    return number


def render_sheet_switch(sheet: Sheet, key: str) -> None:
    """Show the sheets there are, where there are several."""
    if sheet.sheets > 1:
        # Another key for another sheet: so it follows the address.
        key = f"{key}-{sheet.number}-{sheet.sheets}"
        st.pagination(
            sheet.sheets,
            default=sheet.number,
            key=key,
            on_change=uninterruptible(_turned),
            args=(key, sheet.number),
        )


def _turned(key: str, number: int) -> None:
    if state.get(key) != number:
        update_query_params(picture=None, sheet=str(state.get(key)))
