"""A series as its runs train, and once they have ended."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.experiment.lab.entrants import Kind
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, find_series
from cifarviz.runs.states import Action, RunState
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.earlier_losses import show_earlier_losses
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.lab.charts import series_charts
from cifarviz.ui.lab.gallery import wrong_label_gallery
from cifarviz.ui.lab.memory import memory_of
from cifarviz.ui.lab.results import Standing, results_table, standings
from cifarviz.ui.lab.verdicts import show_verdict
from cifarviz.ui.live.words import badge, doing
from cifarviz.ui.navigation import link_to
from cifarviz.ui.stop_runs import stop_runs
from cifarviz.ui.unbroken import unbroken

# Seconds between two looks at the store while runs train, and afterwards.
_LIVE, _IDLE = 1.0, 5.0


def watch_series(kind: Kind, series: Series) -> None:
    """Show the runs of a series over each other, and the verdict when all have ended."""
    found = standings(series)
    if any(one.run.state.active for one in found):
        st.fragment(_watch, run_every=_LIVE)(kind, series.id)
        return
    # In a container, as a fragment is: so the charts stay the same ones when the runs end.
    with st.container():
        _show(kind, series, found)
    if kind == "memorisation" and found:
        with errors_shown():
            memory = memory_of(found[0].run)
            if memory is not None:
                wrong_label_gallery(found[0].run, memory)
    st.fragment(_look_again, run_every=_IDLE)(series.id)


def _watch(kind: Kind, series_id: str) -> None:
    with errors_shown():
        series = find_series(cache.store(), series_id)
        found = standings(series)
        if not any(one.run.state.active for one in found):
            st.rerun()
        _show(kind, series, found)


def _look_again(series_id: str) -> None:
    with errors_shown():
        series = find_series(cache.store(), series_id)
        if any(one.run.state.active for one in standings(series)):
            st.rerun()


def _show(kind: Kind, series: Series, found: Sequence[Standing]) -> None:
    top = st.container(horizontal=True, vertical_alignment="center")
    with top, st.container(width="stretch"):
        st.subheader(escaped(series.title), anchor=False)
    active = [one.run for one in found if one.run.state.active]
    with top:
        if active:
            _stop_button(active)
        elif resumable := [one.run for one in found if one.run.resumable]:
            _resume_button(resumable)
        if found:
            link_to("runs", "All of them in Runs", runs=",".join(one.run.id for one in found))
    if len(found) < series.count:
        gone = series.count - len(found)
        st.warning(
            f"{gone} of its {series.count} runs {'was' if gone == 1 else 'were'} deleted.",
            icon=":material/warning:",
        )
    if not found:
        return
    # There also while it is empty: the charts below keep their place, and their zoom.
    with st.container():
        if active:
            _progress(found)
        else:
            with errors_shown():
                show_verdict(kind, found)
    with errors_shown():
        series_charts(kind, series, found)
    results_table(found)
    show_earlier_losses((one.label, one.run) for one in found)


def _progress(found: Sequence[Standing]) -> None:
    at_work = next((one for one in found if one.run.state.active), found[0])
    st.progress(sum(_share(one.run) for one in found) / len(found))
    st.markdown(
        f"{badge(at_work.run)} **{escaped(at_work.label)}**, {escaped(doing(at_work.run))}; "
        f"{_how_far([one.run for one in found])}. The verdict comes when none is left."
    )


def _how_far(runs: Sequence[Run]) -> str:
    """How many are done; what ended without that is counted by itself."""
    done = sum(run.state is RunState.FINISHED for run in runs)
    others = [run for run in runs if not run.state.active and run.state is not RunState.FINISHED]
    never = sum(run.started is None for run in others)
    early = len(others) - never
    words = [f"{done} of {len(runs)} runs {'is' if done == 1 else 'are'} done"]
    if early:
        words.append(f"{early} ended early")
    if never:
        words.append(f"{never} never began")
    return ", ".join(words)


def _share(run: Run) -> float:
    if not run.state.active:
        return 1.0
    if run.progress is None or not run.progress.steps_per_epoch:
        return 0.0
    return min(1.0, run.progress.step / (run.progress.steps_per_epoch * run.experiment.epochs))


def _stop_button(active: Sequence[Run]) -> None:
    stopping = all(run.requested == Action.STOP for run in active)
    st.button(
        "Stopping …" if stopping else "Stop all",
        key="lab-stop",
        icon=":material/stop:",
        disabled=stopping,
        on_click=unbroken(stop_runs),
        args=([run.id for run in active],),
        help="Ends the run that trains and takes the others out of the queue; what was learned is "
        "kept, and they can be resumed.",
    )


def _resume_button(resumable: Sequence[Run]) -> None:
    if st.button(
        "Resume" if len(resumable) == 1 else f"Resume {len(resumable)} runs",
        key="lab-resume",
        icon=":material/play_arrow:",
        help="Queues those that did not finish; each goes on from its last checkpoint.",
    ):
        with errors_shown():
            cache.worker().resume_all(run.id for run in resumable)
            st.rerun()
