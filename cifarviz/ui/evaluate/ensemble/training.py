"""Training an ensemble: which experiment, how many members, from which seeds; one click."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from cifarviz.data import library
from cifarviz.data.datasets import DATASETS
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.member_seeds import (
    FEWEST_MEMBERS,
    LARGEST_SEED,
    MOST_MEMBERS,
    common_name,
)
from cifarviz.experiment.presets import PRESETS, Preset, PresetVariant
from cifarviz.runs.machine import machine_name
from cifarviz.runs.records import Run
from cifarviz.training.estimate import estimate_epoch, recorded_speeds, work_of
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted, whole_number
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.ensemble.choices import families, listed
from cifarviz.ui.evaluate.ensemble.picker import choose
from cifarviz.ui.evaluate.ensemble.team import Team, queue_team, seeds_team, variant_team
from cifarviz.ui.followed_address import change, show
from cifarviz.ui.setup.estimate_words import basis, span
from cifarviz.ui.setup.stand_in import has_full_set, show_stand_in

_FIRST_PRESET = "cifar10-ensemble"
_OWN = ("preset", "template", "way", "count", "first")
_SEEDS = "seeds"


@dataclass(frozen=True)
class _Source:
    """An experiment to train members of: a preset, or that of a run."""

    experiment: Experiment
    name: str
    preset: Preset | None


def training_panel(runs: Sequence[Run], *, opened: bool) -> None:
    """Show the panel; the address holds what is set up in it, and then it is open."""
    named = any(name in st.query_params for name in _OWN)
    with (
        st.expander(
            "Train members from seeds of their own",
            expanded=opened or named,
            icon=":material/model_training:",
        ),
        errors_shown(),
    ):
        source = _pick_source(runs)
        variant = None
        if source.preset is not None and source.preset.variants:
            variant = _pick_way(source.preset)
        first, count = _pick_numbers(source, one_run=variant is not None)
        wanted = source.experiment if variant is None else variant.experiment
        experiment = _here(wanted)
        name = source.name if experiment == wanted else f"{source.name} · sample"
        team = (
            seeds_team(experiment, name, first, count)
            if variant is None
            else variant_team(experiment, name, variant, first)
        )
        _say(team, runs, variant)
        if experiment != wanted:
            show_stand_in()
        pressed = st.button(
            f"Train {count} members" if variant is None else "Train it",
            key="train-members",
            type="primary",
            icon=":material/play_arrow:",
            help="Queues them; they train one after another, and this page shows how far they are.",
        )
        if pressed:
            members = queue_team(cache.worker(), team)
            choose(members, **dict.fromkeys(_OWN))
            st.rerun()
        for note in source.preset.notes if source.preset is not None else ():
            st.caption(f":material/info: {escaped(note)}")


def _pick_source(runs: Sequence[Run]) -> _Source:
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
    show("team-source", wanted)
    st.selectbox(
        "Experiment",
        [*PRESETS, *templates],
        format_func=lambda one: (
            f"Preset: {PRESETS[one].title} ({one})"
            if one in PRESETS
            else f"Like the run: {common_name(templates[one].name)}"
        ),
        key="team-source",
        on_change=_source_chosen,
        help="What each member does; only the seed differs. For an experiment of your own, train "
        "one run of it on the Train page and choose it here.",
    )
    if wanted in PRESETS:
        preset = PRESETS[wanted]
        return _Source(preset.experiment, preset.title.partition(":")[0], preset)
    run = templates[wanted]
    return _Source(run.experiment, common_name(run.name), None)


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
    show("team-way", wanted)
    st.radio(
        "How",
        list(titles),
        format_func=titles.__getitem__,
        captions=["Each member learns by itself.", *(one.text for one in preset.variants)],
        key="team-way",
        on_change=lambda: change(preset=preset.name, way=state.get("team-way")),
    )
    return variants.get(wanted)


def _pick_numbers(source: _Source, *, one_run: bool) -> tuple[int, int]:
    """The first seed, and how many members there are."""
    preset = source.preset
    usual = preset.members if preset is not None and preset.members > 1 else 4
    left, right, _ = st.columns([1, 1, 3])
    count = usual
    if not one_run:
        with left:
            count = _number(
                "count",
                "Members",
                usual,
                (FEWEST_MEMBERS, MOST_MEMBERS),
                "How many networks vote; more gain less and less.",
            )
    with left if one_run else right:
        first = _number(
            "first",
            "Seed" if one_run else "First seed",
            1,
            (0, LARGEST_SEED - MOST_MEMBERS),
            "Decides everything random; the other members have the seeds that follow.",
        )
    return first, count


def _number(name: str, label: str, usual: int, bounds: tuple[int, int], hint: str) -> int:
    least, most = bounds
    text = st.query_params.get(name, str(usual))
    value = whole_number(text)
    if value is None or not least <= value <= most:
        st.error(
            f"{label}: a whole number from {least} to {most:,}, and {quoted(text)} came; {usual} "
            "is used.",
            icon=":material/error:",
        )
        value = usual
    key = f"team-{name}"
    show(key, value)
    st.number_input(
        label,
        least,
        most,
        key=key,
        help=hint,
        on_change=lambda: change(**{name: str(state.get(key))}),
    )
    return value


def _here(experiment: Experiment) -> Experiment:
    """``experiment`` on what can be trained on here in place of a full set that isn't."""
    data = experiment.data
    if data.variant != "full" or has_full_set(data.dataset):
        return experiment
    return Experiment.make(**{**dict(experiment), "data": {**dict(data), "variant": "sample"}})


def _say(team: Team, runs: Sequence[Run], variant: PresetVariant | None) -> None:
    """What one click will do and how long it takes; raises where it can't be done."""
    one = team.experiments[0]
    info = DATASETS[one.data.dataset]
    status = library.status(info.name, cache.settings())
    full = one.data.variant == "full"
    sizes = one.sizes(
        info.train_images if full else status.sample_train,
        info.test_images if full else status.sample_test,
    )
    seeds = [experiment.seed for experiment in team.experiments]
    epochs = "1 epoch" if one.epochs == 1 else f"{one.epochs} epochs"
    on = f"the {'full' if full else 'embedded sample of'} {info.title}"
    images = f"{sizes.train:,} training images"
    work = work_of(one, sizes.train, sizes.validation)
    estimate = estimate_epoch(work, recorded_speeds(runs, machine_name()))
    time = span(estimate, team.total_epochs)
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
    st.caption(basis(estimate, work.precision))


def _source_chosen() -> None:
    chosen = state.get("team-source")
    key = "preset" if chosen in PRESETS else "template"
    change(**{**dict.fromkeys(_OWN), key: chosen})
