"""The ``tune`` commands: search for good settings of a preset."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cifarviz.cli.experiment_options import (
    Augment,
    Balance,
    BatchSize,
    DatasetName,
    DataVariant,
    Epochs,
    Precision,
    PresetName,
    Seed,
    TrainImages,
    UsedPrecision,
    ValidatedOn,
    make_experiment,
)
from cifarviz.cli.output import AsJson, print_json, print_message, print_table
from cifarviz.cli.signals import exit_in_time
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import TestValidation
from cifarviz.experiment.parameter_text import parse_parameter
from cifarviz.experiment.parameters import plain_setting
from cifarviz.experiment.study import Study
from cifarviz.experiment.tunables import describe_settings
from cifarviz.installation import program_name
from cifarviz.runs.run_headline import format_duration
from cifarviz.runs.store import RunStore
from cifarviz.runs.studies import (
    StoredTrial,
    StudyRecord,
    all_studies,
    find_study,
    get_study,
    is_searching,
    stored_trials,
)
from cifarviz.runs.trial_values import best_trial, study_value, trial_state
from cifarviz.settings import Settings
from cifarviz.training.study_driver import (
    Studies,
    stop_study,
)


class Sampler(StrEnum):
    """How the settings of the next trial are chosen."""

    TPE = "tpe"
    RANDOM = "random"
    GRID = "grid"


class Pruner(StrEnum):
    """Which trials end early."""

    MEDIAN = "median"
    HALVING = "halving"
    NONE = "none"


class Goal(StrEnum):
    """What a study is to reach."""

    ACCURACY = "accuracy"
    LOSS = "loss"


class _StartsByDefault(TyperGroup):
    """A group whose command ``start`` need not be named: ``tune cifar10-starter``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["start", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_StartsByDefault,
    help="Search for good settings of a preset: tune PRESET --param …, or a command below.",
    no_args_is_help=True,
)


@app.command()
def start(
    preset: PresetName,
    param: Annotated[
        list[str],
        typer.Option(
            help="A value to vary: learning_rate=log:1e-4:1e-1, dropout=range:0:0.5, "
            "batch_size=16,32,64, width=0.5,1,2. May be given several times."
        ),
    ],
    trials: Annotated[int, typer.Option(help="How many runs to train.")] = 20,
    minutes: Annotated[float | None, typer.Option(help="End after so many minutes.")] = None,
    sampler: Annotated[Sampler, typer.Option(help="How settings are chosen.")] = Sampler.TPE,
    pruner: Annotated[Pruner, typer.Option(help="Which trials end early.")] = Pruner.MEDIAN,
    goal: Annotated[Goal, typer.Option(help="The best validation …")] = Goal.ACCURACY,
    within_seconds: Annotated[
        float | None,
        typer.Option(help="Count only epochs within this training time, and stop trials then."),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(help="Trials queued or training at once. Default: as many as can train."),
    ] = None,
    search_seed: Annotated[int, typer.Option(help="The seed of the search.")] = 0,
    dataset: DatasetName = None,
    data: DataVariant = None,
    epochs: Epochs = None,
    train_images: TrainImages = None,
    class_balance: Balance = None,
    validation: ValidatedOn = None,
    augment: Augment = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    precision: UsedPrecision = Precision.AUTO,
    name: Annotated[str | None, typer.Option(help="The study's name.")] = None,
    as_json: AsJson = False,
) -> int:
    """Train a preset again and again with other settings, and print the best.

    Ctrl-C stops the study, which can be resumed.
    """
    settings = Settings.from_environment()
    base = make_experiment(
        preset,
        settings,
        dataset=dataset,
        data=data,
        epochs=epochs,
        train_images=train_images,
        class_balance=class_balance,
        validation=validation,
        augment=augment,
        batch_size=batch_size,
        seed=seed,
        precision=precision,
    )
    worker = Worker(settings, "command line")
    study = Study.make(
        base=base,
        parameters=[parse_parameter(base, text).model_dump() for text in param],
        goal=str(goal),
        within_seconds=within_seconds,
        sampler=str(sampler),
        pruner=str(pruner),
        trials=trials,
        minutes=minutes,
        at_once=worker.places if at_once is None else at_once,
        seed=search_seed,
    )
    studies = Studies(worker)
    record = studies.start(study, name or f"{preset} study")
    return _watch(worker, studies, record, as_json)


@app.command()
def resume(
    study: Annotated[str, typer.Argument(help="A study's id or the start of it.")],
    more_trials: Annotated[
        int, typer.Option(help="So many trials more than it has had so far.")
    ] = 0,
    as_json: AsJson = False,
) -> int:
    """Go on with a study that was stopped, interrupted or finished."""
    worker = Worker(Settings.from_environment(), "command line")
    studies = Studies(worker)
    record = studies.resume(find_study(worker.store, study).id, more_trials=more_trials)
    return _watch(worker, studies, record, as_json)


@app.command("list")
def list_studies(as_json: AsJson = False) -> None:
    """List the studies, the newest first."""
    store = RunStore(Settings.from_environment())
    found = [_study_dict(store, record) for record in all_studies(store)]
    if as_json:
        print_json(found)
        return
    print_table(
        ["study", "name", "state", "trials", "best"],
        [
            (
                one["study"],
                one["title"],
                one["state"],
                len(one["trials"]),
                "–" if one["best"] is None else f"{one['best']['value']:.4f}",
            )
            for one in found
        ],
    )


@app.command()
def stop(study: Annotated[str, typer.Argument(help="A study's id or the start of it.")]) -> None:
    """Stop a study and its trials, also one that the dashboard started."""
    settings = Settings.from_environment()
    store = RunStore(settings)
    record = find_study(store, study)
    if record.state != "open":
        print_message(f"Study {record.id} ({record.title}) has ended already.")
        return
    stop_study(store, record.id)
    print_message(f"Stopped study {record.id} ({record.title}).")


def _watch(worker: Worker, studies: Studies, record: StudyRecord, as_json: bool) -> int:
    """Print each trial that ends until the study is over; Ctrl-C stops it."""
    print_message(f"Study {record.id} ({record.title})")
    printed: set[int] = set()
    is_over = False
    while not is_over:
        try:
            is_over = studies.wait(record.id, seconds=0.5)
        except KeyboardInterrupt:
            print_message("Stopping the study; its trials keep their weights.")
            exit_in_time("That took too long: resume the study, and its trials go on.")
            stop_study(worker.store, record.id)
        for trial in stored_trials(worker.store, record.id):
            if trial.number not in printed and not trial.run.state.active:
                printed.add(trial.number)
                print_message(_trial_line(record.study, trial))
    found = _study_dict(worker.store, get_study(worker.store, record.id))
    if as_json:
        print_json(found)
    ended = get_study(worker.store, record.id)
    print_message(f"{ended.message or ended.state} {format_duration(ended.seconds)}.")
    if (best := found["best"]) is not None:
        settings = describe_settings(record.study.base, best["params"])
        print_message(f"Best: {record.study.goal} {best['value']:.4f} with {settings}.")
        print_message(
            "It was chosen as the best of several on these validation images, so this value is "
            "optimistic."
        )
        if not isinstance(record.study.base.validation, TestValidation):
            command = f"{program_name()} evaluate {best['run']}"
            print_message(f"Ask the test images once: {command}")
    return 1 if ended.state == "stopped" and best is None else 0


def _trial_line(study: Study, trial: StoredTrial) -> str:
    value = study_value(study, trial.epochs)
    values = ", ".join(f"{key} {plain_setting(one)}" for key, one in trial.settings.items())
    shown = "no value" if value is None else f"{study.goal} {value:.4f}"
    state = trial_state(study, trial)
    after = f" after epoch {trial.pruned_after}" if state == "pruned" else ""
    return f"trial {trial.number} ({trial.run.id}): {values}: {shown}, {state}{after}"


def _study_dict(store: RunStore, record: StudyRecord) -> dict[str, Any]:
    """Return a study as ``--json`` prints it."""
    study = record.study
    stored = stored_trials(store, record.id)
    best = best_trial(study, stored)
    state: str = record.state
    if state == "open":
        state = "searching" if is_searching(store, record.id) else "interrupted"
    return {
        "study": record.id,
        "title": record.title,
        "state": state,
        "message": record.message,
        "trials": [_trial_dict(study, trial) for trial in stored],
        "best": None if best is None else _trial_dict(study, best),
    }


def _trial_dict(study: Study, trial: StoredTrial) -> dict[str, Any]:
    return {
        "run": trial.run.id,
        "params": dict(trial.settings),
        "value": study_value(study, trial.epochs),
        "state": trial_state(study, trial),
    }
