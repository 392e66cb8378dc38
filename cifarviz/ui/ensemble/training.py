"""Training the members of an ensemble."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.data import library
from cifarviz.datasets.registry import find
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
from cifarviz.runs.machine import machine_name
from cifarviz.runs.records import Run
from cifarviz.training.estimate import epoch_work, estimate_epoch, recorded_speeds
from cifarviz.training.series_queue import Submission, queue_series
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.ensemble.members import choose, families, listed
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import link_to
from cifarviz.ui.published import render_changes
from cifarviz.ui.query import render_number, update_query_params, widget_key, widget_value
from cifarviz.ui.queueing import format_duration_range, format_estimate_basis, queue_once
from cifarviz.ui.streamlit_patches import uninterruptible
from cifarviz.ui.train.fields import available_variant, render_sample_notice

OWN = ("preset", "changes", "template", "way", "count", "first")
"""What in the address sets up members to train, and nothing else."""
_FIRST_PRESET = "cifar10-ensemble"
_SEEDS = "seeds"

# Members differ in it in any case.
_SEED = ("seed",)


@dataclass(frozen=True)
class Source:
    """An experiment to train members of, and what its members are called.

    ``preset``: the one it is, or is a changed form of, and ``variant`` the way of it.
    """

    experiment: Experiment
    name: str
    preset: Preset | None = None
    variant: PresetVariant | None = None


@dataclass(frozen=True)
class EnsemblePlan:
    """``experiments`` with a name each; ``epochs``: of its one run, those whose answers vote."""

    experiments: tuple[Experiment, ...]
    names: tuple[str, ...]
    epochs: tuple[int, ...] = ()

    @property
    def total_epochs(self) -> int:
        """Of all its runs together."""
        return sum(one.epochs for one in self.experiments)


def training_panel(runs: Sequence[Run], *, opened: bool) -> None:
    """Show the panel; the address holds what is set up in it, and then it is open."""
    named = any(name in st.query_params for name in OWN)
    with (
        st.expander(
            "Train members from seeds of their own",
            expanded=opened or named,
            icon=":material/model_training:",
        ),
        errors_shown(),
    ):
        source = pick_source(runs)
        variant, wanted = source.variant, source.experiment
        first, count = _pick_numbers(source)
        experiment = _here(wanted)
        name = source.name if experiment == wanted else f"{source.name} · sample"
        team = (
            seeds_team(experiment, name, first, count)
            if variant is None
            else variant_team(experiment, name, variant, first)
        )
        _say(team, runs, variant)
        if experiment != wanted:
            render_sample_notice()
        pressed = st.button(
            f"Train {count} members" if variant is None else "Train it",
            key="train-members",
            type="primary",
            icon=":material/play_arrow:",
            help="Queues them; they train one after another, and this page shows how far they are.",
        )
        if pressed:
            worker = cache.worker()
            members = queue_once(
                ("team", team.names, tuple(one.to_json() for one in team.experiments)),
                lambda: queue_team(worker, team),
                lambda made: [one.run.id for one in made],
            )
            choose(members, **dict.fromkeys(OWN))
            st.rerun()
        for note in source.preset.notes if source.preset is not None else ():
            st.caption(f":material/info: {escaped(note)}")


def _pick_numbers(source: Source) -> tuple[int, int]:
    """The first seed, and how many members there are."""
    preset, one_run = source.preset, source.variant is not None
    usual = preset.members if preset is not None and preset.members > 1 else 4
    left, right, _ = st.columns([1, 1, 3])
    count = usual
    if not one_run:
        with left:
            count = render_number(
                "count",
                "Members",
                usual,
                (MIN_MEMBERS, MAX_MEMBERS),
                "How many networks vote; more gain less and less.",
                key="team-count",
            )
    with left if one_run else right:
        first = render_number(
            "first",
            "Seed" if one_run else "First seed",
            _usual_seed(source),
            (0, MAX_SEED - MAX_MEMBERS),
            "Decides everything random; the other members have the seeds that follow.",
            key="team-first",
        )
    return first, count


def _usual_seed(source: Source) -> int:
    """1, or the seed that somebody has given the preset."""
    preset, seed = source.preset, source.experiment.seed
    changed = preset is not None and seed != preset.experiment.seed
    return seed if changed and seed <= MAX_SEED - MAX_MEMBERS else 1


def _here(experiment: Experiment) -> Experiment:
    """``experiment`` on what can be trained on here in place of a full set that isn't."""
    data = experiment.data
    variant = available_variant(data.dataset, data.variant)
    if variant == data.variant:
        return experiment
    return Experiment.make(**{**dict(experiment), "data": {**dict(data), "variant": variant}})


def _say(team: EnsemblePlan, runs: Sequence[Run], variant: PresetVariant | None) -> None:
    """What one click will do and how long it takes; raises where it can't be done."""
    one = team.experiments[0]
    info = find(one.data.dataset)
    full = one.data.variant == "full"
    sizes = one.sizes(*library.image_counts(info, one.data.variant))
    seeds = [experiment.seed for experiment in team.experiments]
    epochs = "1 epoch" if one.epochs == 1 else f"{one.epochs} epochs"
    on = f"the {'full' if full else 'embedded sample of'} {info.title}"
    images = f"{sizes.train:,} training images"
    work = epoch_work(one, sizes.train, sizes.validation)
    estimate = estimate_epoch(work, recorded_speeds(runs, machine_name()))
    time = format_duration_range(estimate, team.total_epochs)
    if variant is None:
        what = (
            f"Trains {len(seeds)} networks one after another, {epochs} each, on {on} ({images}), "
            f"from the seeds {listed(seeds)}"
        )
    else:
        what = (
            f"Trains one network for {epochs} on {on} ({images}), from seed {seeds[0]}, and keeps "
            f"its answers after the epochs {listed(team.epochs)}"
        )
    st.markdown(f"{what}: **{time} in all**.")
    st.caption(format_estimate_basis(estimate, work.precision))


def pick_source(runs: Sequence[Run]) -> Source:
    """Show the menus; raises ``ExperimentInvalid`` where what was changed can't be trained."""
    templates = {run.id: run for run in families(runs)}
    wanted = st.query_params.get("template") or st.query_params.get("preset", _FIRST_PRESET)
    extra = next((run for run in runs if run.id == wanted), None)
    if extra is not None:
        templates.setdefault(extra.id, extra)
    if wanted not in PRESETS and wanted not in templates:
        st.error(
            f"There is no preset or run {quoted(wanted)} to train members of, so the preset "
            f"{_FIRST_PRESET} is shown.",
            icon=":material/error:",
        )
        wanted = _FIRST_PRESET
    # Names, not ids: the browser sends names, and after a training one stands for a newer run.
    options = _options(templates.values())
    chosen = next(name for name, one in options.items() if one == wanted)
    st.selectbox(
        "Experiment",
        list(options),
        list(options).index(chosen),
        key=widget_key("team-source", chosen),
        on_change=uninterruptible(_source_chosen),
        args=(options,),
        help="What each member does; only the seed differs. For an experiment of your own, change "
        "a preset on the Train page and come back from there, or train one run of it and choose "
        "it here.",
    )
    if wanted in PRESETS:
        return _of_preset(PRESETS[wanted])
    run = templates[wanted]
    return Source(run.experiment, name_without_member(run.name))


def _options(runs: Iterable[Run]) -> dict[str, str]:
    """Presets and runs by what the menu calls them, different for each."""
    options = {f"Preset: {preset.title} ({name})": name for name, preset in PRESETS.items()}
    for run in runs:
        name = f"Like the run: {name_without_member(run.name)}"
        options[f"{name} ({run.id})" if name in options else name] = run.id
    return options


def _of_preset(preset: Preset) -> Source:
    mine = _changed_draft(preset)
    variant = _pick_way(preset) if preset.variants else None
    mine = with_variant(mine, variant)
    made = changes_from_preset(mine, ignore=_SEED)
    if made:
        with render_changes(made):
            st.button(
                "As published",
                key="team-unchanged",
                type="tertiary",
                icon=":material/undo:",
                on_click=uninterruptible(update_query_params),
                kwargs={"changes": None},
                help="Train members of the preset as it was published.",
            )
            _link_to_setup(mine)
    name = run_name(preset.title, made)
    return Source(_trainable(mine), name, preset, variant)


def _changed_draft(preset: Preset) -> Draft:
    """The preset with what the address has changed in it."""
    packed = st.query_params.get("changes")
    if packed is None:
        return preset_draft(preset.name)
    try:
        return unpack_changes(preset.name, packed)
    except ExperimentInvalid as error:
        st.error(escaped(str(error)), icon=":material/error:")
        return preset_draft(preset.name)


def _trainable(mine: Draft) -> Experiment:
    train_images, test_images = library.image_counts(mine.dataset, mine.section("data")["variant"])
    assessment = assess(mine, train_images=train_images, test_images=test_images)
    if assessment.experiment is None:
        raise ExperimentInvalid(
            "This cannot be trained yet. {reasons} Put it right on the Train page.",
            reasons=" ".join(assessment.reasons),
        )
    return assessment.experiment


def _link_to_setup(mine: Draft) -> None:
    packed = pack_changes(mine)
    changes = {} if packed is None else {"changes": packed}
    link_to("train", "Change it in Set up", preset=mine.preset, **changes)


def _pick_way(preset: Preset) -> PresetVariant | None:
    titles = {_SEEDS: "A real ensemble: members from seeds of their own"}
    variants = {one.name: one for one in preset.variants}
    titles |= {one.name: one.title for one in preset.variants}
    wanted = st.query_params.get("way", _SEEDS)
    if wanted not in titles:
        st.error(
            f"{quoted(wanted)} is no way to train this preset, so a real ensemble is set up.",
            icon=":material/error:",
        )
        wanted = _SEEDS
    st.radio(
        "How",
        list(titles),
        list(titles).index(wanted),
        format_func=titles.__getitem__,
        captions=["Each member learns by itself.", *(one.text for one in preset.variants)],
        key=widget_key("team-way", wanted),
        on_change=uninterruptible(_way_chosen),
        args=(preset.name,),
    )
    return variants.get(wanted)


def _way_chosen(preset: str) -> None:
    update_query_params(preset=preset, way=widget_value("team-way"))


def _source_chosen(options: Mapping[str, str]) -> None:
    chosen = options.get(widget_value("team-source"))
    # A name that is none any more comes as it is, and nobody chose it.
    if chosen is not None:
        key = "preset" if chosen in PRESETS else "template"
        update_query_params(**{**dict.fromkeys(OWN), key: chosen})


def seeds_team(experiment: Experiment, name: str, first: int, count: int) -> EnsemblePlan:
    """``count`` members that differ in their seed."""
    made = experiments_with_seeds(experiment, first, count)
    names = (member_name(name, one.seed, at, count) for at, one in enumerate(made, 1))
    return EnsemblePlan(made, tuple(names))


def variant_team(
    experiment: Experiment, name: str, variant: PresetVariant, seed: int
) -> EnsemblePlan:
    """One run whose epochs vote: ``experiment`` is the variant's, on the data that are here."""
    title = variant.title[:1].lower() + variant.title[1:]
    (seeded,) = experiments_with_seeds(experiment, seed, 1)
    return EnsemblePlan((seeded,), (f"{name}, {title}"[:100],), seeded.test_epochs)


def queue_team(worker: Worker, team: EnsemblePlan) -> tuple[Member, ...]:
    """Queue the runs; all of them or, whatever goes wrong with one, none that goes on.

    As a series, so that all train in one precision. Raises what ``Worker.submit`` does.
    """
    submissions = [
        Submission(experiment, name, f"seed {experiment.seed}")
        for experiment, name in zip(team.experiments, team.names, strict=True)
    ]
    _series, runs = queue_series(worker, "ensemble", team.names[0], submissions)
    return _members(runs, team)


def _members(runs: Sequence[Run], team: EnsemblePlan) -> tuple[Member, ...]:
    if team.epochs:
        return tuple(Member(runs[0], epoch) for epoch in team.epochs)
    # Of a run that keeps its best weights only, these are what is left when it finishes.
    when: Checkpoint = "best" if team.experiments[0].best_only else "last"
    return tuple(Member(run, when) for run in runs)
