"""A small push: the chosen picture changed by a few levels so that the prediction changes."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.adversarial import (
    ACCURACY_EPSILONS,
    MAX_EPSILON,
    METHODS,
    EpsilonSweep,
    accuracy_under_attack,
    epsilon_sweep,
    largest_change,
)
from cifarviz.analysis.background_job import BackgroundJobs
from cifarviz.analysis.members import Member
from cifarviz.analysis.predictions import most_probable_class
from cifarviz.escaping import plotly_text
from cifarviz.figures.amount_curves import (
    AmountAxis,
    difference_picture,
    probability_curves,
    probability_curves_figure,
)
from cifarviz.figures.percent import format_probability
from cifarviz.figures.sprite import enlarge
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, format_count, quoted, whole_number
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.errors import render_errors
from cifarviz.ui.pickers import distinct_names
from cifarviz.ui.predict.accuracy import render_accuracy
from cifarviz.ui.predict.other_networks import other_networks
from cifarviz.ui.predict.picture import MAX_SIDE, ChosenNetwork, ChosenPicture, render_picture
from cifarviz.ui.query import (
    render_choice,
    sync_query_params,
    update_query_params,
    widget_key,
)
from cifarviz.ui.weights_job import compute_soon, weights_key

_ANY = "any"
_EPSILON = "Size ε, levels of 255"
_MAX_OTHERS = 6
# A result takes 17 pictures and their probabilities.
_MAX_JOBS = 64
_METHODS_HELP = (
    "Both change each pixel along the sign of the gradient of the loss. FGSM: one step of ε "
    "(arXiv 1412.6572). PGD: ten smaller steps, each with a new gradient (arXiv 1706.06083)."
)


@st.fragment
def render_small_push(picture: ChosenPicture, network: ChosenNetwork) -> None:
    """Render a picture that is changed by at most ε so that another class is predicted."""
    sync_query_params()
    with render_errors():
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            method = render_choice(
                "method",
                "Method",
                {key: method.title for key, method in METHODS.items()},
                key="predict-method",
                hint=_METHODS_HELP,
                problem=lambda word: f"There is no method {word}. Use fgsm or pgd.",
            )
            target = _pick_target(network)
            place = st.container(width=420)
        found = _epsilon_sweep(network, picture.pixels, method, target)
        if found is None:
            return
        if not found.moved:
            st.info(
                "No push moves this picture: the gradient of the loss is 0 at every pixel, as "
                "where all units of a layer are dead.",
                icon=":material/info:",
            )
            return
        with place:
            epsilon = _pick_epsilon(found)
        _render_pictures(picture, network, found, epsilon)
        _render_curves(network, found, epsilon, method)
        _render_others(picture, network, found, epsilon)


# ---- Choices ---------------------------------------------------------------------------------


def _pick_target(network: ChosenNetwork) -> int | None:
    known = query_class_names(network.run.experiment.data.dataset)
    options = {_ANY: "Any other class"} | dict(zip(known, network.names, strict=True))
    chosen = render_choice(
        "target",
        "Push towards",
        options,
        key="predict-target",
        hint="Any other class: away from the class that is predicted now.",
        problem=lambda word: f"There is no class {word} to push towards.",
        menu=True,
    )
    return None if chosen == _ANY else known.index(chosen)


def _pick_epsilon(found: EpsilonSweep) -> int:
    """Render the slider of ε; without one in the address, it is the smallest that flips."""
    usual = MAX_EPSILON if found.flip is None else int(found.flip.amount)
    text = st.query_params.get("epsilon")
    wanted = usual if text is None else whole_number(text)
    if wanted is None or wanted > MAX_EPSILON:
        st.error(
            f"ε is a whole number from 0 to {MAX_EPSILON}; got {quoted(text or '')}.",
            icon=":material/error:",
        )
        wanted = usual
    key = widget_key("predict-epsilon", wanted)
    st.slider(
        _EPSILON,
        0,
        MAX_EPSILON,
        wanted,
        key=key,
        on_change=_select_epsilon,
        args=(key,),
        help="The largest change of a pixel. At first the smallest that changes the prediction.",
    )
    return wanted


def _select_epsilon(key: str) -> None:
    update_query_params(epsilon=str(state.get(key)))


# ---- Results ---------------------------------------------------------------------------------


def _render_pictures(
    picture: ChosenPicture, network: ChosenNetwork, found: EpsilonSweep, epsilon: int
) -> None:
    before, after = found.pictures[0], found.pictures[epsilon]
    largest = largest_change(before, after)
    factor = 127 // max(largest, 1)
    shown = (
        (before, picture.name, f"Before: {_format_top_class(network, found.probabilities[0])}"),
        (
            difference_picture(before, after, factor),
            f"Difference × {factor}",
            f"Difference × {factor}, around grey" if largest else "No difference",
        ),
        (
            after,
            f"{picture.name}, pushed",
            f"After: {_format_top_class(network, found.probabilities[epsilon])}",
        ),
    )
    with st.container(horizontal=True, gap="large"):
        for pixels, name, caption in shown:
            with st.container(width=MAX_SIDE):
                render_picture(enlarge(pixels, MAX_SIDE), name)
                st.markdown(caption)
        with st.container():
            st.markdown(_format_push(found, epsilon))
            st.markdown(_format_flip(found, network.names))


def _format_top_class(network: ChosenNetwork, probabilities: NDArray[np.float32]) -> str:
    predicted = most_probable_class(network.names, probabilities)
    return f"**{escaped(predicted.name)}** {format_probability(predicted.probability)}"


def _format_push(found: EpsilonSweep, epsilon: int) -> str:
    before, after = found.pictures[0], found.pictures[epsilon]
    if not (largest := largest_change(before, after)):
        return "No pixel changes."
    changed = (after != before).any(axis=-1)
    return (
        f"No pixel changes by more than **{largest} of 255 levels** ({largest / 255:.1%}); "
        f"{changed.sum():,} of {changed.size:,} pixels change."
    )


def _format_flip(found: EpsilonSweep, names: Sequence[str]) -> str:
    """Tell which is the smallest push that works."""
    if found.flip is None:
        aim = "another class" if found.target is None else f"**{escaped(names[found.target])}**"
        return (
            f"No push of up to {MAX_EPSILON} levels makes the prediction {aim}. Another method or "
            "class may do better."
        )
    return (
        f"The smallest push that works: **{format_count(int(found.flip.amount), 'level')}**, from "
        f"**{escaped(names[found.predicted])}** to **{escaped(names[found.flip.predicted])}**."
    )


def _render_curves(network: ChosenNetwork, found: EpsilonSweep, epsilon: int, method: str) -> None:
    flips = () if found.flip is None else (found.flip,)
    axis = AmountAxis(_EPSILON, lambda amount: f"ε = {amount:g}", epsilon, flips)
    if found.target is not None:
        axis = replace(axis, flip_name=f"Becomes {plotly_text(network.names[found.target])}")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            "**This picture** over ε",
            help="The picture is pushed anew for each ε, so a larger push may do less.",
        )
        curves = probability_curves(
            found.epsilons.astype(np.float64),
            found.probabilities,
            network.names,
            shown=[
                found.predicted if found.target is None else found.target,
                *(flip.predicted for flip in flips),
            ],
        )
        chart(
            probability_curves_figure(curves, axis),
            key="predict-push",
            file_name="probabilities over epsilon",
            description="Probability of each class over the size of the push",
        )
    with right:
        st.markdown(
            "**Test images** over ε",
            help="Each is pushed away from its true class, whatever the choice above.",
        )
        render_accuracy(
            network,
            ("attack", method),
            lambda model, images, report: accuracy_under_attack(
                model, images, METHODS[method], report
            ),
            len(ACCURACY_EPSILONS),
            # Towards a class it takes more than away from the true one, as these are pushed.
            axis if found.target is None else replace(axis, flips=()),
        )


# ---- The pushed pictures ---------------------------------------------------------------------


def _epsilon_sweep(
    network: ChosenNetwork, pixels: NDArray[np.uint8], method: str, target: int | None
) -> EpsilonSweep | None:
    """Return the pushed pictures; ``None``, with a note, while they are made in the background.

    The fragment is run again when they are there.
    """
    model = cache.trained_model(network.run, network.weights)
    facts = method, target, pixels.shape, pixels.tobytes()
    key = weights_key(network.run, network.weights, *facts)
    push = partial(epsilon_sweep, model, pixels, METHODS[method], target)
    return compute_soon(_jobs(), key, push, "Pushing the picture", key="predict-pushing")


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[EpsilonSweep]:
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(_jobs)


# ---- Other networks --------------------------------------------------------------------------


def _render_others(
    picture: ChosenPicture, network: ChosenNetwork, found: EpsilonSweep, epsilon: int
) -> None:
    """Render what other networks on the same data set predict for the pushed picture."""
    st.subheader("Is another network fooled by the same picture?")
    others = other_networks(network.run)
    if not others:
        st.caption("There is no other network on this data set yet. Train another.")
        return
    names = distinct_names([member.run for member in others.values()])
    # Its own id is there after a change to one of the others.
    linked = st.query_params.get("fooled", "").split(",")
    wanted = [one for one in linked if one not in ("", network.run.id)]
    chosen = [one for one in wanted if one in others][:_MAX_OTHERS]
    if unknown := [one for one in wanted if one not in others]:
        st.error(
            f"There is no other network {quoted(', '.join(unknown))} on this data set.",
            icon=":material/error:",
        )
    key = widget_key("predict-fooled", chosen)
    st.multiselect(
        "Other networks",
        list(others),
        chosen,
        format_func=names.__getitem__,
        key=key,
        max_selections=_MAX_OTHERS,
        placeholder="Choose networks",
        on_change=_select_others,
        args=(key, chosen),
        help="Runs on the same data set. They see the picture that was made against the network "
        "chosen above.",
    )
    if not chosen:
        return
    if not epsilon:
        st.caption("At ε = 0 the picture is not pushed. Move the slider.")
    elif not found.is_fooled(epsilon):
        st.caption("This push does not fool the network it was made against.")
    rows = []
    pictures = np.stack([found.pictures[0], found.pictures[epsilon]])
    for run_id in chosen:
        with render_errors():
            other = others[run_id]
            row = _predict_other(other, names[run_id], network, pictures, picture.actual)
            rows.append(row)
    if rows:
        st.dataframe(pd.DataFrame(rows), key="predict-others", hide_index=True)


def _select_others(key: str, given: Sequence[str]) -> None:
    chosen = list(state.get(key))
    if chosen != list(given):
        update_query_params(fooled=",".join(chosen) or None)


def _predict_other(
    member: Member,
    name: str,
    network: ChosenNetwork,
    pictures: NDArray[np.uint8],
    actual: int | None,
) -> dict[str, Any]:
    model = cache.trained_model(member.run, member.when)
    before, after = model.probabilities(pictures)
    first, second = (most_probable_class(network.names, row) for row in (before, after))
    return {
        "Network": name,
        "Before": f"{first.name} {format_probability(first.probability)}",
        "After": f"{second.name} {format_probability(second.probability)}",
        "Fooled": _format_fooled(first.index, second.index, actual),
    }


def _format_fooled(before: int, after: int, actual: int | None) -> str:
    """Whether a push fooled a network: a right prediction, or any without a label, is another."""
    if actual is None:
        return "no" if before == after else "yes"
    if before == after:
        return "no" if before == actual else "no, it was wrong before"
    if before == actual:
        return "yes"
    return "no, it is right now" if after == actual else "no, it was wrong before"
