"""A series as its runs train, and once they have ended."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.experiment.lab.entrants import Kind
from cifarviz.live.hub import hub
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series
from cifarviz.runs.states import Action
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.earlier_losses import show_earlier_losses
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.lab.charts import series_charts
from cifarviz.ui.lab.gallery import wrong_label_gallery
from cifarviz.ui.lab.memory import labels_of, memory_of
from cifarviz.ui.lab.results import Standing, results_table, standings
from cifarviz.ui.lab.series_feed import SeriesFeed, moving_items
from cifarviz.ui.lab.verdicts import show_verdict
from cifarviz.ui.navigation import link_to
from cifarviz.ui.stop_runs import stop_runs
from cifarviz.ui.unbroken import unbroken


def watch_series(kind: Kind, series: Series) -> None:
    """Show the runs of a series over each other, and the verdict when all have ended."""
    found = standings(cache.store(), series)
    _heading(series, found)
    if not found:
        return
    active = any(one.run.state.active for one in found)
    # There also without any: the charts below keep their place, and their zoom.
    above, charts = st.container(), st.container()
    if not active:
        with above, errors_shown():
            show_verdict(kind, found)
    labels = None
    with charts, errors_shown():
        labels = labels_of(found[0].run) if kind == "memorisation" else None
    feed = SeriesFeed(cache.store(), kind, series, labels)
    # Once all have ended, too: a run may go on again.
    hub().register(f"lab-{series.id}", feed.message)
    live = Live(f"lab-{series.id}", feed.describe(found)["mark"])
    if active:
        with above:
            live_items(moving_items(found), key="lab-progress", live=live, alone=True)
    with charts, errors_shown():
        series_charts(kind, series, feed.figures(found), live)
    results_table(found)
    show_earlier_losses((one.label, one.run) for one in found)
    if kind == "memorisation" and not active:
        with errors_shown():
            memory = memory_of(found[0].run)
            if memory is not None:
                wrong_label_gallery(found[0].run, memory)


def _heading(series: Series, found: Sequence[Standing]) -> None:
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
