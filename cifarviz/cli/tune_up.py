"""``cifarviz tune-up``: measure how this computer's processor is used best."""

from dataclasses import asdict

from cifarviz import processor
from cifarviz.cli.output import AsJson, print_json, print_message, print_table, progress_bar
from cifarviz.errors import TransitionRefused
from cifarviz.runs import locks
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import tune_up as tuning
from cifarviz.training.tune_up import TuneUpProgress


def tune_up(as_json: AsJson = False) -> None:
    """Time training steps for each sensible use of the processor, and keep the fastest.

    It takes up to a minute, and takes effect from the next start on.
    """
    settings = Settings.from_environment()
    store = RunStore(settings)
    if store.active():
        raise TransitionRefused(
            "A run is training, so that the times would be wrong. Stop it, or wait for its end, "
            "and tune up then."
        )
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
