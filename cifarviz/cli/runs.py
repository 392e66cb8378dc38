"""The ``runs`` and ``runs delete`` commands."""

from typing import Annotated

import typer

from cifarviz.cli.output import AsJson, print_json, print_message, print_table
from cifarviz.cli.values import run_dict
from cifarviz.installation import program_name
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import format_duration, headline, time_at_work
from cifarviz.runs.store import RunStore
from cifarviz.runs.unlisted import unlisted_message
from cifarviz.settings import Settings

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def runs(context: typer.Context, as_json: AsJson = False) -> None:
    """List all runs, the newest first."""
    if context.invoked_subcommand is not None:
        return
    store = RunStore(Settings.from_environment())
    all_runs = store.all()
    if unlisted := unlisted_message(store):
        print_message(unlisted)
    if as_json:
        print_json([run_dict(run) for run in all_runs])
        return
    if not all_runs:
        if not unlisted:
            start = f"{program_name()} train cifar10-starter"
            print_message(f"There are no runs yet. Start with: {start}")
        return
    print_table(
        ["run", "name", "state", "epochs", "best epoch", "time at work"],
        [_row(run) for run in all_runs],
    )
    for run in all_runs:
        if run.damage is not None:
            print_message(f"Run {run.id} ({run.name}) is damaged: {run.damage}")
        elif run.orphaned:
            print_message(f"Run {run.id} is queued, but no process trains it. Resume it.")


@app.command()
def delete(
    run: Annotated[str, typer.Argument(help="A run's id or the start of it.")],
    as_json: AsJson = False,
) -> None:
    """Permanently delete a run, its history and its files, without confirmation."""
    store = RunStore(Settings.from_environment())
    deleted = store.delete(store.find(run).id)
    if as_json:
        print_json({"run": deleted.id, "name": deleted.name, "epochs": deleted.epochs_done})
    else:
        print_message(f"Deleted “{deleted.name}” (run {deleted.id}), its history and its files.")


def _row(run: Run) -> tuple[object, ...]:
    if run.damage is not None:
        return (run.id, run.name, "damaged", None, None, None)
    seconds = time_at_work(run)
    return (
        run.id,
        run.name,
        run.state,
        f"{run.epochs_done} of {run.experiment.epochs}",
        headline(run),
        None if seconds is None else format_duration(seconds),
    )
