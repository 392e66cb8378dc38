"""``cifarviz tune-up``: measure how this computer's processor is used best."""

from dataclasses import asdict
from typing import Annotated

import typer

from cifarviz import processor
from cifarviz.cli.output import AsJson, print_json, print_message, print_table, progress_bar
from cifarviz.cli.runs_at_once import PRESET, measure_runs_an_hour, sensible_numbers
from cifarviz.errors import TransitionRefused
from cifarviz.runs import locks
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import tune_up as tuning
from cifarviz.training.local_places import best_number, save_runs_an_hour
from cifarviz.training.tune_up import TuneUpProgress


def tune_up(
    runs_at_once: Annotated[
        bool,
        typer.Option(
            "--runs-at-once",
            help="Measure instead how many runs at once give the most runs an hour. "
            "CIFARVIZ_RUNS_AT_ONCE=auto trains so many.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Time training steps for each sensible use of the processor, and keep the fastest.

    It takes up to a minute, and takes effect from the next start on.
    """
    settings = Settings.from_environment()
    store = RunStore(settings)
    _check_idle(store)
    if runs_at_once:
        _tune_runs_at_once(store, as_json)
        return
    with progress_bar() as bar:
        task = bar.add_task("starting", total=None, rate="")

        def update(progress: TuneUpProgress) -> None:
            bar.update(
                task,
                description="timing",
                completed=progress.trial - 1,
                total=progress.trials,
                rate=progress.text,
            )

        def given_up() -> bool:
            return bool(store.active()) or locks.is_held(store.slot_path())

        tuned = tuning.tune_up(settings.home, update, given_up)
    if as_json:
        print_json({"processor": processor.machine_name(), **asdict(tuned)})
        return
    alone = tuning.tensorflow_alone(tuned)
    print_table(
        ["use of the processor", *(f"{name}, images/s" for name in tuning.PRESETS_TIMED)],
        [
            (
                ("TensorFlow by itself: " if trial is alone else "") + trial.use.describe(),
                *(f"{speed:,.0f}" for speed in trial.images_per_second.values()),
            )
            for trial in tuned.trials
        ],
    )
    print_message(tuning.describe(tuned))


def _check_idle(store: RunStore) -> None:
    if store.active():
        raise TransitionRefused(
            "A run is training, so that the times would be wrong. Stop it, or wait for its end, "
            "and tune up then."
        )


def _tune_runs_at_once(store: RunStore, as_json: bool) -> None:
    """Measure runs an hour for 1, 2, 4, … at once, and keep them."""
    numbers = sensible_numbers()
    with progress_bar() as bar:
        task = bar.add_task("training", total=1.0, rate="")

        def update(number: int, share: float) -> None:
            bar.update(task, completed=share, rate=f"{number} at once")

        rates = measure_runs_an_hour(store.settings, numbers, update)
    _check_idle(store)
    save_runs_an_hour(store.settings.home, rates)
    best = best_number(rates)
    if as_json:
        print_json(
            {"processor": processor.machine_name(), "runs_an_hour": rates, "runs_at_once": best}
        )
        return
    print_table(
        ["runs at once", f"runs an hour, {PRESET}", "against 1"],
        [(n, f"{rate:,.0f}", f"{rate / rates[1]:.2f}") for n, rate in rates.items()],
    )
    gain = "no more at once is quicker by 5% or more" if best == 1 else "the fewest near the best"
    print_message(
        f"Best for runs like these on this computer: {best} at once ({gain}). With "
        "CIFARVIZ_RUNS_AT_ONCE=auto so many train from the next start on."
    )
