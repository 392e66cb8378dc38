"""The ``presets``, ``train`` and ``resume`` commands."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from cifarviz.analysis.overfitting import VERDICT_LABELS, judge_run
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
from cifarviz.cli.output import AsJson, print_json, print_message, print_table, progress_bar
from cifarviz.cli.signals import exit_in_time
from cifarviz.cli.values import preset_dict, result_dict
from cifarviz.errors import ExperimentInvalid
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.transfer import layers_before_head
from cifarviz.runs.curation import validate_name
from cifarviz.runs.earlier_losses import earlier_losses
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import format_duration, headline
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings


def presets(as_json: AsJson = False) -> None:
    """List the presets; with --json in full detail, layer by layer."""
    if as_json:
        print_json([preset_dict(preset) for preset in PRESETS.values()])
        return
    print_table(
        ["preset", "data set", "parameters", "layers", "title"],
        [
            (
                preset.name,
                preset.experiment.data.dataset,
                preset.experiment.architecture.parameters,
                preset.experiment.architecture.layer_count,
                preset.title,
            )
            for preset in PRESETS.values()
        ],
    )


def train(
    preset: PresetName,
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
    start_from: Annotated[
        str | None,
        typer.Option(
            help="A run's id or the start of it: the first layers start with the weights of its "
            "best epoch."
        ),
    ] = None,
    start_layers: Annotated[
        int | None,
        typer.Option(
            help="With --start-from: how many of the first layers. Default: all that work on maps."
        ),
    ] = None,
    freeze: Annotated[
        int | None,
        typer.Option(help="Freeze the first K layers: training leaves them as they are."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The run's name. Default: the preset's.")] = None,
    give_way: Annotated[
        bool,
        typer.Option(
            "--give-way",
            help="Let shorter runs of a class go first: this run pauses for the next one in the "
            "queue, and then goes on exactly where it was.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Train a preset and print its history; Ctrl-C stops it and saves the weights."""
    run_name = validate_name(preset if name is None else name)
    settings = Settings.from_environment()
    experiment = make_experiment(
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
    weights = _starting_weights(worker, experiment, start_from, start_layers, freeze)
    experiment = Experiment.make(**{**dict(experiment), **weights})
    run = worker.submit(experiment, run_name, gives_way=give_way)
    return print_result(worker, watch(worker, run), as_json)


def _starting_weights(
    worker: Worker,
    experiment: Experiment,
    start_from: str | None,
    start_layers: int | None,
    freeze: int | None,
) -> dict[str, Any]:
    """Return the fields of an experiment whose first layers start with a run's weights."""
    fields: dict[str, Any] = {}
    network = experiment.architecture
    if freeze is not None:
        fields["architecture"] = network.with_frozen(freeze)
    if start_from is not None:
        source = worker.store.find(start_from)
        layers = layers_before_head(network.trace()) if start_layers is None else start_layers
        fields["transfer"] = {"run": source.id, "layers": layers}
        print_message(
            f"The first {layers} of {len(network.layers)} layers start with the weights of "
            f"{source.name} ({source.id}); the others start fresh."
        )
    elif start_layers is not None:
        raise ExperimentInvalid(
            "--start-layers says how many layers start with a run's weights: name the run with "
            "--start-from."
        )
    return fields


def resume(
    run: Annotated[str, typer.Argument(help="A run's id or the start of it.")],
    as_json: AsJson = False,
) -> int:
    """Resume a stopped, failed or interrupted run from its last checkpoint.

    Also starts a queued run whose process has ended.
    """
    worker = Worker(Settings.from_environment(), "command line")
    selected = worker.store.find(run)
    return print_result(worker, watch(worker, worker.resume(selected.id)), as_json)


def watch(worker: Worker, run: Run) -> Run:
    """Print a run's progress on standard error until it ends; Ctrl-C stops it."""
    print_message(f"Run {run.id} ({run.name})")
    with progress_bar() as bar:
        task = bar.add_task("waiting", total=None, rate="")
        epoch_lines = _EpochLines(worker.store, run.id)
        while True:
            try:
                run = worker.wait(run.id, seconds=0.5)
                _update_progress(worker.store, run, partial(bar.update, task))
                epoch_lines.print_new()
            except KeyboardInterrupt:
                print_message("Stopping; the weights are saved.")
                exit_in_time("That took too long: resume the run from its last finished epoch.")
                worker.store.request(run.id, Action.STOP)
            if not run.state.active:
                return run


def print_result(worker: Worker, run: Run, as_json: bool) -> int:
    """Print the result of a run and return the exit code."""
    if run.precision_reason is not None:
        print_message(f"Precision: {run.precision_reason}")
    epochs = worker.store.epochs(run.id)
    if as_json:
        print_json(result_dict(run, epochs))
    else:
        print_message(f"Run {run.id} is {run.state} after {format_duration(run.seconds)} at work.")
        if best := headline(run):
            print_message(f"Best: {best}.")
        if epochs:
            fit = judge_run(run, epochs)
            print_message(f"Verdict: {VERDICT_LABELS[fit.verdict]}. {fit.reason}")
    earlier = earlier_losses(run)
    for message in (run.message, run.note, earlier and f"Losses: {earlier.label}."):
        if message:
            print_message(message)
    return 1 if run.state is RunState.FAILED else 0


class _EpochLines:
    """Prints each finished epoch once."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self._store, self._run_id, self._printed = store, run_id, 0

    def print_new(self) -> None:
        for epoch in self._store.epochs(self._run_id)[self._printed :]:
            self._printed += 1
            line = f"epoch {epoch.epoch}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}"
            if epoch.val_loss is not None and epoch.val_accuracy is not None:
                line += f", validation loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.4f}"
            print_message(f"{line} ({epoch.seconds:.1f} s)")


def _update_progress(store: RunStore, run: Run, update: Callable[..., None]) -> None:
    if run.state is RunState.QUEUED:
        active = [other for other in store.active() if not other.orphaned]
        ids = [other.id for other in active]
        ahead = active[: ids.index(run.id)] if run.id in ids else []
        update(description=f"waiting for {ahead[0].name} ({ahead[0].id})" if ahead else "waiting")
    elif run.progress is not None and run.progress.steps_per_epoch:
        rate = run.progress.images_per_second
        update(
            description=f"{run.state}, epoch {run.progress.epoch}",
            completed=run.progress.step,
            total=run.progress.steps_per_epoch * run.experiment.epochs,
            rate=f"{rate:,.0f} images/s" if rate else "",
        )
