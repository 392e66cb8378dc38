"""``runs`` and ``runs delete``."""

from typing import Annotated

import typer

from cifarviz.cli.output import AsJson, print_json, print_table, say
from cifarviz.cli.values import run_dict
from cifarviz.installation import program_name
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import format_duration, headline, time_at_work
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def runs(context: typer.Context, as_json: AsJson = False) -> None:
    """List all runs, the newest first."""
    if context.invoked_subcommand is not None:
        return
    found = RunStore(Settings.from_environment()).all()
    if as_json:
        print_json([run_dict(run) for run in found])
        return
    if not found:
        say(f"There are no runs yet. Train one: {program_name()} train cifar10-starter")
        return
    print_table(
        ["run", "name", "state", "epochs", "best epoch", "time at work"],
        [_row(run) for run in found],
    )
    for run in found:
        if run.damage is not None:
            say(f"Run {run.id} ({run.name}) is damaged: {run.damage}")
        elif run.orphaned:
            say(
                f"No process looks after run {run.id}, which is queued: resume it, or open the "
                "dashboard."
            )


@app.command()
def delete(
    run: Annotated[str, typer.Argument(help="A run's id, or the beginning of it.")],
    as_json: AsJson = False,
) -> None:
    """Delete a run with its history and all its files, for good; it asks nothing."""
    store = RunStore(Settings.from_environment())
    deleted = store.delete(store.find(run).id)
    if as_json:
        print_json({"run": deleted.id, "name": deleted.name, "epochs": deleted.epochs_done})
    else:
        say(f"“{deleted.name}” (run {deleted.id}) is deleted, with its history and its files.")


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
