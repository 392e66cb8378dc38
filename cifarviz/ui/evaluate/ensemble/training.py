"""Training an ensemble: which experiment, how many members, from which seeds; one click."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.registry import find
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.member_seeds import (
    FEWEST_MEMBERS,
    LARGEST_SEED,
    MOST_MEMBERS,
)
from cifarviz.experiment.presets import PresetVariant
from cifarviz.runs.machine import machine_name
from cifarviz.runs.records import Run
from cifarviz.training.estimate import estimate_epoch, recorded_speeds, work_of
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.ensemble.choices import listed
from cifarviz.ui.evaluate.ensemble.picker import choose
from cifarviz.ui.evaluate.ensemble.source import OWN, Source, pick_source
from cifarviz.ui.evaluate.ensemble.team import Team, queue_team, seeds_team, variant_team
from cifarviz.ui.query import render_number
from cifarviz.ui.queue_once import queue_once
from cifarviz.ui.setup.estimate_words import basis, span
from cifarviz.ui.setup.stand_in import show_stand_in, variant_at_hand


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
            show_stand_in()
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
                (FEWEST_MEMBERS, MOST_MEMBERS),
                "How many networks vote; more gain less and less.",
                key="team-count",
            )
    with left if one_run else right:
        first = render_number(
            "first",
            "Seed" if one_run else "First seed",
            _usual_seed(source),
            (0, LARGEST_SEED - MOST_MEMBERS),
            "Decides everything random; the other members have the seeds that follow.",
            key="team-first",
        )
    return first, count


def _usual_seed(source: Source) -> int:
    """1, or the seed that somebody has given the preset."""
    preset, seed = source.preset, source.experiment.seed
    changed = preset is not None and seed != preset.experiment.seed
    return seed if changed and seed <= LARGEST_SEED - MOST_MEMBERS else 1


def _here(experiment: Experiment) -> Experiment:
    """``experiment`` on what can be trained on here in place of a full set that isn't."""
    data = experiment.data
    variant = variant_at_hand(data.dataset, data.variant)
    if variant == data.variant:
        return experiment
    return Experiment.make(**{**dict(experiment), "data": {**dict(data), "variant": variant}})


def _say(team: Team, runs: Sequence[Run], variant: PresetVariant | None) -> None:
    """What one click will do and how long it takes; raises where it can't be done."""
    one = team.experiments[0]
    info = find(one.data.dataset)
    full = one.data.variant == "full"
    sizes = one.sizes(*library.image_counts(info, one.data.variant))
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
