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
from cifarviz.ui.lab.results import Standing

_TOO_FEW = "Too few of its runs are here with an epoch finished, so there is nothing to compare: "


def show_verdict(kind: Kind, found: Sequence[Standing]) -> None:
    """Show it, or why there is none."""
    verdict = verdict_of(kind, found)
    if verdict is None:
        resumable = sum(one.run.state.resumable for one in found)
        way = {0: "", 1: "resume the one that was broken off, or "}
        how = way.get(resumable, "resume those that were broken off, or ")
        st.warning(f"{_TOO_FEW}{how}train once more.", icon=":material/warning:")
        return
    icon = ":green[:material/check_circle:]" if verdict.shown else ":orange[:material/info:]"
    with st.container(border=True, key="lab-verdict"):
        st.markdown(f"#### {icon} {escaped(verdict.headline)}")
        st.markdown("\n".join(f"- {escaped(one)}" for one in verdict.sentences))


def verdict_of(kind: Kind, found: Sequence[Standing]) -> Verdict | None:
    """The verdict on these runs; ``None`` where too few have a result."""
    results = [one.result for one in found if one.result is not None]
    match kind:
        case "memorisation":
            wrong = [one for one in found if one.run.experiment.data.wrong_labels]
            memory = memory_of(wrong[0].run) if wrong else None
            if memory is None or wrong[0].result is None:
                return None
            right = [one for one in results if one is not wrong[0].result]
            return memorisation_verdict(wrong[0].result, next(iter(right), None), memory.memory)
        case "duel" if len(results) >= 2:
            return duel_verdict(results)
        case "sizes" if len(results) >= 2:
            return sizes_verdict(results)
        case "cures" if len(results) >= 2 and results[0].label == NONE:
            return cures_verdict(results)
    return None
