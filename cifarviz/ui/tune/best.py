"""The best of some trials: its result and settings, and what to do with it."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.seed_spread import (
    SeedSpread,
    run_seed,
    runs_with_other_seeds,
    seed_spread,
)
from cifarviz.analysis.trials import Trial, Trials
from cifarviz.experiment.ensemble_members import MAX_SEED, experiments_with_seeds
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.study import Goal
from cifarviz.figures.trials.text import GOAL_TITLES, format_result, format_setting
from cifarviz.live.feeds import ACTIVE, active_mark
from cifarviz.live.items import Metric
from cifarviz.people.person import may_make
from cifarviz.runs.records import Run
from cifarviz.training.series_queue import Submission, queue_series
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_count
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import errors_as_toast
from cifarviz.ui.metrics import INTERVAL_HINT, format_interval, render_metrics
from cifarviz.ui.navigation import link_to
from cifarviz.ui.queueing import queue_once

OTHER_SEEDS = 3
_LONGEST_NAME = 80
_OPTIMISTIC = (
    "Of {count} trials, the best also had luck: it was chosen by the images that measure it. Train "
    "its settings with other seeds, and look at the test images once, at the end."
)


def render_best(trials: Trials, *, key: str, base: Experiment | None = None) -> None:
    """Show the best trial, its spread over seeds, and what can be done with it.

    ``base`` is the experiment that the trials were made of, to compare the best with.
    """
    best = trials.best
    if best is None:
        st.info(
            "No trial has a result yet. The best is shown here after the first validation.",
            icon=":material/hourglass_empty:",
        )
        return
    runs = cache.store().all()
    run = next((run for run in runs if run.id == best.run_id), None)
    others = [] if run is None else runs_with_other_seeds(run, runs)
    with st.container(border=True, key=f"{key}-best"):
        render_metrics(_metrics(trials, best, run, others), widths=(2, 3, 3))
        st.markdown(_describe(trials, best))
        if run is None:
            st.caption("Its run was deleted.")
        else:
            _render_actions(trials, run, others, key=key, base=base, runs=runs)
    if len(trials.finished) > 1:
        st.caption(_OPTIMISTIC.format(count=len(trials.finished)))


def _metrics(trials: Trials, best: Trial, run: Run | None, others: Sequence[Run]) -> list[Metric]:
    title = GOAL_TITLES[trials.goal]
    within = "" if trials.seconds is None else f" within {trials.seconds:,g} s"
    interval = ""
    if trials.goal == "accuracy" and best.value is not None and run and run.validation_images:
        interval = format_interval(best.value, run.validation_images)
    states = Counter(trial.state for trial in trials.trials)
    return [
        Metric(
            f"Best {title.lower()}{within}",
            format_result(best.value, trials.goal),
            f"The best after any epoch of any finished trial. {INTERVAL_HINT if interval else ''}",
            interval,
        ),
        _spread_metric(trials, others),
        Metric(
            "Trials",
            f"{len(trials.trials):,}",
            "A trial is a run with its own settings.",
            ", ".join(f"{count:,} {state}" for state, count in states.most_common()),
        ),
    ]


def _spread_metric(trials: Trials, others: Sequence[Run]) -> Metric:
    hint = (
        "The same settings, trained from other seeds: how much of the best result was luck. The "
        "mean, and below it the lowest and the highest."
    )
    histories = cache.store().histories([run.id for run in others])
    spread = seed_spread(others, histories, trials.goal, trials.seconds)
    active = sum(run.state.active for run in others)
    if spread is None:
        note = f"{format_count(active, 'run')} in training" if active else "not trained yet"
        return Metric("Same settings, other seeds", "–", hint, note)
    note = format_spread(spread, trials.goal)
    return Metric(
        "Same settings, other seeds",
        format_result(spread.mean, trials.goal),
        hint,
        f"{note}, {active} more in training" if active else note,
    )


def format_spread(spread: SeedSpread, goal: Goal) -> str:
    """Format ``70.9% to 71.9%, 3 runs``."""
    low, high = spread.range
    count = format_count(len(spread.values), "run")
    if len(spread.values) == 1:
        return count
    return f"{format_result(low, goal)} to {format_result(high, goal)}, {count}"


def _describe(trials: Trials, best: Trial) -> str:
    """Return the name and the settings of the best trial, Markdown."""
    settings = [
        f"{escaped(parameter.label)} **{escaped(format_setting(best.values.get(parameter.key)))}**"
        for parameter in trials.parameters
    ]
    head = f"Trial {best.number}, **{escaped(best.name)}**"
    if best.state != "finished":
        head += f" ({best.state})"
    return f"{head}: {' · '.join(settings)}" if settings else head


def _render_actions(
    trials: Trials,
    run: Run,
    others: Sequence[Run],
    *,
    key: str,
    base: Experiment | None,
    runs: Sequence[Run],
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-actions"):
        link_to("train", "Take as base on Train", ":material/tune:", view="setup", run=run.id)
        if may_make():
            st.button(
                f"Train with {OTHER_SEEDS} other seeds",
                key=f"{key}-seeds",
                icon=":material/casino:",
                help="Queues three runs with these settings and other seeds, to see how much of "
                "the result was luck.",
                disabled=any(other.state.active for other in others),
                on_click=_queue_seeds,
                args=(run, others),
            )
        link_to("train", "Open its run", ":material/show_chart:", view="watch", run=run.id)
        if others:
            ids = ",".join([run.id, *(other.id for other in others)])
            link_to("runs", "Compare its seeds", ":material/stacked_line_chart:", runs=ids)
        if base is not None:
            _render_base(base, run, runs, key=key)
    if any(other.state.active for other in others):
        active = cache.store().active()
        live_items({}, key=f"{key}-seeds-live", live=Live(ACTIVE, active_mark(active)))


def _render_base(base: Experiment, run: Run, runs: Sequence[Run], *, key: str) -> None:
    """Show a link to the curves of the base and of ``run``, or a button that trains the base."""
    text = base.to_json()
    if run.experiment_json == text:
        st.caption("The best has the settings of the base.")
        return
    trained = next((other for other in runs if other.experiment_json == text), None)
    if trained is not None:
        ids = f"{trained.id},{run.id}"
        link_to("runs", "Compare with the base", ":material/difference:", runs=ids)
        return
    st.button(
        "Train the base, to compare",
        key=f"{key}-base",
        icon=":material/difference:",
        help="Queues the experiment that the trials were made of.",
        on_click=_queue_base,
        args=(base,),
    )


def _queue_seeds(run: Run, others: Sequence[Run]) -> None:
    taken = {run_seed(run), *map(run_seed, others)}
    first = max(taken) + 1
    if first + OTHER_SEEDS > MAX_SEED:
        first = next(seed for seed in range(MAX_SEED) if _are_free(seed, taken))
    with errors_as_toast():
        experiments = experiments_with_seeds(run.experiment, first, OTHER_SEEDS)
        name = run.name[:_LONGEST_NAME]
        submissions = [
            Submission(experiment, f"{name}, seed {experiment.seed}", f"seed {experiment.seed}")
            for experiment in experiments
        ]
        worker = cache.worker()
        queue_once(
            ("seeds", tuple(experiment.to_json() for experiment in experiments)),
            lambda: queue_series(worker, "seeds", f"{name}: other seeds", submissions),
            lambda queued: [each.id for each in queued[1]],
        )


def _are_free(first: int, taken: set[int]) -> bool:
    return taken.isdisjoint(range(first, first + OTHER_SEEDS))


def _queue_base(base: Experiment) -> None:
    with errors_as_toast():
        worker = cache.worker()
        queue_once(
            ("base", base.to_json()),
            lambda: worker.submit(base, "Base of a study"),
            lambda queued: [queued.id],
        )
