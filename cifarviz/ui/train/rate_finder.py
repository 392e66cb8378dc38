"""The learning-rate finder below the optimiser's form."""

import hashlib
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs, ReportProgress
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.registry import find_dataset
from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.changes import differences
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.formatting import format_rate
from cifarviz.figures.figure_json import figure_values
from cifarviz.figures.range_test import RangeTestCurve, range_test_figure
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.people.person import require_maker
from cifarviz.runs.run_headline import format_time_left
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.local_places import OTHERS_FIRST, has_free_slot, has_runs_of_others
from cifarviz.training.range_test import RangeTest, for_range_test, round_rate
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, format_count
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items, rerun_on_change
from cifarviz.ui.errors import error_text, errors_as_toast
from cifarviz.ui.train.fields import set_value

_FIGURE = "range-test"
_MAX_JOBS = 32
# If more settings have changed since, they are counted.
_MAX_LISTED = 3
_EXPLANATION = (
    "Each of the {steps} trained with a higher rate: the network learns fastest where the curve "
    "falls most steeply, and the rate is too high where the curve rises. Only first steps are "
    "seen, so it misleads for a network that begins to learn late, and a long run may need less "
    "towards its end. Click the chart to use another rate."
)


class RangeTestJob(BackgroundJob[RangeTest]):
    """A range test in the background, for all sessions; ``test`` is as far as it has come."""

    def __init__(self, experiment: Experiment, data: Dataset, runs: RunStore) -> None:
        self.experiment = experiment
        self.test: RangeTest | None = None

        def find(report: ReportProgress) -> RangeTest:
            def on_progress(test: RangeTest) -> None:
                self.test, self.total = test, test.planned
                report(len(test.losses))

            self.test = None
            return cache.find_learning_rate(runs, experiment, data, on_progress)

        super().__init__(find, 0, "cifarviz-learning-rate")


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[RangeTest]:
    return BackgroundJobs(_MAX_JOBS)


def render_rate_finder(draft: Draft, assessment: Assessment) -> None:
    """Show the button, a test that is under way, or the curve of this draft's last one."""
    experiment = assessment.experiment
    job = _shown_job(draft, experiment)
    with st.container(key="rate-finder"):
        if job is not None and not job.over:
            _render_progress(job)
            return
        test = None if job is None else _result(job)
        if job is None or test is None:
            _render_button(draft, experiment)
            return
        changes = _changes_since(job.experiment, experiment)
        _render_settings(job.experiment, test, changes)
        _render_result(draft, test)
        if changes:
            _render_button(draft, experiment, again=True)


def _result(job: RangeTestJob) -> RangeTest | None:
    try:
        return job.result()
    except Exception as error:
        # Whatever it is, the settings can be changed and it can be tried again.
        st.error(error_text(error), icon=":material/error:")
        return None


def _shown_job(draft: Draft, experiment: Experiment | None) -> RangeTestJob | None:
    """Return the job of the experiment, else that of this draft's earlier settings."""
    job = None if experiment is None else _jobs().get(_key(experiment))
    searched = state.setup_memory().rate_search
    if job is None and searched is not None and searched[0] == draft.generation:
        job = _jobs().get(searched[1])
    return job if isinstance(job, RangeTestJob) else None


def _key(experiment: Experiment) -> Hashable:
    fingerprint = find_dataset(experiment.data.dataset).fingerprint
    return for_range_test(experiment).to_json(), fingerprint, str(cache.settings())


def _render_button(draft: Draft, experiment: Experiment | None, *, again: bool = False) -> None:
    store = cache.store()
    others_train = has_runs_of_others(store)
    busy = others_train or not has_free_slot(store)
    st.button(
        "Find the learning rate again" if again else "Find the learning rate",
        key="find-rate",
        icon=":material/search_insights:",
        disabled=experiment is None or busy,
        on_click=_find,
        args=(draft.generation, experiment),
        help="Trains a new network for a few hundred steps with a rising learning rate, and shows "
        "where its loss falls fastest. Takes up to 20 seconds; nothing is stored.",
    )
    if experiment is None:
        st.caption("Correct the settings first to find a learning rate.")
    elif busy:
        reason = OTHERS_FIRST if others_train else _describe_trainer()
        st.caption(f":material/hourglass_top: {reason}")
        rerun_on_change("free-slot", lambda: _slot_mark(store), key="rate-finder-slot")


def _slot_mark(store: RunStore) -> str:
    return f"{has_free_slot(store)} {has_runs_of_others(store)}"


def _describe_trainer() -> str:
    training = [run for run in cache.store().active() if run.state is not RunState.QUEUED]
    if not training:
        return "Another learning rate is being found now. Yours can be found after it."
    return (
        f"“{escaped(training[0].name)}” trains now. Wait until it has ended, or stop it, to find a "
        "learning rate."
    )


def _find(generation: int, experiment: Experiment) -> None:
    """Start the test, or join that of another session with the same settings."""
    wanted = for_range_test(experiment)
    key = _key(experiment)
    with errors_as_toast():
        require_maker()
        data = cache.dataset(wanted.data.dataset, wanted.data.variant)
        job = _jobs().get_or_start(key, lambda: RangeTestJob(wanted, data, cache.store()))
        # After it was cancelled, or failed as a run trained.
        job.start()
        state.setup_memory().rate_search = (generation, key)


def _render_progress(job: RangeTestJob) -> None:
    name = f"learning-rate-{hashlib.blake2b(repr(id(job)).encode(), digest_size=8).hexdigest()}"
    hub().register(name, partial(_message, job))
    live = Live(name, _mark(job))
    with st.container(horizontal=True, vertical_alignment="center"):
        live_items({"progress": _item(job)}, key="rate-progress", live=live)
        st.button(
            "Cancel",
            key="cancel-rate",
            icon=":material/close:",
            on_click=job.cancel,
            help="Ends the search without a result.",
        )
    _render_chart(job.test, live)


def _message(job: RangeTestJob) -> dict[str, Any]:
    return {
        "mark": _mark(job),
        "items": {"progress": _item(job).values()},
        "figures": {_FIGURE: figure_values(_figure(job.test, marked=False))},
    }


def _mark(job: RangeTestJob) -> str:
    return str(job.over)


def _item(job: RangeTestJob) -> Item:
    if not job.total or not job.done:
        return Item(text="Building the network …", share=0.0)
    text = f"Step {job.done:,} of at most {job.total:,}"
    if (left := job.seconds_left) is not None:
        text = f"{text}, {format_time_left(left)}"
    return Item(text=text, share=job.done / job.total)


def _figure(test: RangeTest | None, *, marked: bool) -> go.Figure:
    """Draw the curve; its rates are ``marked`` when no more steps can change them."""
    if test is None:
        return range_test_figure(RangeTestCurve.empty())
    marks = (test.steepest, test.suggested) if marked else (None, None)
    return range_test_figure(RangeTestCurve(test.rates, test.losses, test.smoothed, *marks))


def _render_chart(test: RangeTest | None, live: Live | None) -> float | None:
    """Show the curve; return a rate that was clicked."""
    clicked = chart(
        _figure(test, marked=live is None),
        key="rate-finder-chart",
        on_click=True,
        file_name="learning-rate-range-test",
        description="Training loss over the learning rate, which rises with each step",
        live=live,
        live_name=_FIGURE,
    )
    rate = None if clicked is None else clicked.x
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def _render_result(draft: Draft, test: RangeTest) -> None:
    """Show the curve and what it suggests; a click on it takes its rate."""
    clicked = _render_chart(test, None) if len(test.losses) else None
    used = draft.section("optimizer")["learning_rate"]
    if test.suggested is not None:
        rate = format_rate(test.suggested)
        is_used = used == test.suggested
        st.button(
            f"{rate} is used" if is_used else f"Use {rate}",
            key="use-rate",
            type="secondary" if is_used else "primary",
            icon=":material/check:",
            disabled=is_used,
            on_click=_use,
            args=(test.suggested,),
        )
    if test.note is not None:
        st.info(test.note, icon=":material/info:")
    explanation = _EXPLANATION.format(steps=format_count(len(test.losses), "step"))
    st.caption(f"{test.reason} {explanation}" if test.reason else explanation)
    if clicked is not None and round_rate(clicked) != used:
        _use(round_rate(clicked))
        st.rerun()


def _changes_since(tested: Experiment, experiment: Experiment | None) -> list[str]:
    """Return what has changed in the settings of a test; nothing while they are invalid."""
    if experiment is None:
        return []
    return [
        f"{change.setting} {' → '.join(change.values)}"
        for change in differences([tested, for_range_test(experiment)])
    ]


def _render_settings(tested: Experiment, test: RangeTest, changes: Sequence[str]) -> None:
    """Say which settings the curve is of, and which have changed since."""
    optimizer = tested.optimizer.short_title or tested.optimizer.title
    st.markdown(
        f"**Range test** · {optimizer}, batches of {tested.batch_size:,}, "
        f"{format_count(len(test.losses), 'step')} in {test.seconds:.0f} s"
    )
    if changes:
        listed = list(changes[:_MAX_LISTED])
        if len(changes) > _MAX_LISTED:
            listed.append(f"{len(changes) - _MAX_LISTED} more")
        st.warning(
            f"Out of date: settings have changed since ({escaped(', '.join(listed))}).",
            icon=":material/update:",
        )


def _use(rate: float) -> None:
    set_value("optimizer.learning_rate", rate)
