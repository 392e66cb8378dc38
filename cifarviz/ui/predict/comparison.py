"""Several networks for the chosen picture: runs, epochs of a run, and their ensemble."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.members import Member
from cifarviz.analysis.predictions import most_probable_class
from cifarviz.datasets.registry import dataset_title
from cifarviz.experiment.ensemble_members import MAX_MEMBERS
from cifarviz.figures.member_probabilities import (
    member_probabilities,
    member_probabilities_figure,
)
from cifarviz.figures.percent import format_probability
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.ensemble.members import (
    format_member,
    format_members,
    member_labels,
    parse_members,
)
from cifarviz.ui.epoch_scrubber import epochs_with_weights
from cifarviz.ui.errors import render_errors
from cifarviz.ui.predict.other_networks import comparable_runs, other_networks
from cifarviz.ui.predict.picture import ChosenNetwork, ChosenPicture
from cifarviz.ui.query import update_query_params, widget_key, widget_value

_KEY = "predict-with"
# Characters of a run's name beside the chart.
_LONGEST = 24


def render_comparison(picture: ChosenPicture, network: ChosenNetwork) -> None:
    """Render the choice of other networks, in the address as ``with``, and all predictions."""
    networks = list(other_networks(network.run).values())
    runs = comparable_runs(network.run)
    chosen, problems = parse_members(st.query_params.get("with", ""), runs)
    for problem in problems:
        st.error(problem, icon=":material/error:")
    own = Member(network.run, network.weights)
    others = [member for member in dict.fromkeys(chosen) if not member.same_network(own)]
    _render_menu(others, own, networks)
    _render_suggestions(others, own, networks)
    if others:
        _render_predictions([own, *others], picture, network)


def _render_menu(others: Sequence[Member], own: Member, networks: Sequence[Member]) -> None:
    options = dict.fromkeys([*others, *networks, *_epochs(own)])
    by_token = {format_member(member): member for member in options}
    names = dict(zip(by_token, member_labels(list(options)), strict=True))
    wanted = [format_member(member) for member in others]
    st.multiselect(
        "Compare with",
        list(by_token),
        wanted,
        format_func=names.__getitem__,
        key=widget_key(_KEY, wanted),
        max_selections=MAX_MEMBERS - 1,
        placeholder="Choose networks" if by_token else "There are no other networks yet",
        on_change=_choose,
        args=(by_token,),
        help="Other runs on this data set, and other epochs of this run whose weights were saved.",
    )


def _choose(by_token: Mapping[str, Member]) -> None:
    tokens = widget_value(_KEY)
    # The browser sends names, and that of a run may have changed since.
    if all(token in by_token for token in tokens):
        _set_others([by_token[token] for token in tokens])


def _set_others(members: Sequence[Member]) -> None:
    update_query_params(**{"with": format_members(members)})


def _render_suggestions(others: Sequence[Member], own: Member, networks: Sequence[Member]) -> None:
    title = dataset_title(own.run.experiment.data.dataset)
    offers = {
        "Epochs of this run": _spread(_epochs(own)),
        f"Other runs on {title}": list(networks[: MAX_MEMBERS - 1]),
    }
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for number, (label, members) in enumerate(offers.items()):
            if members:
                st.button(
                    escaped(label),
                    key=f"predict-offer-{number}",
                    icon=":material/group_work:",
                    disabled=set(members) == set(others),
                    on_click=_set_others,
                    args=(members,),
                )


def _epochs(own: Member) -> list[Member]:
    """The finished epochs of the run with weights, without the chosen one."""
    members = [Member(own.run, epoch) for epoch in epochs_with_weights(own.run) if epoch]
    return [member for member in members if not member.same_network(own)]


def _spread(members: Sequence[Member]) -> list[Member]:
    most = MAX_MEMBERS - 1
    if len(members) <= most:
        return list(members)
    return [members[i] for i in np.linspace(0, len(members) - 1, most).round().astype(int)]


def _render_predictions(
    members: Sequence[Member], picture: ChosenPicture, network: ChosenNetwork
) -> None:
    shown: list[Member] = []
    predictions: list[NDArray[np.float32]] = []
    for member in members:
        with render_errors():
            predictions.append(_predict(member, picture.pixels))
            shown.append(member)
    if not shown:
        return
    probabilities = np.stack(predictions)
    best = most_probable_class(network.names, probabilities.mean(axis=0))
    agree = int((probabilities.argmax(axis=1) == best.index).sum())
    st.markdown(
        f"Together the networks predict **{escaped(best.name)}**, "
        f"{format_probability(best.probability)}; {agree} of {len(shown)} do so alone.",
        help="The ensemble's probabilities are the mean of those of the networks.",
    )
    chart(
        member_probabilities_figure(
            member_probabilities(
                network.names, _short_labels(shown), probabilities, actual=picture.actual
            )
        ),
        key="predict-comparison",
        file_name="predictions",
        description="Probability of each class, by each network and by all together",
    )


def _short_labels(members: Sequence[Member]) -> list[str]:
    """The epoch of each, and the name of its run where there are several."""
    runs = Counter(member.run.id for member in members)
    labels = []
    for number, member in enumerate(members, 1):
        name = member.run.name
        short = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        epoch = member.label.split(" (")[0]
        parts = [short] if len(runs) > 1 else []
        if runs[member.run.id] > 1:
            parts.append(epoch)
        labels.append(f"{number} · {', '.join(parts)}")
    return labels


def _predict(member: Member, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    # An epoch may be held by a checkpoint only.
    weights = member.when
    if isinstance(weights, int):
        weights = epochs_with_weights(member.run).get(weights, weights)
    return cache.trained_model(member.run, weights).probabilities(pixels[np.newaxis])[0]
