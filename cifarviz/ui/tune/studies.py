"""The view Studies: a study as it goes on, or the form of a new one, and all there are."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.study_trials import study_trials
from cifarviz.analysis.trials import Trials
from cifarviz.errors import RunNotFound
from cifarviz.experiment.choices import TestValidation
from cifarviz.experiment.study import PRUNER_TEXTS, SAMPLER_TEXTS
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.runs.run_headline import format_duration, format_time_left
from cifarviz.runs.store import RunStore
from cifarviz.runs.studies import (
    StoredTrial,
    StudyRecord,
    all_studies,
    delete_study,
    get_study,
    is_searching,
    stored_trials,
    trials_made,
)
from cifarviz.training.study_driver import stop_study
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_count, quoted
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import errors_as_toast, render_errors
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import update_query_params
from cifarviz.ui.runs.rows import format_date
from cifarviz.ui.tune.results import render_trials
from cifarviz.ui.tune.study_form import render_study_form

_MORE_TRIALS = 20
_MOST_LISTED = 8
# Trials after which the time left is estimated.
_FEWEST_TIMED = 2
_STATES = {
    "searching": ("Searching", "blue"),
    "finished": ("Finished", "green"),
    "stopped": ("Stopped", "orange"),
    "interrupted": ("Interrupted", "orange"),
}


def render_studies() -> None:
    """Show the study of the address, or the form; then the other studies."""
    record = _study_in_address()
    others = [one for one in all_studies(cache.store()) if record is None or one.id != record.id]
    if record is None:
        for other in others:
            if study_state(cache.store(), other) == "searching":
                label = f"Searching now: {escaped(other.title)}"
                link_to("tune", label, ":material/search:", view="studies", study=other.id)
        st.markdown(
            "A study trains the same experiment again and again with other values, and shows "
            "which are best and which of them matter."
        )
        with render_errors():
            render_study_form()
    else:
        _render_study(record)
    if others:
        st.markdown("## Studies" if record is None else "## Other studies")
    for other in others[:_MOST_LISTED]:
        label = f"{escaped(other.title)}, {format_date(other.made)}"
        link_to("tune", label, ":material/history:", view="studies", study=other.id)


def _study_in_address() -> StudyRecord | None:
    study_id = st.query_params.get("study")
    if study_id is None:
        return None
    try:
        return get_study(cache.store(), study_id)
    except RunNotFound:
        st.error(
            f"There is no study {quoted(study_id)} here: it was deleted, or is in another folder. "
            "Start a new one below.",
            icon=":material/error:",
        )
        return None


def study_state(store: RunStore, record: StudyRecord) -> str:
    """Return *searching*, *finished*, *stopped* or *interrupted*."""
    if record.state != "open":
        return record.state
    return "searching" if is_searching(store, record.id) else "interrupted"


class StudyFeed:
    """What browsers watch of a study: its progress, and when the page has to be drawn again."""

    def __init__(self, store: RunStore, study_id: str) -> None:
        self._store, self._study_id = store, study_id

    def message(self) -> dict[str, object]:
        """Return the message for the WebSocket."""
        record = get_study(self._store, self._study_id)
        trials = stored_trials(self._store, self._study_id)
        state = study_state(self._store, record)
        return {
            "mark": study_mark(state, trials),
            "items": {"study": progress_item(record, state, trials).values()},
        }


def study_mark(state: str, trials: Sequence[StoredTrial]) -> str:
    """Return a text that changes with each finished epoch and each change of a state."""
    epochs = sum(len(trial.epochs) for trial in trials)
    states = " ".join(str(trial.run.state) for trial in trials[-8:])
    return f"{state} {len(trials)} {epochs} {states}"


def progress_item(record: StudyRecord, state: str, trials: Sequence[StoredTrial]) -> Item:
    """Return what the study does now."""
    title, color = _STATES[state]
    running = [trial for trial in trials if trial.run.state.active]
    ended = len(trials) - len(running)
    count = record.study.trial_count
    text = f"{ended} of {count} trials have ended"
    if state == "searching" and ended >= _FEWEST_TIMED:
        text += f", {format_time_left(record.seconds / ended * (count - ended))}"
    if running:
        each = (f"{trial.number} ({_epoch_text(trial)})" for trial in running)
        text += f". Trial {', '.join(each)}"
    # That all trials have ended is in the text.
    note = "" if ended == count else record.message or ""
    return Item(title, "", color, f"{text}.", note=note)


def _epoch_text(trial: StoredTrial) -> str:
    progress = trial.run.progress
    if progress is None or not progress.epoch:
        return str(trial.run.state)
    return f"epoch {progress.epoch} of {trial.run.experiment.epochs}"


def _render_study(record: StudyRecord) -> None:
    store = cache.store()
    stored = stored_trials(store, record.id)
    state = study_state(store, record)
    _render_heading(record, state, stored)
    feed = StudyFeed(store, record.id)
    hub().register(f"study-{record.id}", feed.message)
    live = Live(f"study-{record.id}", study_mark(state, stored))
    items = {"study": progress_item(record, state, stored)}
    live_items(items, key="study-progress", live=live, alone=True)
    st.caption(_describe(record))
    trials = study_trials(record, stored)
    with render_errors():
        render_trials(trials, key="tune-study", base=record.study.base)
    if state == "finished" and isinstance(record.study.base.validation, TestValidation):
        st.caption(
            ":material/info: The validation images of this study are the test images, as in its "
            "base. So no images are left that took no part in the choice: its best is optimistic."
        )
    elif state == "finished":
        _render_test_note(trials)


def _describe(record: StudyRecord) -> str:
    study = record.study
    parts = [
        f"Search: {SAMPLER_TEXTS[study.sampler][0]}",
        f"ends early: {PRUNER_TEXTS[study.pruner][0].lower()}",
        f"{format_count(study.base.epochs, 'epoch')} a trial",
    ]
    if study.within_seconds is not None:
        parts.append(f"within {study.within_seconds:,g} s of training")
    if study.minutes is not None:
        parts.append(f"at most {study.minutes:,g} min")
    if record.seconds:
        parts.append(f"searched for {format_duration(record.seconds)}")
    return " · ".join(parts)


def _render_heading(record: StudyRecord, state: str, stored: Sequence[StoredTrial]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            st.header(escaped(record.title), anchor=False)
        if state == "searching":
            st.button(
                "Stop the study",
                icon=":material/stop:",
                key="tune-stop",
                on_click=_stop,
                args=(record.id,),
            )
        else:
            left = trials_made(cache.store(), record.id) < record.study.trial_count
            if left:
                st.button(
                    "Go on",
                    icon=":material/play_arrow:",
                    key="tune-go-on",
                    on_click=_resume,
                    args=(record.id, 0),
                )
            st.button(
                f"{_MORE_TRIALS} more trials",
                icon=":material/add:",
                key="tune-more",
                on_click=_resume,
                args=(record.id, _MORE_TRIALS),
            )
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown("The study is deleted for good; its runs stay.")
                st.button(
                    "Delete the study",
                    key="tune-delete",
                    type="primary",
                    on_click=_delete,
                    args=(record.id,),
                )
        if stored:
            ids = ",".join(trial.run.id for trial in stored)
            link_to("runs", "Open in Runs", runs=ids)
        st.button(
            "New study",
            icon=":material/add_circle:",
            key="tune-new",
            on_click=lambda: update_query_params(study=None),
        )


def _stop(study_id: str) -> None:
    with errors_as_toast():
        stop_study(cache.store(), study_id)


def _resume(study_id: str, more_trials: int) -> None:
    with errors_as_toast():
        cache.studies().resume(study_id, more_trials=more_trials)


def _delete(study_id: str) -> None:
    with errors_as_toast():
        delete_study(cache.store(), study_id)
        update_query_params(study=None)


def _render_test_note(trials: Trials) -> None:
    """Show the link that asks the test images about the best trial."""
    best = trials.best
    if best is None:
        return
    st.markdown("## The test images, once")
    st.caption(
        "The best trial was chosen by its validation images, so its value there is optimistic: of "
        "many networks that are equally good, it had the most luck. Images that took no part in "
        "the choice tell how good it is. Ask them once, at the end; choosing by that result would "
        "make it optimistic too."
    )
    link_to("evaluate", "Ask the test images about the best", run=best.run_id)
