"""One test image: what each member says of it, and what they say together.

The address holds it as ``image``.
"""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.members import Member
from cifarviz.data.image_set import Dataset
from cifarviz.figures.member_probabilities import (
    member_probabilities,
    member_probabilities_figure,
)
from cifarviz.figures.percent import sure_percent
from cifarviz.figures.sprite import sprite
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.scroll_here import scroll_here
from cifarviz.ui.evaluate.ensemble.choices import listed, short_labels, weights_of
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import update_query_params
from cifarviz.ui.unbroken import unbroken

_PICTURE = 128
# Whether all together are right, and whether one member alone is.
_TOGETHER = {
    (True, True): "Together: **{name}**, {share}, which is right; {right} of {members} members is "
    "right.",
    (True, False): "Together: **{name}**, {share}, which is right; {right} of {members} members "
    "are right.",
    (False, True): "Together: **{name}**, {share}, which is wrong; {right} of {members} members is "
    "right.",
    (False, False): "Together: **{name}**, {share}, which is wrong; {right} of {members} members "
    "are right.",
}


def one_image(members: Sequence[Member], ensemble: Ensemble, dataset: Dataset) -> None:
    """Show the image that the address names, if it names one."""
    wanted = st.query_params.get("image")
    if wanted is None:
        return
    index = whole_number(wanted)
    found = np.flatnonzero(ensemble.indices == (-1 if index is None else index))
    if index is None or not len(found):
        st.error(
            f"{quoted(wanted)} is none of the {len(ensemble):,} test images that the members were "
            "asked about. Click a row of the table.",
            icon=":material/error:",
        )
        return
    position = int(found[0])
    scroll_here([str(index)], key="ensemble-image")
    with st.container(border=True):
        _answer(position, members, ensemble, dataset)
        _ways_on(index, members)


def _answer(position: int, members: Sequence[Member], ensemble: Ensemble, dataset: Dataset) -> None:
    names = class_names(dataset.info)
    actual, index = int(ensemble.labels[position]), int(ensemble.indices[position])
    common = ensemble.mean_probabilities[position]
    together = int(ensemble.soft[position])
    right = sum(int(one == actual) for one in ensemble.members[:, position])
    head, close = st.columns([6, 1])
    head.markdown(f"**Test image {index}: {escaped(names[actual])}**")
    with close:
        st.button(
            "Close",
            key="ensemble-image-close",
            type="tertiary",
            icon=":material/close:",
            on_click=unbroken(update_query_params),
            kwargs={"image": None},
        )
    picture, figure = st.columns([1, 6], gap="medium")
    # As a PNG at once: Streamlit's own way takes five times as long to pack it.
    picture.image(
        sprite(dataset.test.images[position : position + 1]).png,
        width=_PICTURE,
        alt=f"Test image {index}",
    )
    with figure:
        template = _TOGETHER[together == actual, right == 1]
        st.markdown(
            template.format(
                name=escaped(names[together]),
                share=sure_percent(float(common[together])),
                right=right,
                members=len(members),
            )
        )
        chart(
            member_probabilities_figure(
                member_probabilities(
                    names,
                    short_labels(members),
                    ensemble.probabilities[:, position],
                    actual=actual,
                )
            ),
            key="ensemble-image-answer",
            file_name=f"ensemble-image-{index}",
            description="Probability of each class, by each member and by the ensemble",
        )


def _ways_on(index: int, members: Sequence[Member]) -> None:
    """A link to each member whose weights are there; and of the others, that they aren't."""
    stored = [_stored_as(one) for one in members]
    if any(stored):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(":small[Open it on Predict with:]", width="content")
            for one, label, which in zip(members, short_labels(members), stored, strict=True):
                if which is not None:
                    link_to(
                        "predict",
                        escaped(label),
                        run=one.run.id,
                        checkpoint=which,
                        split="test",
                        image=index,
                    )
    gone = [number for number, which in enumerate(stored, 1) if which is None]
    if gone:
        who, them = ("Member", "it") if len(gone) == 1 else ("Members", "them")
        st.caption(
            f"{who} {listed(gone)}: only the answers after that epoch were kept, not the weights, "
            f"so Predict cannot show {them}."
        )


def _stored_as(member: Member) -> Checkpoint | None:
    """As which weights of its run the very network of ``member`` is stored, if it is."""
    kinds: tuple[Checkpoint, ...] = ("last", "best")
    for which in kinds:
        there = weights_of(cache.store(), member.run, which) == which
        if there and Member(member.run, which).same_network(member):
            return which
    return None
