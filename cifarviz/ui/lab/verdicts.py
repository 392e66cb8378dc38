"""What an experiment has shown, in words with numbers, once its runs have ended."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.lab_verdicts import (
    Verdict,
    cures_verdict,
    duel_verdict,
    memorisation_verdict,
    sizes_verdict,
)
from cifarviz.experiment.lab.cures import NONE
from cifarviz.experiment.lab.entrants import Kind
from cifarviz.ui.address import escaped
from cifarviz.ui.lab.memory import memory_of
from cifarviz.ui.lab.results import Standing, comparable_results

_TOO_FEW = "Too few of its runs are here with an epoch finished, so there is nothing to compare: "


def show_verdict(kind: Kind, found: Sequence[Standing]) -> None:
    """Show it, or why there is none."""
    verdict = verdict_of(kind, found)
    if verdict is None:
        resumable = sum(one.run.resumable for one in found)
        way = {0: "", 1: "resume the one that was broken off, or "}
        how = way.get(resumable, "resume those that were broken off, or ")
        st.warning(f"{_TOO_FEW}{how}train once more.", icon=":material/warning:")
        return
    icon = ":green[:material/check_circle:]" if verdict.shown else ":orange[:material/info:]"
    with st.container(border=True, key="lab-verdict"):
        st.markdown(f"#### {icon} {escaped(verdict.headline)}")
        sentences = (*verdict.sentences, *_left_out(found), *_precisions(found))
        st.markdown("\n".join(f"- {escaped(one)}" for one in sentences))


def _left_out(found: Sequence[Standing]) -> list[str]:
    return [
        f"The run with {one.label} ended before its first epoch was done, so it is left out."
        for one in found
        if one.result is None
    ]


def _precisions(found: Sequence[Standing]) -> list[str]:
    """What more differs than what the experiment is about."""
    precisions = {one.label: one.run.precision for one in found if one.run.precision is not None}
    if len(set(precisions.values())) < 2:
        return []
    words = ", ".join(f"{label} in {precision}" for label, precision in precisions.items())
    return [f"They were not trained in the same precision, which may matter too: {words}."]


def verdict_of(kind: Kind, found: Sequence[Standing]) -> Verdict | None:
    """The verdict on these runs; ``None`` where too few have a result."""
    results = comparable_results(found)
    match kind:
        case "memorisation":
            wrong = [one for one in found if one.run.experiment.data.wrong_labels]
            memory = memory_of(wrong[0].run) if wrong else None
            by_label = {one.label: one for one in results}
            own = by_label.pop(wrong[0].label, None) if wrong else None
            if memory is None or own is None:
                return None
            return memorisation_verdict(own, next(iter(by_label.values()), None), memory.memory)
        case "duel" if len(results) >= 2:
            return duel_verdict(results)
        case "sizes" if len(results) >= 2:
            return sizes_verdict(results)
        case "cures" if len(results) >= 2 and results[0].label == NONE:
            return cures_verdict(results)
        case "cures" if len(results) >= 2:
            return duel_verdict(results)
    return None
