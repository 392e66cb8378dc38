"""``cifarviz cluster``: computers that train runs together."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cifarviz.cli.output import AsJson, print_json, print_line, print_message, print_table
from cifarviz.cluster import node_process
from cifarviz.cluster.connection import connect, find_nodes, find_own_node
from cifarviz.cluster.files import (
    Node,
    cluster_address,
    ray_environment,
    read_own_node,
    token_path,
)
from cifarviz.errors import ClusterError
from cifarviz.installation import program_name
from cifarviz.settings import Settings

app = typer.Typer(
    help="Train on several computers: start a cluster, join it, see its nodes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

TOKEN_VARIABLE = "CIFARVIZ_CLUSTER_TOKEN"  # noqa: S105 - the name of a variable

Cpus = Annotated[
    int | None,
    typer.Option(min=0, help="Processor cores of this computer that runs may use."),
]
Host = Annotated[
    str | None,
    typer.Option(help="The address at which the others reach this computer, if it has several."),
]

Name = Annotated[
    str | None, typer.Option(help="What this computer is called on the pages; default: its host.")
]


@app.command()
def start(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="The port at which the others join.")
    ] = node_process.DEFAULT_PORT,
    cpus: Cpus = None,
    host: Host = None,
    name: Name = None,
) -> None:
    """Make this computer the head of a cluster, and print how others join it.

    Its runs, and those of the nodes that join, are stored here. Without --cpus, runs may use all
    of its cores but one.
    """
    settings = Settings.from_environment()
    address = node_process.start_head(settings, port=port, cpus=cpus, host=host, name=name)
    print_line(address)
    program = program_name()
    print_message(f"The cluster is at {address}. Its token is in {token_path(settings)}.")
    print_message(f"On another computer: {program} cluster join {address} --token-file TOKEN")
    print_message(f"To train on it: CIFARVIZ_EXECUTOR=ray {program}")


@app.command()
def join(
    address: Annotated[str, typer.Argument(help="The address that the head printed.")],
    token_file: Annotated[
        Path | None,
        typer.Option(
            help=f"A file with the token of the head. Without it, ${TOKEN_VARIABLE} holds it."
        ),
    ] = None,
    cpus: Cpus = None,
    host: Host = None,
    name: Name = None,
) -> None:
    """Let this computer train runs of a cluster, until it stops or the head does.

    The token is never an argument, since other users of a computer can read those.
    """
    settings = Settings.from_environment()
    node_process.join(settings, address, _read_token(token_file), cpus=cpus, host=host, name=name)
    own = _check_own_node(settings)
    cores = "1 core" if own.cpus == 1 else f"{own.cpus:.0f} cores"
    print_message(f"This computer trains for {address} as {own.name}, with {cores}.")
    print_message(f"To leave: {program_name()} cluster stop")


@app.command()
def status(as_json: AsJson = False) -> None:
    """List the computers of the cluster, and what they have."""
    settings = Settings.from_environment()
    address = cluster_address(settings)
    nodes = _find_nodes(settings, address)
    if as_json:
        print_json({"address": address, "nodes": [asdict(node) for node in nodes]})
        return
    print_message(f"The cluster at {address}:")
    print_table(
        ["node", "cores", "GPUs", "state"],
        [
            (
                node.name + (" (head)" if node.is_head else ""),
                f"{node.cpus:g}",
                f"{node.gpus:g}",
                node.refusal or "ready",
            )
            for node in nodes
        ],
    )


@app.command()
def stop() -> None:
    """Stop the head, or leave the cluster; runs that train here go on elsewhere."""
    if not node_process.stop(Settings.from_environment()):
        raise ClusterError("This computer is no node of a cluster, so there is nothing to stop.")
    print_message("This computer is no longer a node.")


def _read_token(path: Path | None) -> str | None:
    """Return the token of a file or of the environment; ``None`` if the home has it."""
    if path is None:
        token = os.environ.get(TOKEN_VARIABLE, "")
    else:
        try:
            token = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ClusterError(
                "The token in {path} cannot be read ({reason}). Copy the file “cluster/token” of "
                "the head’s home.",
                path=path,
                reason=getattr(error, "strerror", None) or "it is no text",
            ) from error
    token = token.strip()
    if token:
        return token
    if path is None and token_path(Settings.from_environment()).exists():
        return None
    raise ClusterError(
        "The token of the cluster is missing. Give a copy of the file “cluster/token” of the "
        "head’s home with --token-file, or its content in {variable}.",
        variable=TOKEN_VARIABLE,
    )


def _find_nodes(settings: Settings, address: str) -> tuple[Node, ...]:
    os.environ.update(ray_environment(settings))
    connect(address)
    return find_nodes()


def _check_own_node(settings: Settings) -> Node:
    """Return this computer's node; it leaves the cluster if the head would refuse it."""
    try:
        os.environ.update(ray_environment(settings))
        connect(cluster_address(settings))
        own, refusal = find_own_node(read_own_node(settings)["mark"])
        if refusal is not None:
            raise ClusterError("The head refuses this computer. {reason}", reason=refusal)
    except ClusterError:
        node_process.stop(settings)
        raise
    return own
