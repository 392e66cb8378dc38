"""Break it: the chosen picture distorted with sliders, and where the prediction changes."""

import re
from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.background_job import BackgroundJobs
from cifarviz.analysis.predictions import rank_classes
from cifarviz.analysis.sweeps import (
    POINTS,
    Flip,
    Sweep,
    accuracy_amounts,
    accuracy_sweep,
    sweep,
)
from cifarviz.data.distortions import (
    DISTORTIONS,
    Amounts,
    Distortion,
    distort,
    distortions_for,
)
from cifarviz.figures.amount_curves import (
    AmountAxis,
    probability_curves,
    probability_curves_figure,
)
from cifarviz.figures.percent import format_probability
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.figures.theme import class_color
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.errors import render_errors
from cifarviz.ui.familiarity import is_judged_unknown
from cifarviz.ui.predict.accuracy import render_accuracy
from cifarviz.ui.predict.picture import ChosenNetwork, ChosenPicture, render_picture
from cifarviz.ui.predict.prediction import format_prediction
from cifarviz.ui.query import (
    current_query_params,
    render_choice,
    sync_query_params,
    update_query_params,
    widget_key,
)
from cifarviz.ui.weights_job import compute_soon, weights_key

# CSS pixels of the changed picture, and of those where the prediction changes.
_SIDE, _TILE = 320, 96
_COLUMNS = 5
# A result takes some kilobytes.
_MAX_JOBS = 128
# The amounts in the address: ``rotation:-30,blur:1.5``.
_AMOUNT = re.compile(r"([a-z]+):(-?[0-9]{1,4}(?:\.[0-9]{1,3})?)")


@st.fragment
def render_break_it(picture: ChosenPicture, network: ChosenNetwork) -> None:
    """Render the sliders, the distorted picture, and the predictions over one slider's range."""
    sync_query_params()
    with render_errors():
        offered = distortions_for(picture.pixels.shape[-1])
        amounts = _amounts_from_query(offered)
        change = _pick_change(offered)
        _render_sliders(offered, amounts)
        distortion = next(one for one in offered if one.key == change)
        _render_results(picture, network, distortion, amounts)


def _render_results(
    picture: ChosenPicture, network: ChosenNetwork, distortion: Distortion, amounts: Amounts
) -> None:
    current = amounts.get(distortion.key, distortion.neutral)
    others = {key: amount for key, amount in amounts.items() if key != distortion.key}
    left, right = st.columns([2, 3], gap="large")
    with left:
        _render_distorted(picture, network, amounts)
    with right:
        found = _sweep(network, picture.pixels, distortion, others)
    if found is None:
        return
    unit = f", {distortion.unit}" if distortion.unit else ""
    axis = AmountAxis(f"{distortion.title}{unit}", distortion.format, current, found.flips)
    with left:
        _render_flips(picture, network, distortion, others, found)
    with right:
        st.markdown(_format_flips(distortion, found, network.names), help=_format_steps(distortion))
        curves = probability_curves(
            found.amounts,
            found.probabilities,
            network.names,
            shown={found.predicted, *(flip.predicted for flip in found.flips)},
        )
        chart(
            probability_curves_figure(curves, axis),
            key="predict-sweep",
            view=f"{picture.id} {distortion.key}",
            file_name=f"probabilities over {distortion.key}",
            description=f"Probability of each class over {_in_sentence(distortion)}",
        )
        st.markdown(f"**Test images** over {_in_sentence(distortion)}{_format_others(others)}")
        render_accuracy(
            network,
            ("distortion", distortion.key, *sorted(others.items())),
            lambda model, images, report: accuracy_sweep(
                model.probabilities, images, distortion, others, report
            ),
            len(accuracy_amounts(distortion)),
            axis,
        )


# ---- Choices ---------------------------------------------------------------------------------


def _pick_change(offered: Sequence[Distortion]) -> str:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        titles = {distortion.key: distortion.title for distortion in offered}
        change = render_choice(
            "change",
            "Curves over",
            titles,
            key="predict-change",
            hint="The slider that was moved last. The curves go over its whole range; the others "
            "keep their amounts.",
            problem=lambda word: (
                "A grey picture has no hue. Choose another change."
                if word == quoted("hue")
                else f"Pictures cannot be changed by {word}. Use {' or '.join(titles)}."
            ),
        )
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            key="predict-reset",
            disabled="amounts" not in st.query_params,
            on_click=partial(update_query_params, amounts=None),
            help="Set all sliders to where they change nothing.",
        )
    return change


def _amounts_from_query(offered: Sequence[Distortion]) -> dict[str, float]:
    """Return the amounts in the address that are not neutral; the others are reported."""
    text = st.query_params.get("amounts", "")
    amounts, unknown = _parse_amounts(text, offered)
    if unknown:
        st.error(
            f"The picture cannot be changed by {quoted(', '.join(unknown))}. Expected a change "
            "and an amount in its range, such as rotation:30.",
            icon=":material/error:",
        )
    return amounts


def _parse_amounts(
    text: str, offered: Sequence[Distortion]
) -> tuple[dict[str, float], Sequence[str]]:
    """Return amounts on their sliders' steps, and the parts of ``text`` that are none."""
    known = {distortion.key: distortion for distortion in offered}
    amounts, unknown = {}, []
    for part in filter(None, text.split(",")):
        match = _AMOUNT.fullmatch(part)
        distortion = known.get(match[1]) if match else None
        if match is None or distortion is None:
            unknown.append(part)
            continue
        amount = distortion.amount(distortion.position(float(match[2])))
        if not distortion.low <= amount <= distortion.high:
            unknown.append(part)
        elif amount != distortion.neutral:
            amounts[distortion.key] = amount
    return amounts, unknown


def _format_amounts(amounts: Amounts) -> str | None:
    return ",".join(f"{key}:{amount:g}" for key, amount in amounts.items()) or None


def _render_sliders(offered: Sequence[Distortion], amounts: Amounts) -> None:
    for start in range(0, len(offered), _COLUMNS):
        columns = st.columns(_COLUMNS, gap="medium")
        for column, distortion in zip(columns, offered[start : start + _COLUMNS], strict=False):
            amount = amounts.get(distortion.key, distortion.neutral)
            key = widget_key(f"predict-{distortion.key}", float(amount))
            unit = "%%" if distortion.unit == "%" else distortion.unit
            space = " " if unit.isalpha() else ""
            column.slider(
                distortion.title,
                float(distortion.low),
                float(distortion.high),
                float(amount),
                float(distortion.step),
                format=f"%g{space}{unit}",
                key=key,
                on_change=_select_amount,
                args=(distortion, key, offered),
                help=distortion.help,
            )


def _select_amount(distortion: Distortion, key: str, offered: Sequence[Distortion]) -> None:
    amount = distortion.amount(distortion.position(state.get(key)))
    _set_amount(distortion, amount, offered)


def _set_amount(distortion: Distortion, amount: float, offered: Sequence[Distortion]) -> None:
    before, _ = _parse_amounts(current_query_params().get("amounts", ""), offered)
    amounts = {key: value for key, value in before.items() if key != distortion.key}
    if amount != distortion.neutral:
        amounts[distortion.key] = amount
    update_query_params(amounts=_format_amounts(amounts), change=distortion.key)


# ---- Results ---------------------------------------------------------------------------------


def _render_distorted(picture: ChosenPicture, network: ChosenNetwork, amounts: Amounts) -> None:
    pixels = distort(picture.pixels, amounts)
    predicted = cache.trained_model(network.run, network.weights).probabilities(pixels[None])[0]
    ranked = rank_classes(network.names, predicted)
    unknown = is_judged_unknown(
        network.run, network.weights, pixels, picture.train_index(network.run)
    )
    st.markdown(format_prediction(ranked, picture.actual, unknown=unknown))
    if unknown:
        st.caption("Changed like this, it is probably nothing the network knows.")
    render_picture(enlarge(pixels, _SIDE), f"{picture.name}, changed")
    st.caption(" · ".join(_format_each(amounts)) or "Not changed: move a slider.")


def _format_each(amounts: Amounts) -> list[str]:
    """Return each amount that is not neutral with the title of its slider."""
    return [
        f"{distortion.title} {distortion.format(amounts[distortion.key])}"
        for distortion in DISTORTIONS
        if distortion.key in amounts
    ]


def _format_others(others: Amounts) -> str:
    """Return the amounts of the other sliders, which change the test images, too."""
    return f", each with {', '.join(_format_each(others))}" if others else ""


def _render_flips(
    picture: ChosenPicture,
    network: ChosenNetwork,
    distortion: Distortion,
    others: Amounts,
    found: Sweep,
) -> None:
    """Render the picture at the neutral amount and at each flip; a click sets the slider."""
    if not found.flips:
        return
    neutral = distort(picture.pixels, others)
    start = int(np.searchsorted(found.amounts, distortion.neutral))
    middle = Flip(float(distortion.neutral), neutral, found.probabilities[start])
    shown = sorted((middle, *found.flips), key=lambda flip: flip.amount)
    labels = [
        f"{distortion.format(flip.amount)}\n{network.names[flip.predicted]} "
        f"{format_probability(float(flip.probabilities[flip.predicted]), 0)}"
        for flip in shown
    ]
    clicked = image_grid(
        sprite(np.stack([flip.pixels for flip in shown])),
        key="predict-flips",
        labels=labels,
        tooltips=[label.replace("\n", ": ") for label in labels],
        colors=[class_color(flip.predicted) for flip in shown],
        size=_TILE,
        description="The picture where the prediction changes",
    )
    if clicked is not None:
        offered = distortions_for(neutral.shape[-1])
        _set_amount(distortion, shown[clicked].amount, offered)
        st.rerun()


def _format_flips(distortion: Distortion, found: Sweep, names: Sequence[str]) -> str:
    """Tell in a sentence where the prediction changes."""
    name = escaped(names[found.predicted])
    title = distortion.title
    if not found.flips:
        low, high = distortion.format(distortion.low), distortion.format(distortion.high)
        return f"**{title}** does not change the prediction: **{name}** from {low} to {high}."
    parts = [
        f"to **{escaped(names[flip.predicted])}** at {distortion.format(flip.amount)}"
        for flip in found.flips
    ]
    return f"**{title}** changes the prediction from **{name}** {' and '.join(parts)}."


def _format_steps(distortion: Distortion) -> str:
    """Tell how exact the amounts are at which the prediction changes."""
    return (
        f"{POINTS} amounts are tried, and between the two where the prediction changes every "
        f"step of {distortion.format(distortion.step)}. A change that is undone before the next "
        f"of the {POINTS} amounts is missed."
    )


def _in_sentence(distortion: Distortion) -> str:
    title = distortion.title
    return title if title.startswith("JPEG") else title.lower()


def _sweep(
    network: ChosenNetwork, pixels: NDArray[np.uint8], distortion: Distortion, others: Amounts
) -> Sweep | None:
    """Return the curves; ``None``, with a note, while they are computed in the background."""
    model = cache.trained_model(network.run, network.weights)
    facts = distortion.key, *sorted(others.items()), pixels.shape, pixels.tobytes()
    key = weights_key(network.run, network.weights, *facts)
    compute = partial(sweep, model.probabilities, pixels, distortion, others)
    text = "Predicting the changed picture"
    return compute_soon(_jobs(), key, compute, text, key="predict-sweeping")


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[Sweep]:
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(_jobs)
