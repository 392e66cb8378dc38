"""Choosing the run to present: a card for each, large enough for the projector."""

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from cifarviz.datasets.registry import find_dataset
from cifarviz.live.items import state_label
from cifarviz.runs.recorded import recorded_last
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.run_headline import headline
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, sentence_case
from cifarviz.ui.pickers import distinct_names
from cifarviz.ui.present.stage import RECORDED_NOTE, default_run, is_presentable, render_headline
from cifarviz.ui.present.verdicts import verdict_title

_MOST: Final = 24


def render_run_choice(
    runs: Sequence[Run], shown: Run | None, on_change: Callable[[str], None]
) -> Sequence[str]:
    """Render a card for each run: the default, the shown, then the newest; return the notes."""
    render_headline("Choose a run")
    readable = recorded_last(cache.store(), [run for run in runs if is_presentable(run)])
    usual = default_run(runs)
    first = [run.id for run in (usual, shown) if run is not None]
    readable.sort(key=lambda run: first.index(run.id) if run.id in first else len(first))
    if not readable:
        st.info("There is no run to present. Train a network first.", icon=":material/info:")
        return [RECORDED_NOTE]
    names = distinct_names(readable)
    cards = readable[:_MOST]
    histories = cache.store().histories([run.id for run in cards])
    with st.container(key="present-runs"):
        for run in cards:
            st.button(
                _describe(run, names[run.id], histories[run.id]),
                key=f"present-run-{run.id}",
                type="primary" if shown is not None and run.id == shown.id else "secondary",
                width="stretch",
                on_click=on_change,
                args=(run.id,),
            )
    left = len(readable) - len(cards)
    more = f" The menu in the notes (N) has {left:,} more." if left else ""
    return [f"The scenes are those of the run that you choose.{more}"]


def _describe(run: Run, name: str, history: Sequence[Epoch]) -> str:
    """Name, data, verdict and accuracy of a run, Markdown for the label of a button."""
    data = run.experiment.data
    info = find_dataset(data.dataset)
    variant = "sample" if data.variant == "sample" else "full set"
    parts = [f"**{escaped(name)}**", escaped(f"{info.title}, {variant}")]
    if run.state.active:
        parts.append(escaped(sentence_case(state_label(run))))
    elif history:
        parts += [escaped(verdict_title(run, history)), escaped(headline(run))]
    else:
        parts.append("No epoch was finished")
    return "  \n".join(part for part in parts if part)
