"""Choosing the run and the weights of a page; the address holds both."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, TypeVar

import streamlit as st

from cifarviz.errors import ArtifactMissing, CifarvizError
from cifarviz.people.person import current_person, is_teacher, may_make
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.members import class_members
from cifarviz.runs.recorded import (
    ORIGIN,
    hide_recorded_run,
    is_recorded_run_hidden,
    recorded_last,
    restore_recorded_run,
)
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import best_criterion, headline
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import (
    epochs_with_weights,
    restored_best_weights,
    stored_checkpoints,
    weights_position,
)
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted, sentence_case
from cifarviz.ui.components.live_items import rerun_on_change
from cifarviz.ui.errors import render_errors
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.query import current_query_params, update_query_params, widget_key, widget_value
from cifarviz.ui.runs.rows import format_date

Choice = TypeVar("Choice", bound=str)
_DATASET_PARAMS = ("dataset", "image", "actual", "predicted", "page")


def _has_no_epochs(run: Run) -> bool:
    return False


def pick_run(
    *, dependent: Sequence[str] = (), keeps: Callable[[Run], bool] = _has_no_epochs
) -> Run | None:
    """Show a menu of the runs with weights, newest first; return the chosen run.

    The address holds it as ``run``. The default is the session's last choice, else the newest run,
    on the address's data set if there are any. ``keeps`` tells whether a run without weights has
    saved epochs to show instead. ``dependent`` are query parameters that are removed when another
    run is chosen. Returns ``None``, with a message, without runs or for a run that cannot be shown.
    """
    runs = cache.store().all()
    ready = {run.id: run for run in runs if available_checkpoints(run) or keeps(run)}
    wanted = st.query_params.get("run")
    if not ready and wanted is None:
        _render_no_runs(runs, keeps)
        return None
    if wanted is None:
        wanted = _default_run(ready)
        update_query_params(run=wanted)
    if wanted not in ready:
        _render_unavailable(wanted, runs, keeps)
    if not ready:
        return None
    names = run_labels(list(ready.values()))
    chosen = wanted if wanted in ready else None
    st.selectbox(
        "Run",
        list(ready),
        None if chosen is None else list(ready).index(chosen),
        format_func=names.__getitem__,
        placeholder="Choose a run",
        key=widget_key("pick-run", chosen),
        on_change=_select_run,
        args=(ready, ("checkpoint", "epoch", *dependent)),
        help="A trained network. Runs appear here after their first epoch.",
    )
    if chosen is None:
        return None
    state.remember("run", chosen)
    return ready[chosen]


def pick_checkpoint(run: Run) -> Checkpoint:
    """Show a menu of the saved weights of ``run``; return the choice.

    The address holds it as ``checkpoint``. The default is the run's preferred weights, else
    ``"last"``. Raises ``ArtifactMissing`` if the run has none.
    """
    return _pick_weights(run, _require_checkpoints(run))


def pick_checkpoint_or_epochs(
    run: Run, *, has_epochs: bool, forget: Sequence[str] = ()
) -> Checkpoint | Literal["epochs"]:
    """Like ``pick_checkpoint``, with the choice "any epoch" if ``has_epochs``.

    ``forget`` are query parameters to remove on a change between a checkpoint and the epochs.
    """
    if not has_epochs:
        return _pick_weights(run, _require_checkpoints(run))
    checkpoints = _require_checkpoints(run) if available_checkpoints(run) else ()
    choices: tuple[Checkpoint | Literal["epochs"], ...] = (*checkpoints, "epochs")
    chosen = _pick_weights(run, choices, forget)
    if not checkpoints:
        st.caption(
            "The weights of its last and best epochs were removed."
            if run.epochs_done
            else "No epoch is finished yet: this is the network before training."
        )
    return chosen


def _require_checkpoints(run: Run) -> tuple[Checkpoint, ...]:
    checkpoints = available_checkpoints(run)
    if not checkpoints:
        raise ArtifactMissing(
            "{run_name} has no weights: no epoch was finished, or the files were removed. Choose "
            "another run.",
            run_name=quoted(run.name),
        )
    return checkpoints


def _pick_weights(run: Run, checkpoints: Sequence[Choice], forget: Sequence[str] = ()) -> Choice:
    # A link with an epoch and no weights is about that epoch.
    usual = "epochs" if "epochs" in checkpoints and "epoch" in st.query_params else checkpoints[0]
    wanted = st.query_params.get("checkpoint", usual)
    chosen = next((which for which in checkpoints if which == wanted), checkpoints[0])
    st.selectbox(
        "Weights from",
        checkpoints,
        checkpoints.index(chosen),
        format_func=lambda which: sentence_case(checkpoint_label(run, which)),
        key=widget_key("pick-checkpoint", chosen),
        on_change=_select_checkpoint,
        args=(chosen, forget),
        help="A run saves the weights of its last and best epochs, or of the best only. “Any "
        "epoch” is a slider over saved epochs: weights after epochs 1, 2, 3, 4, 6, 8, 11 and then "
        "ever less often, predictions after each.",
    )
    if chosen != wanted:
        st.warning(
            f"This run has no weights called {quoted(wanted)}. Shown instead: "
            f"{checkpoint_label(run, chosen)}.",
            icon=":material/warning:",
        )
    return chosen


def available_checkpoints(run: Run) -> tuple[Checkpoint, ...]:
    """Return the saved weights of ``run``, its default first."""
    return stored_checkpoints(cache.store(), run)


def checkpoint_label(run: Run, which: str) -> str:
    """Return a label of these weights, such as ``last epoch (after epoch 30)``."""
    if which == "epochs":
        return "any epoch"
    if which == "last" and restored_best_weights(run):
        return f"last epoch (restored weights of epoch {run.best_epoch})"
    if which == "last" and run.state.active:
        # Its epoch would be out of date at once.
        return "current (training)"
    if which == "last":
        return f"last epoch ({weights_position(cache.store(), run, 'last')})"
    if run.best_epoch is None:
        return f"best epoch ({best_criterion(run)})"
    return f"best epoch {run.best_epoch} ({best_criterion(run)})"


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """Return a label by run id: the name and, of an ended run, its headline."""
    names = distinct_names(runs)
    return {
        run.id: names[run.id]
        if run.state.active or not (result := headline(run))
        else f"{names[run.id]} · {result}"
        for run in runs
    }


def distinct_names(runs: Sequence[Run], *, marked: bool = True) -> dict[str, str]:
    """Return a distinct name by run id; equal names get their creation time or id.

    ``marked`` puts ``recorded:`` before the name of the recorded run. In a class the teacher reads
    whose each run is, and a student which are others'.
    """
    whose = format_owners(runs)
    timed = {run.id: f"{run.name}, {format_date(run.created)}" for run in runs}
    names, times = Counter(run.name for run in runs), Counter(timed.values())
    labels: dict[str, str] = {}
    for run in runs:
        if names[run.name] == 1:
            labels[run.id] = run.name
        elif times[timed[run.id]] == 1:
            labels[run.id] = timed[run.id]
        else:
            labels[run.id] = f"{timed[run.id]} ({run.id})"
        if marked and run.origin == ORIGIN:
            labels[run.id] = f"recorded: {labels[run.id]}"
        elif run.id in whose:
            labels[run.id] = f"{whose[run.id]}: {labels[run.id]}"
    return labels


def format_owners(runs: Sequence[Run]) -> Mapping[str, str]:
    """Return whose a run is, by the id of each that is not the current person's.

    Of recorded runs nothing, nor without a class.
    """
    person = current_person()
    others = [run for run in runs if run.owner != person.owner and run.origin != ORIGIN]
    if not others or not may_make() or not cache.settings().class_open:
        return {}
    if not is_teacher():
        return {run.id: "shown by the teacher" for run in others}
    names = {member.id: member.name for member in class_members(cache.store())}
    return {run.id: names.get(run.owner or "", "removed student") for run in others}


def _default_run(ready: Mapping[str, Run]) -> str:
    wanted = st.query_params.get("dataset")
    runs = recorded_last(cache.store(), list(ready.values()))
    fitting = [run.id for run in runs if _dataset_name(run) == wanted] or [run.id for run in runs]
    remembered = state.recall("run")
    if remembered in fitting:
        return remembered
    # Runs without weights are chosen only by hand.
    return next((run_id for run_id in fitting if available_checkpoints(ready[run_id])), fitting[0])


def _select_run(ready: Mapping[str, Run], forget: Sequence[str]) -> None:
    chosen = widget_value("pick-run")
    # The browser sends labels, and the label of a run changes when the run ends.
    if chosen not in ready:
        return
    before = ready.get(current_query_params().get("run") or "")
    if before is None or _dataset_name(before) != _dataset_name(ready[chosen]):
        # Images and classes of another data set do not apply to this run.
        forget = (*forget, *_DATASET_PARAMS)
    update_query_params(**dict.fromkeys(forget), run=chosen)


def _dataset_name(run: Run) -> str | None:
    try:
        return run.experiment.data.dataset
    except CifarvizError:
        # Written by a newer version, which the run's page reports.
        return None


def _select_checkpoint(before: str, forget: Sequence[str]) -> None:
    chosen = widget_value("pick-checkpoint")
    void = ("epoch", *forget) if "epochs" in (before, chosen) else ()
    update_query_params(**dict.fromkeys(void), checkpoint=chosen)


def _render_unavailable(run_id: str, runs: Sequence[Run], keeps: Callable[[Run], bool]) -> None:
    run = next((run for run in runs if run.id == run_id), None)
    if run is None:
        st.error(f"There is no run {quoted(run_id)} here.", icon=":material/error:")
        link_to("runs", "Open Runs")
    elif run.damage is not None:
        st.error(f"{quoted(run.name)} is damaged: {escaped(run.damage)}", icon=":material/error:")
        link_to("runs", "Delete on the Runs page", runs=run.id)
    elif run.state.active:
        _render_coming_run(run, keeps)
    else:
        template = (
            "{name} is {state} and has neither last nor best weights. Inside and Predict show its "
            "saved epochs."
            if epochs_with_weights(cache.store().folder(run.id), run)
            else "{name} is {state} and has no weights: no epoch was finished, or the files were "
            "removed."
        )
        st.error(template.format(name=quoted(run.name), state=run.state), icon=":material/error:")
        link_to("runs", "Open Runs")


def _render_no_runs(runs: Sequence[Run], keeps: Callable[[Run], bool]) -> None:
    active = [run for run in runs if run.state.active and run.damage is None]
    if active:
        _render_coming_run(active[-1], keeps)
        return
    if not may_make():
        st.info("No trained network is shown here yet.", icon=":material/info:")
        return
    st.info(
        "No network has been trained here yet. Train one first: a single epoch on the embedded "
        "sample takes seconds.",
        icon=":material/info:",
    )
    with st.container(horizontal=True):
        if st.button("Train a network", type="primary", icon=":material/model_training:"):
            go_to("train")
        render_restore_button()


def _render_coming_run(run: Run, keeps: Callable[[Run], bool]) -> None:
    st.info(
        f"{quoted(run.name)} is {run.state}. This page shows its weights as soon as the first "
        "epoch is done.",
        icon=":material/hourglass_top:",
    )
    link_to("train", "Watch it", view="watch", run=run.id)
    rerun_on_change(
        f"ready-{run.id}", partial(_is_ready, cache.store(), run.id, keeps), key="ready"
    )


def _is_ready(store: RunStore, run_id: str, keeps: Callable[[Run], bool]) -> str:
    run = next((run for run in store.active() if run.id == run_id), None)
    return str(run is None or bool(stored_checkpoints(store, run)) or keeps(run))


def render_hide_button() -> None:
    """Show a button that hides the recorded run."""
    if st.button(
        "Hide",
        icon=":material/visibility_off:",
        key="hide-recorded",
        help="Hides the recorded run from all lists. It comes with cifarviz, so you can bring it "
        "back at any time.",
    ):
        with render_errors():
            hide_recorded_run(cache.store())
            update_query_params(runs=None)
            st.rerun()


def render_restore_button() -> None:
    """Show a button that restores the recorded run, if it is hidden."""
    if not is_teacher() or not is_recorded_run_hidden(cache.store()):
        return
    if st.button(
        "Bring the recorded run back",
        icon=":material/movie:",
        key="bring-back-recorded",
        help="A real run that comes with cifarviz: 30 epochs on the full set, ending in "
        "overfitting.",
    ):
        with render_errors(), st.spinner("Unpacking …", show_time=True):
            restore_recorded_run(cache.store())
            st.rerun()
