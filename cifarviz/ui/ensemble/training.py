"""Training the members of an ensemble."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.data import library
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.executors.worker import Worker
from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.assessment import assess
from cifarviz.experiment.changes import changes_from_preset, with_variant
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.ensemble_members import (
    MAX_MEMBERS,
    MAX_SEED,
    MIN_MEMBERS,
    experiments_with_seeds,
    member_name,
    name_without_member,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS, Preset, PresetVariant
from cifarviz.experiment.run_names import run_name
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.training.estimate import epoch_work, estimate_epoch, recorded_speeds
from cifarviz.training.local_places import place_machine
from cifarviz.training.series_queue import Submission, queue_series
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.ensemble.members import format_numbers, newest_of_families, set_members
from cifarviz.ui.errors import error_text, render_errors
from cifarviz.ui.navigation import link_to
from cifarviz.ui.published import render_changes
from cifarviz.ui.query import render_number, update_query_params, widget_key, widget_value
from cifarviz.ui.queueing import (
    format_duration_range,
    format_estimate_basis,
    format_order,
    queue_once,
    time_share,
)
from cifarviz.ui.train.fields import available_variant, render_sample_notice

TRAINING_PARAMS = ("preset", "changes", "template", "way", "count", "first")
"""Query parameters that set up members to train, and nothing else."""
_FIRST_PRESET = "cifar10-ensemble"
_SEEDS = "seeds"

# In this, members differ in any case.
_SEED = ("seed",)


@dataclass(frozen=True)
class Source:
    """An experiment to train members of, and what its members are called.

    ``preset`` is the one it is, or is changed from; ``variant`` the published way to train it.
    """

    experiment: Experiment
    name: str
    preset: Preset | None = None
    variant: PresetVariant | None = None


@dataclass(frozen=True)
class EnsemblePlan:
    """``experiments`` with a name each; ``epochs`` are those of its only run that vote, if any."""

    experiments: tuple[Experiment, ...]
    names: tuple[str, ...]
    epochs: tuple[int, ...] = ()


def render_training_panel(runs: Sequence[Run], *, expanded: bool) -> None:
    """Show the panel; it is also expanded where the address sets up members to train."""
    in_address = any(name in st.query_params for name in TRAINING_PARAMS)
    with (
        st.expander(
            "Train members from different seeds",
            expanded=expanded or in_address,
            icon=":material/model_training:",
        ),
        render_errors(),
    ):
        source = pick_source(runs)
        variant = source.variant
        first, count = _pick_numbers(source)
        experiment = _available_experiment(source.experiment)
        changed = experiment != source.experiment
        name = f"{source.name} · sample" if changed else source.name
        plan = (
            seeds_plan(experiment, name, first, count)
            if variant is None
            else variant_plan(experiment, name, variant, first)
        )
        _render_plan(plan, runs)
        if changed:
            render_sample_notice()
        if st.button(
            f"Train {count} members" if variant is None else "Train 1 run",
            key="train-members",
            type="primary",
            icon=":material/play_arrow:",
            help=f"Queues the runs. They train {format_order(cache.settings())}, and this page "
            "shows their progress.",
        ):
            worker = cache.worker()
            members = queue_once(
                ("team", plan.names, tuple(planned.to_json() for planned in plan.experiments)),
                lambda: queue_plan(worker, plan),
                lambda queued: [member.run.id for member in queued],
            )
            set_members(members, **dict.fromkeys(TRAINING_PARAMS))
            st.rerun()
        for note in source.preset.notes if source.preset is not None else ():
            st.caption(f":material/info: {escaped(note)}")


def _pick_numbers(source: Source) -> tuple[int, int]:
    """Return the first seed and the number of members."""
    preset, single_run = source.preset, source.variant is not None
    count = preset.members if preset is not None and preset.members > 1 else 4
    highest, seed = MAX_SEED - MAX_MEMBERS, source.experiment.seed
    # The seed that the user gave the preset.
    changed = preset is not None and seed != preset.experiment.seed and seed <= highest
    left, right, _ = st.columns([1, 1, 3])
    if not single_run:
        with left:
            count = render_number(
                "count",
                "Members",
                count,
                (MIN_MEMBERS, MAX_MEMBERS),
                "How many networks vote. Each further member gains less.",
                key="team-count",
            )
    with left if single_run else right:
        first = render_number(
            "first",
            "Seed" if single_run else "First seed",
            seed if changed else 1,
            (0, highest),
            "Sets everything random in a run; the other members have the seeds that follow.",
            key="team-first",
        )
    return first, count


def _available_experiment(experiment: Experiment) -> Experiment:
    """Return ``experiment``, on the sample where its full set is not on this machine."""
    data = experiment.data
    variant = available_variant(data.dataset, data.variant)
    if variant == data.variant:
        return experiment
    return Experiment.make(**{**dict(experiment), "data": {**dict(data), "variant": variant}})


def _render_plan(plan: EnsemblePlan, runs: Sequence[Run]) -> None:
    """Show what will be trained and how long it takes; raises where that is impossible."""
    here, first = cache.settings(), plan.experiments[0]
    info = find_dataset(first.data.dataset)
    sizes = first.sizes(*library.image_counts(info, first.data.variant))
    epochs = "1 epoch" if first.epochs == 1 else f"{first.epochs} epochs"
    data = "full" if first.data.variant == "full" else "embedded sample of"
    on = f"the {data} {info.title} ({sizes.train:,} training images)"
    if plan.epochs:
        what = (
            f"Trains one network for {epochs} on {on}, from seed {first.seed}, and saves its "
            f"predictions after epochs {format_numbers(plan.epochs)}"
        )
    else:
        seeds = [experiment.seed for experiment in plan.experiments]
        what = (
            f"Trains {len(seeds)} networks {format_order(here)}, {epochs} each, on {on}, from "
            f"seeds {format_numbers(seeds)}"
        )
    work = epoch_work(first, sizes.train, sizes.validation)
    estimate = estimate_epoch(work, recorded_speeds(runs, place_machine(here)))
    epochs_in_all = sum(experiment.epochs for experiment in plan.experiments)
    total = epochs_in_all * time_share(here, len(plan.experiments))
    st.markdown(f"{what}: **{format_duration_range(estimate, total)} in all**.")
    st.caption(format_estimate_basis(estimate, work.precision))


def pick_source(runs: Sequence[Run]) -> Source:
    """Show the menus; raises ``ExperimentInvalid`` where the changed preset can't be trained."""
    templates = {run.id: run for run in newest_of_families(runs)}
    wanted = st.query_params.get("template") or st.query_params.get("preset", _FIRST_PRESET)
    named = next((run for run in runs if run.id == wanted), None)
    if named is not None:
        templates.setdefault(named.id, named)
    if wanted not in PRESETS and wanted not in templates:
        st.error(
            f"There is no preset or run {quoted(wanted)} to train members of, so the preset "
            f"{_FIRST_PRESET} is shown.",
            icon=":material/error:",
        )
        wanted = _FIRST_PRESET
    # By names, as the browser sends names: after a training, a name stands for a newer run.
    options = _source_options(templates.values())
    index = list(options.values()).index(wanted)
    st.selectbox(
        "Experiment",
        list(options),
        index,
        key=widget_key("team-source", list(options)[index]),
        on_change=_source_chosen,
        args=(options,),
        help="What each member trains; only the seed differs. To use your own experiment, change a "
        "preset on the Train page and follow its link to here, or train a run and choose it here.",
    )
    if wanted in PRESETS:
        return _preset_source(PRESETS[wanted])
    run = templates[wanted]
    return Source(run.experiment, name_without_member(run.name))


def _source_options(runs: Iterable[Run]) -> dict[str, str]:
    """Return presets and runs by their names in the menu, which are all different."""
    options = {f"Preset: {preset.title} ({name})": name for name, preset in PRESETS.items()}
    for run in runs:
        name = f"Like the run: {name_without_member(run.name)}"
        options[f"{name} ({run.id})" if name in options else name] = run.id
    return options


def _source_chosen(options: Mapping[str, str]) -> None:
    chosen = options.get(widget_value("team-source"))
    # A name that no longer exists arrives unchanged: then nothing was chosen.
    if chosen is not None:
        key = "preset" if chosen in PRESETS else "template"
        update_query_params(**{**dict.fromkeys(TRAINING_PARAMS), key: chosen})


def _preset_source(preset: Preset) -> Source:
    draft = _draft_in_address(preset)
    variant = _pick_variant(preset) if preset.variants else None
    draft = with_variant(draft, variant)
    changes = changes_from_preset(draft, ignore=_SEED)
    if changes:
        with render_changes(changes):
            st.button(
                "As published",
                key="team-unchanged",
                type="tertiary",
                icon=":material/undo:",
                on_click=update_query_params,
                kwargs={"changes": None},
                help="Train members of the preset as it was published.",
            )
            packed = pack_changes(draft)
            params = {} if packed is None else {"changes": packed}
            link_to("train", "Change it in Set up", preset=draft.preset, **params)
    return Source(_valid_experiment(draft), run_name(preset.title, changes), preset, variant)


def _draft_in_address(preset: Preset) -> Draft:
    """Return the preset with the changes in the address."""
    packed = st.query_params.get("changes")
    if packed is None:
        return preset_draft(preset.name)
    try:
        return unpack_changes(preset.name, packed)
    except ExperimentInvalid as error:
        st.error(error_text(error), icon=":material/error:")
        return preset_draft(preset.name)


def _valid_experiment(draft: Draft) -> Experiment:
    train, test = library.image_counts(draft.dataset, draft.section("data")["variant"])
    assessment = assess(draft, train_images=train, test_images=test)
    if assessment.experiment is None:
        raise ExperimentInvalid(
            "This cannot be trained yet. {reasons} Correct it on the Train page.",
            reasons=" ".join(assessment.reasons),
        )
    return assessment.experiment


def _pick_variant(preset: Preset) -> PresetVariant | None:
    variants = {variant.name: variant for variant in preset.variants}
    titles = {_SEEDS: "A real ensemble: members from different seeds"}
    titles |= {variant.name: variant.title for variant in preset.variants}
    wanted = st.query_params.get("way", _SEEDS)
    if wanted not in titles:
        st.error(
            f"This preset cannot be trained as {quoted(wanted)}, so a real ensemble is set up.",
            icon=":material/error:",
        )
        wanted = _SEEDS
    st.radio(
        "How to train",
        list(titles),
        list(titles).index(wanted),
        format_func=titles.__getitem__,
        captions=[
            "Each member is trained by itself.",
            *(variant.text for variant in preset.variants),
        ],
        key=widget_key("team-way", wanted),
        on_change=_variant_chosen,
        args=(preset.name,),
    )
    return variants.get(wanted)


def _variant_chosen(preset: str) -> None:
    update_query_params(preset=preset, way=widget_value("team-way"))


def seeds_plan(experiment: Experiment, name: str, first: int, count: int) -> EnsemblePlan:
    """Return ``count`` members that differ in their seed."""
    experiments = experiments_with_seeds(experiment, first, count)
    names = (
        member_name(name, member.seed, number, count)
        for number, member in enumerate(experiments, 1)
    )
    return EnsemblePlan(experiments, tuple(names))


def variant_plan(
    experiment: Experiment, name: str, variant: PresetVariant, seed: int
) -> EnsemblePlan:
    """Return a run whose epochs vote; ``experiment`` is the variant's, on available data."""
    title = variant.title[:1].lower() + variant.title[1:]
    (seeded,) = experiments_with_seeds(experiment, seed, 1)
    return EnsemblePlan((seeded,), (f"{name}, {title}"[:100],), seeded.test_epochs)


def queue_plan(worker: Worker, plan: EnsemblePlan) -> tuple[Member, ...]:
    """Queue the runs as a series, which trains in one precision, and return the members.

    Either all runs are queued or, if one fails, none goes on. Raises what ``Worker.submit`` does.
    """
    submissions = [
        Submission(experiment, name, f"seed {experiment.seed}")
        for experiment, name in zip(plan.experiments, plan.names, strict=True)
    ]
    _series, runs = queue_series(worker, "ensemble", plan.names[0], submissions)
    if plan.epochs:
        return tuple(Member(runs[0], epoch) for epoch in plan.epochs)
    # A run that saves its best weights only has no others when it finishes.
    when: Checkpoint = "best" if plan.experiments[0].best_only else "last"
    return tuple(Member(run, when) for run in runs)
