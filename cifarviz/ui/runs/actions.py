"""Details and actions of the selected runs: open, resume, rename, export, delete."""

from collections.abc import Mapping, Sequence

import streamlit as st

from cifarviz.analysis.overfitting import Fit
from cifarviz.errors import CifarvizError, RunNotFound
from cifarviz.live.items import join_names, progress_text, time_left
from cifarviz.people.person import is_teacher, may_change, may_make
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.curation import LONGEST_REMARK
from cifarviz.runs.members import class_members
from cifarviz.runs.recorded import is_recorded_run
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import (
    format_duration,
    format_time_left,
    headline,
    highest_accuracy,
    last_accuracy,
    time_at_work,
)
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_weights import restored_best_weights
from cifarviz.runs.studies import trial_of_run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.epoch_scrubber import has_evaluable_epochs, has_inspectable_epochs
from cifarviz.ui.errors import errors_as_toast, render_errors
from cifarviz.ui.metrics import format_interval
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.pickers import available_checkpoints, distinct_names, render_hide_button
from cifarviz.ui.query import update_query_params
from cifarviz.ui.runs.comparison import FEW_RUNS
from cifarviz.ui.runs.export import render_export
from cifarviz.ui.runs.fork import open_dialog, render_fork_button
from cifarviz.ui.runs.rows import folder_bytes, format_date, run_plan
from cifarviz.ui.runs.showing import show_run
from cifarviz.ui.tensorboard import render_tensorboard_files


def render_actions(runs: Sequence[Run], fits: Mapping[str, Fit]) -> None:
    """Show details and buttons for the selected runs; refusals are shown in a dialog."""
    if len(runs) == 1:
        _render_run(runs[0], fits[runs[0].id])
        return
    st.header(f"{len(runs)} runs compared", anchor=False)
    # The chart's legend lists more of them.
    if len(runs) <= FEW_RUNS:
        st.caption(escaped(join_names(list(distinct_names(runs).values()))))
    with st.container(horizontal=True, vertical_alignment="center"):
        ids = ",".join(run.id for run in runs if run.damage is None)
        link_to("tune", "What mattered", view="runs", runs=ids)
        if all(may_change(run.owner) for run in runs):
            render_export(runs)
            render_star_button(runs)
            _render_delete_button(runs)


def _render_run(run: Run, fit: Fit) -> None:
    star = ":material/star: " if run.starred else ""
    st.header(f"{star}{escaped(run.name)}", anchor=False)
    if run.damage is not None:
        st.warning(
            escaped(f"The record of this run is damaged, so it can only be deleted. {run.damage}"),
            icon=":material/warning:",
        )
        _render_delete_button([run])
        return
    st.caption(_format_details(run))
    if run.message and run.state is RunState.FINISHED:
        st.info(escaped(run.message), icon=":material/info:")
    elif run.message:
        st.warning(escaped(run.message), icon=":material/warning:")
    if run.note:
        st.warning(escaped(run.note), icon=":material/warning:")
    if run.remark:
        st.markdown(f":material/sticky_note_2: {escaped(run.remark)}")
    render_tensorboard_files(run)
    own = may_change(run.owner)
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        _render_next_steps(run)
        resume = (
            own
            and run.resumable
            and st.button(
                "Resume",
                icon=":material/play_arrow:",
                help="Continues from the last finished epoch, or from the start if there is none.",
            )
        )
        if own:
            render_weights_button(run)
        if may_make():
            render_fork_button(run, fit)
    if not own:
        if may_make():
            st.caption(
                "This run is not yours: you can look at it, compare it with yours and start from "
                "it."
            )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Rename", icon=":material/edit:"):
            open_dialog("Rename run", _render_rename_form, run)
        render_star_button([run])
        render_note_button(run)
        render_export([run])
        render_show_button(run)
        if is_recorded_run(cache.store(), run):
            render_hide_button()
        else:
            _render_delete_button([run])
    st.caption("Tick another run in the list to compare curves.")
    if resume:
        _resume(run)


def _render_next_steps(run: Run) -> None:
    # The style sheet makes the first of these links the page's main button.
    with st.container(horizontal=True, width="content", key="runs-next"):
        if run.state.active:
            _render_watch_link(run, "Watch")
        weights = available_checkpoints(run)
        if weights or has_inspectable_epochs(run):
            link_to("inside", "Look inside", run=run.id)
        if weights or has_evaluable_epochs(run):
            link_to("evaluate", "Evaluate", run=run.id)
        if weights:
            link_to("predict", "Predict", run=run.id)
        if not run.state.active:
            _render_watch_link(run, "Open")


def _render_watch_link(run: Run, label: str) -> None:
    link_to("train", label, ":material/show_chart:", view="watch", run=run.id)


def _resume(run: Run) -> None:
    try:
        cache.worker().resume(run.id)
    except CifarvizError as error:
        # In a dialog, because the next rerun would remove it from the page.
        open_dialog("This run cannot be resumed", _render_error, str(error))
        return
    go_to("train", view="watch", run=run.id)


def _render_error(message: str) -> None:
    st.error(escaped(message), icon=":material/error:")


def _format_details(run: Run) -> str:
    plan = run_plan(run)
    facts = [
        f"{run.state}, {progress_text(run)}" if run.orphaned else f"{run.state}",
        f"id {run.id}",
        f"created {format_date(run.created)} ({run.origin})",
        plan.network,
        plan.data,
    ]
    if run.owner is not None and is_teacher():
        names = {member.id: member.name for member in class_members(cache.store())}
        facts.append(f"of {escaped(names.get(run.owner, 'somebody who has left'))}")
    if run.train_images is not None:
        images = f"{run.train_images:,} training images"
        if run.validation_images:
            images += f", {run.validation_images:,} validation images"
        facts.append(images)
    facts.extend(_accuracy_texts(run))
    if run.parent is not None:
        facts.append(f"forked from {_parent_name(run.parent)} after epoch {run.parent_epoch}")
    elif (transfer := run.experiment.transfer) is not None:
        source = _parent_name(transfer.run)
        facts.append(f"begins with {transfer.format_layers()} of {source}")
    if (trial := trial_of_run(cache.store(), run.id)) is not None:
        facts.append(escaped(str(trial)))
    if restored_best_weights(run):
        facts.append(f"weights of epoch {run.best_epoch} restored at the end")
    if run.precision is not None:
        facts.append(run.precision)
    if run.images_per_second:
        facts.append(f"{run.images_per_second:,.0f} images per second")
    if (seconds := time_at_work(run)) is not None:
        facts.append(f"{format_duration(seconds)} at work")
    if (left := time_left(run)) is not None:
        facts.append(format_time_left(left))
    return " · ".join(facts)


def _parent_name(run_id: str) -> str:
    try:
        return quoted(cache.store().get(run_id).name)
    except RunNotFound:
        return "a deleted run"


def _accuracy_texts(run: Run) -> list[str]:
    """Return the headline, then accuracies of other epochs that differ from it."""
    texts = [headline(run, _format_accuracy(run, run.best_epoch_val_accuracy))]
    if run.best_epoch != run.epochs_done:
        texts.append(last_accuracy(run, _format_accuracy(run, run.last_val_accuracy)))
    if run.best_val_accuracy_epoch != run.epochs_done:
        texts.append(highest_accuracy(run))
    if run.preferred == "best":
        texts.append(f"the weights of epoch {run.best_epoch} are used")
    return list(filter(None, texts))


def _format_accuracy(run: Run, accuracy: float | None) -> str | None:
    if accuracy is None or not run.validation_images:
        return None
    return f"{accuracy:.1%} (95%: {format_interval(accuracy, run.validation_images)})"


def _render_delete_button(runs: Sequence[Run]) -> None:
    label = "Delete" if len(runs) == 1 else f"Delete {len(runs)} runs"
    if st.button(label, icon=":material/delete:"):
        title = "Delete this run?" if len(runs) == 1 else f"Delete {len(runs)} runs?"
        open_dialog(title, _render_delete_form, runs)


def _render_rename_form(run: Run) -> None:
    with st.form("rename-run", border=False):
        name = st.text_input(
            "Name", run.name, help="What this run is called in lists, charts and links."
        )
        if st.form_submit_button("Save", type="primary"):
            with render_errors():
                cache.store().rename(run.id, name)
                st.rerun()


def _render_delete_form(runs: Sequence[Run]) -> None:
    store = cache.store()
    if active := [run for run in runs if run.state.active]:
        run = active[0]
        _render_error(f"“{run.name}” is {run.state}: stop it before you delete it.")
        link_to("train", "Watch", view="watch", run=run.id)
        return
    for run_id, name in distinct_names(runs).items():
        run = next(run for run in runs if run.id == run_id)
        template = (
            "**{name}**: 1 epoch with its curves, weights and all other files, {size:,.1f} MB."
            if run.epochs_done == 1
            else "**{name}**: {epochs} epochs with their curves, weights and all other files, "
            "{size:,.1f} MB."
        )
        size = folder_bytes(store.folder(run_id)) / 1e6
        st.markdown(template.format(name=escaped(name), epochs=run.epochs_done, size=size))
    st.markdown("This cannot be undone.")
    row = st.container(horizontal=True)
    if row.button("Cancel", icon=":material/undo:"):
        st.rerun()
    if row.button("Delete permanently", type="primary", icon=":material/delete:"):
        with render_errors():
            for run in runs:
                store.delete(run.id)
            update_query_params(runs=None)
            st.rerun()


def render_star_button(runs: Sequence[Run]) -> None:
    """Show a button that stars all ``runs``, or unstars them if all have a star."""
    all_have = all(run.starred for run in runs)
    verb = "Unstar" if all_have else "Star"
    st.button(
        verb if len(runs) == 1 else f"{verb} {len(runs)} runs",
        icon=":material/star:",
        key="star",
        help="You can filter by star, and starred runs keep their snapshots when space runs short.",
        on_click=_star,
        args=([run.id for run in runs], not all_have),
    )


def render_show_button(run: Run) -> None:
    """Show the teacher of a class a button that shows a run to all, or no longer."""
    if not (cache.settings().class_open and is_teacher()):
        return
    st.button(
        "Hide from the class" if run.shown else "Show to the class",
        icon=":material/visibility_off:" if run.shown else ":material/visibility:",
        key="show-run",
        help="Everybody in the class, and viewers, can look at it. Only its owner and you change "
        "it.",
        on_click=_set_shown,
        args=(run, not run.shown),
    )


def _set_shown(run: Run, shown: bool) -> None:
    with errors_as_toast():
        show_run(run, shown=shown)


def render_note_button(run: Run) -> None:
    """Show a button that opens the note on a run."""
    if st.button(
        "Edit note" if run.remark else "Note",
        icon=":material/sticky_note_2:",
        key="note",
        help="Your own note on this run. The list can be searched for it.",
    ):
        open_dialog("Note", _render_note_form, run)


def render_weights_button(run: Run) -> None:
    """Show a button that changes the run's default weights, if it has both."""
    if run.preferred == "best":
        _render_weights_button(
            run, None, "Use the last epoch’s weights", "undo",
            "Undoes the choice: the run’s default weights are those of its last epoch again.",
        )  # fmt: skip
    elif set(available_checkpoints(run)) == {"best", "last"} and run.best_epoch != run.epochs_done:
        _render_weights_button(
            run, "best", f"Use epoch {run.best_epoch}’s weights", "check_circle",
            "Makes the best epoch’s weights the run’s default on all pages and on the command "
            "line.",
        )  # fmt: skip


def _render_weights_button(
    run: Run, which: Checkpoint | None, label: str, icon: str, hint: str
) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key="answer",
        help=hint,
        on_click=_set_default_weights,
        args=(run.id, which),
    )


def _star(run_ids: Sequence[str], starred: bool) -> None:
    for run_id in run_ids:
        with errors_as_toast():
            cache.store().star(run_id, starred)


def _set_default_weights(run_id: str, which: Checkpoint | None) -> None:
    with errors_as_toast():
        cache.store().prefer(run_id, which)


def _render_note_form(run: Run) -> None:
    with st.form("note-run", border=False):
        text = st.text_area(
            "Note",
            run.remark or "",
            max_chars=LONGEST_REMARK,
            help="Everybody who sees these runs can read it. Leave empty to remove it.",
        )
        if st.form_submit_button("Save", type="primary"):
            with render_errors():
                cache.store().remark(run.id, text)
                st.rerun()
