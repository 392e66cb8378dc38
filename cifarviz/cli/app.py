"""The Typer app with all commands."""

import typer

from cifarviz.cli import (
    cluster,
    data,
    export,
    forking,
    home,
    inspection,
    own_data,
    reproduce,
    runs,
    training,
    tune,
)
from cifarviz.cli.dashboard import dashboard
from cifarviz.cli.derive import derive
from cifarviz.cli.exit_codes import run_and_exit
from cifarviz.cli.import_run import import_run
from cifarviz.cli.learning_rate import learning_rate
from cifarviz.cli.serve import serve_dashboard
from cifarviz.cli.tune_up import tune_up
from cifarviz.datasets.registry import built_in_datasets

app = typer.Typer(
    help="Open the dashboard; or, with a command, train and inspect convolutional networks on "
    f"{' and '.join(info.title for info in built_in_datasets())} without a browser.",
    invoke_without_command=True,
    add_completion=False,
    # Off, because Rich would read quoted names in help texts and errors as markup.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.callback()(dashboard)
data.app.command()(derive)
data.app.command()(own_data.edit)
data.app.command("export")(own_data.export_data)
data.app.command()(own_data.delete)
app.add_typer(data.app, name="data")
app.command("serve")(serve_dashboard)
app.command()(training.presets)
app.command()(training.train)
app.command()(forking.fork)
app.add_typer(runs.app, name="runs")
app.command()(training.resume)
app.add_typer(tune.app, name="tune")
app.command("learning-rate")(learning_rate)
app.add_typer(cluster.app, name="cluster")
app.command()(reproduce.reproduce)
app.command()(inspection.evaluate)
app.command()(inspection.predict)
app.command("feature-maps")(inspection.feature_maps)
app.command("tune-up")(tune_up)
app.command("import")(import_run)
app.command()(home.repair)
app.command()(home.backup)
app.command()(home.restore)
app.command("export")(export.export)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 the job failed, 2 the request was wrong."""
    run_and_exit(app, arguments)
