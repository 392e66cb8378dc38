"""``presets``, ``train`` and ``resume``."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer

from cifarviz.cli.data import DatasetName
from cifarviz.cli.output import AsJson, print_json, print_table, progress_bar, say
from cifarviz.cli.values import preset_dict, result_dict
from cifarviz.data.library import available_variants
from cifarviz.executors.worker import Worker
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS, find_preset, patience_exceeds
from cifarviz.installation import program_name
from cifarviz.runs.curation import checked_name
from cifarviz.runs.earlier_losses import earlier_losses
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings


class Variant(StrEnum):
    """How much of a data set."""

    SAMPLE = "sample"
    FULL = "full"


class Precision(StrEnum):
    """How exactly to calculate."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def presets(as_json: AsJson = False) -> None:
    """List the experiments to start from; with --json all about them, layer by layer."""
    if as_json:
        print_json([preset_dict(preset) for preset in PRESETS.values()])
        return
    print_table(
        ["preset", "data set", "parameters", "layers", "what it is"],
        [
            (
                preset.name,
                preset.experiment.data.dataset,
                preset.experiment.architecture.parameters,
                len(preset.experiment.architecture.layers),
                preset.title,
            )
            for preset in PRESETS.values()
        ],
    )


def train(
    preset: Annotated[str, typer.Argument(help="A name that the presets command lists.")],
    dataset: Annotated[
        DatasetName | None,
        typer.Option(help="Default: the preset's; for another the network is fitted to it."),
    ] = None,
    data: Annotated[
        Variant | None,
        typer.Option(help="Default: the full set if it is on this machine, else the sample."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Default: as published.")] = None,
    train_images: Annotated[
        int | None, typer.Option(help="Train on this many images only, counted after the split.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Default: as published.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides everything random.")] = None,
    precision: Annotated[Precision, typer.Option()] = Precision.AUTO,
    name: Annotated[
        str | None, typer.Option(help="What the run is called. Default: as the preset.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Train a preset and print its history; Ctrl-C stops it and keeps what was learned."""
    experiment = find_preset(preset).experiment
    run_name = checked_name(preset if name is None else name)
    settings = Settings.from_environment()
    if dataset is not None:
        experiment = fit_experiment(experiment, str(dataset))
    variant = data or _best_variant(experiment.data.dataset, settings)
    changed: dict[str, Any] = {
        "data": {**dict(experiment.data), "variant": str(variant), "train_images": train_images},
        "precision": str(precision),
    }
    given = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    changed |= {name: value for name, value in given.items() if value is not None}
    if epochs is not None and patience_exceeds(experiment, epochs):
        length = "1 epoch" if epochs == 1 else f"{epochs} epochs"
        assert experiment.early_stopping is not None
        patience = experiment.early_stopping.patience
        say(
            f"Early stopping is left out: with a patience of {patience} it could never stop a run "
            f"of {length}."
        )
        changed["early_stopping"] = None
    experiment = Experiment.make(**{**dict(experiment), **changed})
    worker = Worker(settings, "command line")
    run = worker.submit(experiment, run_name)
    return print_result(worker, watch(worker, run), as_json)


def resume(
    run: Annotated[str, typer.Argument(help="A run's id, or the beginning of it.")],
    as_json: AsJson = False,
) -> int:
    """Go on with a stopped, failed or interrupted run from its last checkpoint.

    Also takes up a queued run that no process looks after.
    """
    worker = Worker(Settings.from_environment(), "command line")
    found = worker.store.find(run)
    return print_result(worker, watch(worker, worker.resume(found.id)), as_json)


def _best_variant(dataset: str, settings: Settings) -> Literal["sample", "full"]:
    here = available_variants(dataset, settings)
    if "full" in here or not here:
        # Of neither, the worker says how it is fetched.
        return "full"
    say(
        "The full data set is not on this machine, so this trains on the embedded sample. "
        f"Fetch it with: {program_name()} data fetch {dataset}"
    )
    return "sample"


def watch(worker: Worker, run: Run) -> Run:
    """Show on standard error how a run goes until it ends; Ctrl-C asks it to stop."""
    say(f"Run {run.id} ({run.name})")
    with progress_bar() as bar:
        task = bar.add_task("waiting", total=None, rate="")
        shown = _EpochLines(worker.store, run.id)
        while True:
            try:
                run = worker.wait(run.id, seconds=0.5)
                _show_progress(worker.store, run, lambda **now: bar.update(task, **now))
                shown.print_new()
            except KeyboardInterrupt:
                say("Stopping; what was learned is kept.")
                worker.store.request(run.id, Action.STOP)
            if not run.state.active:
                return run


def print_result(worker: Worker, run: Run, as_json: bool) -> int:
    """Print what came out of a run and give the exit code."""
    if run.precision_reason is not None:
        say(f"Precision: {run.precision_reason}")
    if as_json:
        print_json(result_dict(run, worker.store.epochs(run.id)))
    else:
        say(f"Run {run.id} is {run.state}.")
    earlier = earlier_losses(run)
    for words in (run.message, run.note, earlier and f"Losses: {earlier.label}."):
        if words:
            say(words)
    return 1 if run.state is RunState.FAILED else 0


class _EpochLines:
    """Says each epoch once."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self._store, self._run_id, self._said = store, run_id, 0

    def print_new(self) -> None:
        for epoch in self._store.epochs(self._run_id)[self._said :]:
            self._said += 1
            line = f"epoch {epoch.epoch}: loss {epoch.loss:.4f}, accuracy {epoch.accuracy:.4f}"
            if epoch.val_loss is not None and epoch.val_accuracy is not None:
                line += f", validation {epoch.val_loss:.4f}, {epoch.val_accuracy:.4f}"
            say(f"{line} ({epoch.seconds:.1f} s)")


def _show_progress(store: RunStore, run: Run, update: Callable[..., None]) -> None:
    if run.state is RunState.QUEUED:
        active = [other for other in store.active() if not other.orphaned]
        ids = [other.id for other in active]
        ahead = active[: ids.index(run.id)] if run.id in ids else []
        names = f" for {ahead[0].name} ({ahead[0].id})" if ahead else ""
        update(description=f"waiting{names}")
    elif run.progress is not None and run.progress.steps_per_epoch:
        rate = run.progress.images_per_second
        update(
            description=f"{run.state}, epoch {run.progress.epoch}",
            completed=run.progress.step,
            total=run.progress.steps_per_epoch * run.experiment.epochs,
            rate=f"{rate:,.0f} images/s" if rate else "",
        )
