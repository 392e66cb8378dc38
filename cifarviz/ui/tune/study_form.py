"""The form of a new study: the base, what is varied, and how it is searched."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.changes import changes
from cifarviz.experiment.choices import NoValidation
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.parameters import Choices, Range, plain_setting
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.run_names import run_name
from cifarviz.experiment.study import PRUNER_TEXTS, SAMPLER_TEXTS, PrunerName, SamplerName, Study
from cifarviz.experiment.tunables import find_tunable
from cifarviz.processor import machine_name
from cifarviz.runs.curation import LONGEST_NAME
from cifarviz.runs.studies import StudyRecord, all_studies, stored_trials
from cifarviz.training.estimate import (
    START_SECONDS,
    Estimate,
    epoch_work,
    estimate_epoch,
    recorded_speeds,
)
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, format_count
from cifarviz.ui.errors import error_text, errors_as_toast
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import (
    Word,
    current_query_params,
    render_choice,
    render_number,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.queueing import format_duration_range, format_estimate_basis, queue_once
from cifarviz.ui.train.fields import (
    render_field,
    render_sample_notice,
    set_kind,
    set_value,
    with_available_data,
)
from cifarviz.ui.train.view import assessed_draft, start_draft
from cifarviz.ui.tune.parameter_rows import PARAM, render_parameters

_GOALS = {"accuracy": "Highest accuracy", "loss": "Lowest loss"}
_NO_LIMIT = 0
_MOST_AT_ONCE = 64
# A base with more epochs is asked whether fewer would do.
_MANY_EPOCHS = 30
_NAME_KEY = "tune-name"
_FORM = (PARAM, "goal", "sampler", "pruner", "trials", "minutes", "within", "atonce")
_REMEMBERED = "study-form"


def render_study_form() -> None:
    """Show the form; the started study is put into the address.

    Without anything of a form in the address, it is as it was left.
    """
    _recall_form()
    wanted, draft, assessment = assessed_draft()
    left, right = st.columns([3, 2], gap="large")
    with left:
        _render_base(wanted, draft, assessment)
        base = assessment.experiment
        if base is None:
            for reason in assessment.reasons[:3]:
                st.error(escaped(reason), icon=":material/error:")
            link_to("train", "Mend it on Train", view="setup")
            return
        validated = not isinstance(base.validation, NoValidation)
        if not validated:
            _render_split_offer(draft)
        st.markdown("## What to vary")
        is_grid = current_query_params().get("sampler") == "grid"
        parameters = render_parameters(base, is_grid=is_grid)
    with right, st.container(border=True):
        study = _render_search(base, parameters if validated else [])
        if study is not None:
            _render_start(study, assessment, _default_name(draft))
        else:
            st.button("Start", icon=":material/play_arrow:", key="tune-not-yet", disabled=True)
            if not validated:
                st.caption("There are no validation images yet: see what is said there.")
            elif not parameters:
                st.caption("What to vary is not complete yet: see what is said there.")


def _recall_form() -> None:
    """Put the form as it was left into an address that has none; remember it otherwise."""
    now = current_query_params()
    if not now.keys() & set(_FORM):
        left = dict(parse_qsl(state.recall(_REMEMBERED) or ""))
        update_query_params(**left)
        return
    state.remember(_REMEMBERED, urlencode({name: now[name] for name in _FORM if name in now}))


def _render_base(wanted: Draft, draft: Draft, assessment: Assessment) -> None:
    st.markdown(
        "## Base",
        help="Each trial is a run of these settings with other values of what is varied. They are "
        "those set up on Train.",
    )
    key = f"{draft.generation}-tune-preset"
    menu, epochs = st.columns([3, 1])
    with menu:
        st.selectbox(
            "Preset",
            tuple(PRESETS),
            index=tuple(PRESETS).index(draft.preset),
            format_func=lambda name: f"{PRESETS[name].title} ({name})",
            key=widget_key(key, draft.preset),
            on_change=lambda: start_draft(widget_value(key)),
        )
    with epochs:
        render_field(
            Experiment,
            "epochs",
            draft.settings["epochs"],
            lambda value: set_value("epochs", value),
            key=f"{draft.generation}-tune-epochs",
        )
    found = changes(with_available_data(preset_draft(draft.preset)), draft)
    said = f"With {format_count(len(found), 'change')}." if found else "No changes from the preset."
    texts = ": ".join([said[:-1], "; ".join(change.text for change in found)]) if found else said
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(escaped(texts), width="stretch")
        link_to("train", "Change on Train", view="setup")
    if draft is not wanted:
        render_sample_notice()
    if assessment.experiment is not None and assessment.experiment.epochs > _MANY_EPOCHS:
        st.caption(
            ":material/info: So many epochs for each trial take long. Fewer often rank the "
            "settings just as well; train the best for longer afterwards."
        )


def _render_split_offer(draft: Draft) -> None:
    """Offer what a study needs where the base validates nothing."""
    # A split that was set aside on Train comes back.
    share = draft.with_kind("validation", "split").section("validation")["fraction"]
    st.info(
        "These settings validate on no images, and a study compares results on validation images.",
        icon=":material/info:",
    )
    st.button(
        f"Hold back {share:.0%} of the training images",
        icon=":material/call_split:",
        key="tune-hold-back",
        help="Sets the validation split of Train; another share can be chosen there.",
        on_click=lambda: set_kind("validation", "split"),
    )


def _render_search(base: Experiment, parameters: list[Range | Choices]) -> Study | None:
    """Show how the best is searched; return the study, ``None`` where it is not valid yet."""
    goal = render_choice(
        "goal",
        "What to reach",
        _GOALS,
        key="tune-study-goal",
        hint="On the validation images, after any epoch.",
        problem=lambda word: f"A study cannot reach {word}, so it searches the best accuracy.",
    )
    sampler = _render_explained("sampler", "Search", SAMPLER_TEXTS)
    pruner = _render_explained("pruner", "End bad trials early", PRUNER_TEXTS)
    trials, minutes, within, at_once = _render_limits(sampler)
    if not parameters:
        return None
    try:
        return _make_study(
            base, parameters, goal, sampler, pruner, trials, minutes, within, at_once
        )
    except ExperimentInvalid as error:
        st.error(error_text(error), icon=":material/error:")
        return None


def _render_explained(name: str, label: str, texts: Mapping[Word, tuple[str, str]]) -> Word:
    """Show a menu of samplers or pruners, and what the chosen one does; return it."""
    usual, _ = next(iter(texts.values()))
    chosen = render_choice(
        name,
        label,
        {option: title for option, (title, _) in texts.items()},
        key=f"tune-{name}",
        hint=Study.help_text(name),
        problem=lambda word: f"There is no {name} {word}, so the first is used: {usual}.",
        menu=True,
    )
    st.caption(texts[chosen][1])
    return chosen


def _render_limits(sampler: SamplerName) -> tuple[int, int, int, int]:
    """Return trials, minutes, seconds of training a trial, and trials at once; 0: no limit."""
    left, right = st.columns(2)
    with left:
        trials = render_number(
            "trials",
            "Trials",
            20,
            (1, 1000),
            "How many runs are trained, the base among them. A grid ends when all its values "
            "were tried."
            if sampler == "grid"
            else "How many runs are trained, the base among them. More can be added later.",
            key="tune-trials",
        )
    with right:
        minutes = render_number(
            "minutes",
            "At most minutes",
            _NO_LIMIT,
            (0, 100_000),
            "Ends the study after this time. 0 means no limit.",
            key="tune-minutes",
        )
    more = st.expander("More limits")
    with more:
        within = render_number(
            "within",
            "Seconds of training",
            _NO_LIMIT,
            (0, 1_000_000),
            "Counts only epochs that end within this time, and ends each trial then: what can be "
            "reached in so many seconds. 0 means no limit.",
            key="tune-within",
        )
    with more:
        at_once = render_number(
            "atonce",
            "Trials at once",
            min(cache.worker().places, _MOST_AT_ONCE),
            (1, _MOST_AT_ONCE),
            "How many trials may wait or train at the same time: at first, as many as can train at "
            "once here. With more of them the search knows less before each trial.",
            key="tune-at-once",
        )
    return trials, minutes, within, at_once


def _make_study(
    base: Experiment,
    parameters: list[Range | Choices],
    goal: str,
    sampler: SamplerName,
    pruner: PrunerName,
    trials: int,
    minutes: int,
    within: int,
    at_once: int,
) -> Study:
    return Study.make(
        base=base,
        parameters=[parameter.model_dump() for parameter in parameters],
        goal=goal,
        sampler=sampler,
        pruner=pruner,
        trials=trials,
        minutes=minutes or None,
        within_seconds=within or None,
        at_once=at_once,
    )


def _default_name(draft: Draft) -> str:
    preset = preset_draft(draft.preset)
    base = run_name(PRESETS[draft.preset].title, changes(preset, draft))
    taken = {record.title for record in all_studies(cache.store())}
    name = f"Study of {base}"[: LONGEST_NAME - 10]
    number = 1
    while (unique := name if number == 1 else f"{name} ({number})") in taken:
        number += 1
    return unique


def _render_start(study: Study, assessment: Assessment, default: str) -> None:
    st.text_input(
        "Name",
        value=default,
        key=widget_key(_NAME_KEY, default, lambda typed, _: bool(typed)),
        max_chars=LONGEST_NAME - 8,
        autocomplete="off",
    )
    _render_notes(study)
    _render_estimate(study, assessment)
    if st.button(
        f"Start {format_count(study.trial_count, 'trial')}",
        type="primary",
        icon=":material/play_arrow:",
        key="tune-start",
        help="Queues one trial after another; each is an ordinary run. It goes on if this page is "
        "closed.",
    ):
        _start(study, str(widget_value(_NAME_KEY)).strip() or default)
        st.rerun()


def _render_notes(study: Study) -> None:
    """Say how large a grid is, and when the base is outside of what is tried."""
    if study.sampler == "grid":
        st.caption(f"These values have {format_count(study.grid_size, 'combination')}.")
    outside = [
        f"{find_tunable(study.base, parameter.key).label} {plain_setting(own)}"
        for parameter, own in zip(study.parameters, study.base_settings().values(), strict=True)
        if not parameter.contains(own)
    ]
    if outside and study.sampler != "grid":
        st.caption(
            f":material/info: The base is the first trial, with {escaped(', '.join(outside))}. "
            "That is not among the values tried, so the search learns nothing from it."
        )


def _start(study: Study, title: str) -> None:
    with errors_as_toast():
        record = queue_once(
            ("study", title, study.to_json()),
            lambda: cache.studies().start(study, title),
            _run_ids,
        )
        update_query_params(study=record.id)


def _run_ids(record: StudyRecord) -> list[str]:
    return [trial.run.id for trial in stored_trials(cache.store(), record.id)]


def _render_estimate(study: Study, assessment: Assessment) -> None:
    """Show how long it may take, from runs of such networks on this machine."""
    if assessment.sizes is None:
        return
    work = epoch_work(study.base, assessment.sizes.train, assessment.sizes.validation)
    each = estimate_epoch(work, recorded_speeds(cache.store().all(), machine_name()))
    low, high = (
        study.trial_count * (end * study.base.epochs + start)
        for end, start in zip((each.low, each.high), START_SECONDS, strict=True)
    )
    minutes = study.minutes
    if minutes is not None:
        low, high = min(low, 60 * minutes), min(high, 60 * minutes)
    total = format_duration_range(Estimate(low, high, each.runs, each.same))
    early = "" if study.pruner == "none" else ", less where trials end early"
    st.markdown(f"**{total[:1].upper()}{total[1:]}** for all trials{early}")
    st.caption(format_estimate_basis(each, work.precision))
