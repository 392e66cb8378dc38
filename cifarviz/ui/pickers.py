"""Choosing the run and the weights that a page looks at; the address holds both."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, TypeVar

import streamlit as st

from cifarviz.errors import ArtifactMissing, CifarvizError
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.recorded import (
    ORIGIN,
    hide_recorded_run,
    is_recorded_run_hidden,
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
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.live_items import run_again_on
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.query import current_query_params, update_query_params, widget_key, widget_value
from cifarviz.ui.runs.rows import in_date
from cifarviz.ui.streamlit_patches import uninterruptible

Choice = TypeVar("Choice", bound=str)
_OF_A_DATASET = ("dataset", "image", "actual", "predicted", "page")


def _no_epochs(run: Run) -> bool:
    return False


def pick_run(
    *, dependent: Sequence[str] = (), keeps: Callable[[Run], bool] = _no_epochs
) -> Run | None:
    """Show a menu of the runs that have weights, the newest first, and return the one chosen.

    ``keeps`` says whether a run has anything of its epochs that can be looked at instead.
    The address holds it as ``run``; without one there, it is the run this browser session chose
    last, or the newest: of those on the data set that the address names, where there are any.
    ``dependent`` names what else in the address makes sense for one run only, and is forgotten
    with it. Returns ``None`` after saying why, and what to do, when there
    is none to choose or the address names one that cannot be looked at.
    """
    runs = cache.store().all()
    ready = {run.id: run for run in runs if checkpoints_of(run) or keeps(run)}
    wanted = st.query_params.get("run")
    if not ready and wanted is None:
        _nothing_yet(runs, keeps)
        return None
    if wanted is None:
        wanted = _usual_choice(ready)
        update_query_params(run=wanted)
    if wanted not in ready:
        _cannot_be_shown(wanted, runs, keeps)
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
        on_change=uninterruptible(_run_chosen),
        args=(ready, ("checkpoint", "epoch", *dependent)),
        help="A trained network; runs appear here as soon as their first epoch is done.",
    )
    if chosen is None:
        return None
    state.remember("run", chosen)
    return ready[chosen]


def pick_checkpoint(run: Run) -> Checkpoint:
    """Show a menu of the weights that ``run`` has kept and return the one chosen.

    The address holds it as ``checkpoint``; without one there it is what a person made the run's
    answer, or else ``"last"``. Raises ``ArtifactMissing`` if the run has none (any more).
    """
    return _pick(run, _kept_checkpoints(run))


def pick_checkpoint_or_epochs(
    run: Run, *, has_epochs: bool, forget: Sequence[str] = ()
) -> Checkpoint | Literal["epochs"]:
    """The same with one choice more where the run has something of several epochs: any of them.

    ``forget`` names what else in the address makes no sense when one goes from a checkpoint to
    the epochs, or back.
    """
    if not has_epochs:
        return _pick(run, _kept_checkpoints(run))
    kept = _kept_checkpoints(run) if checkpoints_of(run) else ()
    choices: tuple[Checkpoint | Literal["epochs"], ...] = (*kept, "epochs")
    chosen = _pick(run, choices, forget)
    if not kept:
        st.caption(
            "The weights as it ended, and at its best, were removed."
            if run.epochs_done
            else "It has not finished an epoch: this is its network before training."
        )
    return chosen


def _kept_checkpoints(run: Run) -> tuple[Checkpoint, ...]:
    kept = checkpoints_of(run)
    if not kept:
        raise ArtifactMissing(
            "{run_name} has no weights: it has not finished an epoch, or their files were "
            "removed. Choose another run.",
            run_name=quoted(run.name),
        )
    # The first is what is shown where the address asks for none.
    return kept


def _pick(run: Run, kept: Sequence[Choice], forget: Sequence[str] = ()) -> Choice:
    # A link that names an epoch and no weights is about that epoch.
    usual = "epochs" if "epochs" in kept and "epoch" in st.query_params else kept[0]
    wanted = st.query_params.get("checkpoint", usual)
    chosen = next((which for which in kept if which == wanted), kept[0])
    st.selectbox(
        "Weights",
        kept,
        kept.index(chosen),
        format_func=lambda which: checkpoint_words(run, which),
        key=widget_key("pick-checkpoint", chosen),
        on_change=uninterruptible(_checkpoint_chosen),
        args=(chosen, forget),
        help="A run keeps its newest weights, and those of its best epoch, unless it was made to "
        "keep the best ones only. “Any epoch” is a slider over what it has kept on its way: "
        "weights after epochs 1, 2, 3, 4, 6, 8, 11 and ever fewer, answers after each.",
    )
    if chosen != wanted:
        st.warning(
            f"This run has no weights called {quoted(wanted)}: it is shown "
            f"{'at ' if chosen == 'epochs' else ''}{checkpoint_words(run, chosen)}.",
            icon=":material/warning:",
        )
    return chosen


def checkpoints_of(run: Run) -> tuple[Checkpoint, ...]:
    """The weights of ``run`` that are on disk, those that answer for it first."""
    return stored_checkpoints(cache.store(), run)


def checkpoint_words(run: Run, which: str) -> str:
    """What a person calls these weights: "as it ended, after epoch 30", for one."""
    if which == "epochs":
        return "any epoch"
    if which == "last" and restored_best_weights(run):
        return f"as it ended: the weights of epoch {run.best_epoch}, restored"
    if which == "last" and run.state.active:
        # It would be another in each moment.
        return "as it stands now"
    if which == "last":
        return f"as it ended, {weights_position(cache.store(), run, 'last')}"
    epoch = "" if run.best_epoch is None else f", epoch {run.best_epoch}"
    return f"at its {best_criterion(run)}{epoch}"


def run_labels(runs: Sequence[Run]) -> dict[str, str]:
    """The name of each run by its id and, of one that has ended, its headline."""
    names = distinct_names(runs)
    return {
        run.id: names[run.id]
        if run.state.active or not (words := headline(run))
        else f"{names[run.id]} · {words}"
        for run in runs
    }


def distinct_names(runs: Sequence[Run], *, marked: bool = True) -> dict[str, str]:
    """Each run's name by its id; of equal ones with the time they were made, or with their id.

    ``marked``: what is recorded is called so before its name.
    """
    timed = {run.id: f"{run.name}, {in_date(run.created)}" for run in runs}
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
    return labels


def _usual_choice(ready: Mapping[str, Run]) -> str:
    wanted = st.query_params.get("dataset")
    fitting = [one for one, run in ready.items() if _dataset_of(run) == wanted] or list(ready)
    remembered = state.recall("run")
    if remembered in fitting:
        return remembered
    # One in its first epoch, or whose weights were removed, is there for who asks for it.
    return next((one for one in fitting if checkpoints_of(ready[one])), fitting[0])


def _run_chosen(ready: Mapping[str, Run], forget: Sequence[str]) -> None:
    chosen = widget_value("pick-run")
    # The browser sends labels: one of a run that has just ended was another a moment ago.
    if chosen not in ready:
        return
    before = ready.get(current_query_params().get("run") or "")
    if before is None or _dataset_of(before) != _dataset_of(ready[chosen]):
        # Images and classes of another data set are nothing for this run.
        forget = (*forget, *_OF_A_DATASET)
    update_query_params(**dict.fromkeys(forget), run=chosen)


def _dataset_of(run: Run) -> str | None:
    try:
        return run.experiment.data.dataset
    except CifarvizError:
        # Written by a newer version: its own page says so.
        return None


def _checkpoint_chosen(before: str, forget: Sequence[str]) -> None:
    chosen = widget_value("pick-checkpoint")
    void = ("epoch", *forget) if "epochs" in (before, chosen) else ()
    update_query_params(**dict.fromkeys(void), checkpoint=chosen)


def _cannot_be_shown(run_id: str, runs: Sequence[Run], keeps: Callable[[Run], bool]) -> None:
    run = next((run for run in runs if run.id == run_id), None)
    if run is None:
        st.error(f"There is no run {quoted(run_id)} here.", icon=":material/error:")
        link_to("runs", "See the runs there are")
    elif run.damage is not None:
        st.error(f"{quoted(run.name)} is damaged: {escaped(run.damage)}", icon=":material/error:")
        link_to("runs", "Delete it in Runs", runs=run.id)
    elif run.state.active:
        _coming(run, keeps)
    else:
        words = "has no weights: it did not finish an epoch, or their files were removed."
        if epochs_with_weights(cache.store().folder(run.id), run):
            words = (
                "has neither its last weights nor its best ones here; Inside and Evaluate show "
                "what it has kept of single epochs."
            )
        st.error(f"{quoted(run.name)} is {run.state} and {words}", icon=":material/error:")
        link_to("runs", "See the runs there are")


def _nothing_yet(runs: Sequence[Run], keeps: Callable[[Run], bool]) -> None:
    active = [run for run in runs if run.state.active and run.damage is None]
    if active:
        _coming(active[-1], keeps)
        return
    st.info(
        "No network has been trained here yet, so there is nothing to look at. Train one first: "
        "a single epoch on the embedded sample takes seconds.",
        icon=":material/info:",
    )
    with st.container(horizontal=True):
        if st.button("Train a network", type="primary", icon=":material/model_training:"):
            go_to("train")
        bring_back_button()


def _coming(run: Run, keeps: Callable[[Run], bool]) -> None:
    st.info(
        f"{quoted(run.name)} is {run.state}. Its weights can be looked at once its first epoch is "
        "done, and this page shows them by itself then.",
        icon=":material/hourglass_top:",
    )
    link_to("train", "Watch it", view="watch", run=run.id)
    run_again_on(f"ready-{run.id}", partial(_is_ready, cache.store(), run.id, keeps), key="ready")


def _is_ready(store: RunStore, run_id: str, keeps: Callable[[Run], bool]) -> str:
    run = next((run for run in store.active() if run.id == run_id), None)
    return str(run is None or bool(stored_checkpoints(store, run)) or keeps(run))


def hide_button() -> None:
    """A button that takes the recorded run off this home's lists."""
    if st.button(
        "Hide",
        icon=":material/visibility_off:",
        key="hide-recorded",
        help="Take the recorded run off all lists. It comes with cifarviz, so it can be brought "
        "back at any time.",
    ):
        with errors_shown():
            hide_recorded_run(cache.store())
            update_query_params(runs=None)
            st.rerun()


def bring_back_button() -> None:
    """A button that brings the recorded run back, where it is hidden."""
    if not is_recorded_run_hidden(cache.store()):
        return
    if st.button(
        "Bring the recorded run back",
        icon=":material/movie:",
        key="bring-back-recorded",
        help="A real run that comes with cifarviz: 30 epochs on the full set, which end in "
        "overfitting.",
    ):
        with errors_shown(), st.spinner("Unpacking it …"):
            restore_recorded_run(cache.store())
            st.rerun()
