"""The Set up view of Train: presets, the draft of an experiment, and its start."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ExperimentInvalid, RunError, StoreError
from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.assessment import Assessment, assess
from cifarviz.experiment.changes import ExperimentChange, changes, nearest_variant, with_variant
from cifarviz.experiment.draft import Draft, make_draft
from cifarviz.experiment.experiment import Experiment, SplitSizes
from cifarviz.experiment.presets import PRESETS, Preset
from cifarviz.experiment.run_names import run_name, unique_name
from cifarviz.people.person import may_make
from cifarviz.runs.curation import LONGEST_NAME
from cifarviz.runs.records import Run
from cifarviz.training.estimate import epoch_work, estimate_epoch, recorded_speeds
from cifarviz.training.giving_way import GIVE_WAY, GIVE_WAY_HELP
from cifarviz.training.local_places import place_machine
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, format_count, quoted, sentence_case
from cifarviz.ui.class_names import class_names
from cifarviz.ui.errors import error_text, render_errors
from cifarviz.ui.navigation import (
    ViewEntry,
    go_to,
    link_to,
    link_to_full_set,
    render_title_and_views,
)
from cifarviz.ui.published import render_changes
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.queueing import (
    format_duration_range,
    format_estimate_basis,
    format_order,
    queue_once,
)
from cifarviz.ui.streamlit_patches import without_interruption
from cifarviz.ui.tensorboard import with_tensorboard_checked
from cifarviz.ui.train.augmentation_form import EXAMPLES
from cifarviz.ui.train.fields import render_sample_notice, with_available_data, with_data_checked
from cifarviz.ui.train.forms import render_data_forms, render_training_forms
from cifarviz.ui.train.layer_editor import render_layer_editor
from cifarviz.ui.train.transfer_form import render_transfer_form, with_transfer_checked

_MOST_PROBLEMS = 4
_TABS: Mapping[str, str] = MappingProxyType(
    {"network": "Network", "data": "Data", "training": "Training"}
)
_TABS_KEY = "part"
View = Literal["setup", "watch"]
_VIEWS: Mapping[View, ViewEntry] = MappingProxyType(
    {"setup": ViewEntry("Set up", "tune"), "watch": ViewEntry("Watch", "monitoring")}
)

# Query parameters that apply to one of the views only.
_VIEW_PARAMS = ("preset", "changes", "part", "run", "ghost", EXAMPLES)


def render_setup() -> None:
    """Show the Set up view."""
    wanted, draft, assessment = assessed_draft()
    preset = preset_draft(draft.preset)
    preset_changes = changes(with_available_data(preset), draft)
    if assessment.experiment is not None and assessment.sizes is not None:
        st.markdown(_describe(assessment.experiment, assessment.sizes))
    story, launch = st.columns([3, 2], gap="large")
    with story:
        render_preset_panel(wanted, preset_changes)
    with launch, st.container(border=True, gap="xsmall"), render_errors():
        # Using the sample is not a change, but belongs in the run's name.
        default = run_name(PRESETS[draft.preset].title, changes(preset, draft))
        render_launch_panel(default, assessment, stands_in=draft is not wanted)
        # In one row, so that the table of layers is on the first screen.
        with st.container(horizontal=True):
            if draft is not wanted:
                link_to_full_set()
            settings = {"preset": wanted.preset, **_packed_changes(wanted)}
            link_to("tune", "Tune these settings", view="studies", **settings)
    _render_tabs(draft, assessment, stands_in=draft is not wanted)


def assessed_draft() -> tuple[Draft, Draft, Assessment]:
    """Return the session's draft, the same with data of this machine, and what is wrong with it."""
    wanted = current_draft()
    save_draft(wanted)
    draft = with_available_data(wanted)
    data = draft.section("data")
    train_images, test_images = library.image_counts(draft.dataset, data["variant"])
    assessment = assess(draft, train_images=train_images, test_images=test_images)
    for with_check in (with_transfer_checked, with_tensorboard_checked, with_data_checked):
        assessment = with_check(draft, assessment)
    return wanted, draft, assessment


def _describe(experiment: Experiment, sizes: SplitSizes) -> str:
    architecture, info = experiment.architecture, find_dataset(experiment.data.dataset)
    return (
        f"A network of {format_count(architecture.layer_count, 'layer')} with "
        f"{format_count(architecture.parameters, 'parameter')}, to learn the "
        f"{len(class_names(info))} classes of {info.title} from "
        f"{format_count(sizes.train, 'image')}, each seen "
        f"{format_count(experiment.epochs, 'time')}."
    )


def _render_tabs(draft: Draft, assessment: Assessment, *, stands_in: bool) -> None:
    """Show the forms in three tabs; the address holds the open tab."""
    wanted = st.query_params.get("part", "network")
    if wanted not in _TABS:
        st.error(
            f"Set up has no tab {quoted(wanted)}, so Network is shown.", icon=":material/error:"
        )
        wanted = "network"
        update_query_params(part=wanted)
    tabs = st.tabs(
        list(_TABS.values()),
        default=_TABS[wanted],
        key=widget_key(_TABS_KEY, _TABS[wanted]),
        on_change=_select_tab,
    )
    for part, tab in zip(_TABS, tabs, strict=True):
        if not tab.open:
            continue
        with tab:
            if part == "network":
                render_layer_editor(draft, assessment.trace)
                render_transfer_form(draft, assessment.trace, assessment.problems)
            elif part == "data":
                render_data_forms(draft, assessment, stands_in=stands_in)
            else:
                render_training_forms(draft, assessment)


def _select_tab() -> None:
    title = widget_value(_TABS_KEY)
    update_query_params(part=next(part for part, label in _TABS.items() if label == title))


def render_view_choice() -> View:
    """Show title and view switch; return the view in the address, else ``"setup"``.

    Viewers only have the view Watch.
    """
    if not may_make():
        st.title("Train")
        update_query_params(view="watch")
        return "watch"
    view = render_title_and_views(
        "Train",
        _VIEWS,
        key="train-view",
        problem=lambda word: f"Train has no view {word}, so Set up is shown.",
        forget=_VIEW_PARAMS,
    )
    if st.query_params.get("view", view) != view:
        update_query_params(view=view)
    return view


def render_launch_panel(default: str, assessment: Assessment, *, stands_in: bool) -> None:
    """Show name, Train button and estimate; opens Watch when the run is queued.

    ``default`` is the run's default name, made distinct by a number. ``stands_in``: the sample
    replaces a missing full set.
    """
    runs = cache.store().all()
    name = st.text_input(
        "Name of the run",
        placeholder=unique_name(default, {run.name for run in runs}),
        max_chars=LONGEST_NAME,
        key="run-name",
        autocomplete="off",
        help="The run’s name on all pages. Leave empty to use the name shown here.",
    )
    gives_way = cache.settings().class_open and st.checkbox(
        GIVE_WAY, key="give-way", help=GIVE_WAY_HELP
    )
    pressed = st.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        key="train",
        disabled=assessment.experiment is None,
        width="stretch",
    )
    if assessment.experiment is None or assessment.sizes is None:
        _render_problems(assessment.reasons)
    else:
        _render_estimate(assessment.experiment, assessment.sizes, runs)
        _render_waiting([run for run in runs if run.state.active])
        if pressed:
            with render_errors():
                typed = (name or "").strip()
                run = _queue_run(assessment.experiment, typed, default, gives_way=gives_way)
                go_to("train", view="watch", run=run.id)
    if stands_in:
        render_sample_notice(link=False)


def _queue_run(experiment: Experiment, typed: str, default: str, *, gives_way: bool) -> Run:
    worker = cache.worker()

    def submit() -> Run:
        # Others may have queued runs since the page was drawn.
        name = typed or unique_name(default, {run.name for run in worker.store.all()})
        return worker.submit(experiment, name, gives_way=gives_way)

    return queue_once(
        ("run", experiment.to_json(), typed),
        submit,
        lambda run: [run.id],
    )


def _render_problems(reasons: Sequence[str]) -> None:
    if len(reasons) == 1:
        st.error(f"This cannot be trained yet. {escaped(reasons[0])}", icon=":material/error:")
        return
    lines = [f"- {escaped(reason)}" for reason in reasons[:_MOST_PROBLEMS]]
    if len(reasons) > _MOST_PROBLEMS:
        lines.append(f"- … and {len(reasons) - _MOST_PROBLEMS} more.")
    st.error("This cannot be trained yet:\n" + "\n".join(lines), icon=":material/error:")


def _render_waiting(active: Sequence[Run]) -> None:
    if len(active) < cache.worker().places:
        return
    template = (
        "A new run waits for “{name}”: runs train {order}."
        if len(active) == 1
        else "A new run waits for “{name}” and {more} more: runs train {order}."
    )
    sentence = template.format(
        name=escaped(active[-1].name), more=len(active) - 1, order=format_order(cache.settings())
    )
    st.caption(f":material/hourglass_top: {sentence}")


def _render_estimate(experiment: Experiment, sizes: SplitSizes, runs: Sequence[Run]) -> None:
    work = epoch_work(experiment, sizes.train, sizes.validation)
    estimate = estimate_epoch(work, recorded_speeds(runs, place_machine(cache.settings())))
    times = [f"**{sentence_case(format_duration_range(estimate))} per epoch**"]
    if experiment.epochs > 1:
        total = format_duration_range(estimate, experiment.epochs)
        times.append(f"{total} for all {experiment.epochs} epochs")
    st.markdown(" · ".join(times))
    st.caption(format_estimate_basis(estimate, work.precision))


def current_draft() -> Draft:
    """Return the session's draft, or that of the address; shows errors in the address."""
    memory = state.setup_memory()
    address = (st.query_params.get("preset"), st.query_params.get("changes"))
    run_id = st.query_params.get("run")
    if memory.draft is not None and run_id is None and address in (memory.address, (None, None)):
        return memory.draft
    memory.drafts_begun += 1
    memory.open_layer = None
    return _draft_from_query(*address, run_id, memory.drafts_begun)


def start_draft(preset: str, variant: str | None = None) -> None:
    """Replace the draft by a preset, or a variant of it."""
    memory = state.setup_memory()
    memory.drafts_begun += 1
    memory.open_layer = None
    memory.draft = preset_draft(preset, memory.drafts_begun)
    for other in PRESETS[preset].variants:
        if other.name == variant:
            memory.draft = make_draft(other.experiment, preset, memory.drafts_begun)


def save_draft(draft: Draft) -> None:
    """Store ``draft`` in the session and in the address."""
    memory = state.setup_memory()
    packed = pack_changes(draft)
    # If a press came in between, the draft would be read again from the old address.
    with without_interruption():
        memory.draft = draft
        memory.address = (draft.preset, packed)
        update_query_params(preset=draft.preset, changes=packed, run=None)


def _draft_from_query(
    preset: str | None, changes: str | None, run_id: str | None, number: int
) -> Draft:
    try:
        if run_id is not None:
            return _draft_of_run(run_id, number)
        if preset is None:
            if changes is not None:
                raise ExperimentInvalid(
                    "The address has changes but no preset, so the first preset is shown. If you "
                    "copied the address, copy all of it."
                )
            return preset_draft(next(iter(PRESETS)), number)
        if preset not in PRESETS:
            raise ExperimentInvalid(
                "There is no preset “{preset}”, so the first is shown. Choose another below.",
                preset=preset[:40],
            )
        if changes is not None:
            return unpack_changes(preset, changes, number)
    except (ExperimentInvalid, RunError, StoreError) as error:
        st.error(error_text(error), icon=":material/error:")
        if preset is None or preset not in PRESETS:
            preset = next(iter(PRESETS))
    return preset_draft(preset, number)


def _draft_of_run(run_id: str, number: int) -> Draft:
    run = cache.store().get(run_id)
    # With the run's actual precision, so that the next run differs only in what is changed.
    experiment = run.trained_experiment
    preset = experiment.preset
    if preset is None or preset not in PRESETS:
        preset = next(iter(PRESETS))
    st.toast(f"Settings of “{escaped(run.name)}” loaded.", icon=":material/content_copy:")
    return make_draft(experiment, preset, number)


def render_preset_panel(draft: Draft, preset_changes: Sequence[ExperimentChange]) -> None:
    """Show the preset menu, its description, and its changes."""
    key = f"{draft.generation}-preset"
    st.selectbox(
        "Preset",
        tuple(PRESETS),
        index=tuple(PRESETS).index(draft.preset),
        format_func=lambda name: f"{PRESETS[name].title} ({name})",
        key=widget_key(key, draft.preset),
        on_change=lambda: start_draft(widget_value(key)),
        help="The experiment to start from. Choosing another replaces your settings below.",
    )
    preset = PRESETS[draft.preset]
    with st.container(gap="xsmall", key="preset-story"):
        st.markdown(f":small[{preset.story}]")
        st.caption(format_published(preset))
        for note in preset.notes:
            st.caption(f":material/info: {escaped(note)}")
        if preset.variants:
            _render_variants(draft, preset)
        _render_preset_changes(draft, preset_changes)


def _render_variants(draft: Draft, preset: Preset) -> None:
    """Show the preset's variants, and a link to its ensemble."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for variant in preset.variants:
            chosen = draft.plain() == make_draft(variant.experiment, preset.name).plain()
            st.button(
                variant.title,
                key=f"variant-{variant.name}",
                icon=":material/check:" if chosen else ":material/history_edu:",
                help=variant.text,
                disabled=chosen,
                on_click=start_draft,
                args=(preset.name, variant.name),
            )
        if preset.members > 1:
            link_to(
                "evaluate",
                f"Real ensemble: {preset.members} members from {preset.members} seeds",
                ":material/groups:",
                view="ensemble",
                preset=preset.name,
                way="seeds",
                **_changes_param(draft),
            )
    _render_ensemble_note(draft, preset)


def _changes_param(draft: Draft) -> dict[str, str]:
    """Return the changes as a query parameter for ensemble members."""
    return _packed_changes(with_variant(draft, None))


def _packed_changes(draft: Draft) -> dict[str, str]:
    packed = pack_changes(draft)
    return {} if packed is None else {"changes": packed}


def _render_ensemble_note(draft: Draft, preset: Preset) -> None:
    way = nearest_variant(draft)
    if way is not None:
        sentence = (
            "Train trains one network. Its predictions after several epochs vote on the Evaluate "
            "page, under Ensemble."
        )
    elif preset.members > 1:
        sentence = (
            f"Train trains one network of the ensemble’s {preset.members}; the real ensemble "
            "trains them all."
        )
    else:
        return
    st.caption(f":material/info: {sentence}")


def _render_preset_changes(draft: Draft, preset_changes: Sequence[ExperimentChange]) -> None:
    if not preset_changes:
        st.caption("No changes from the preset.")
        return
    with render_changes(preset_changes):
        st.button(
            "Undo all changes",
            key="undo-changes",
            type="tertiary",
            icon=":material/undo:",
            on_click=start_draft,
            args=(draft.preset,),
        )


def format_published(preset: Preset) -> str:
    """Return year, size, batch size and results of a preset's publication."""
    published = preset.published
    if published is None:
        return preset.literature or "A recipe of cifarviz, not published elsewhere."
    head = "Published" if published["year"] is None else f"Published in {published['year']}"
    if not published["history"]:
        return f"{head}, without results to compare with."
    facts = [
        f"{published['parameters']:,} parameters",
        f"batches of {preset.experiment.batch_size}",
        *_format_results(published),
    ]
    if published["seconds_an_epoch"]:
        low, high = published["seconds_an_epoch"]
        facts.append(f"{low} to {high} s per epoch on the authors’ machine")
    return f"{head}: {', '.join(facts)}."


def _format_results(published: Mapping[str, Any]) -> list[str]:
    history, images = published["history"], published["measured_on"]
    best, last = min(history, key=lambda row: row.val_loss), history[-1]
    if best is last:
        texts = [
            f"a loss of {last.val_loss:.3f} and {last.val_accuracy:.1%} accuracy on the {images} "
            f"images after epoch {last.epoch}"
        ]
    else:
        texts = [
            f"lowest {images} loss {best.val_loss:.3f} after epoch {best.epoch} of {last.epoch}"
        ]
    together = published.get("ensemble_accuracy")
    return texts if together is None else [*texts, f"{together:.1%} for the ensemble"]
