"""The command ``serve``: the dashboard for this computer, or for a class on the network."""

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cifarviz.cli.dashboard import ADDRESS, DEFAULT_PORT, serve
from cifarviz.cli.output import print_line, print_message
from cifarviz.errors import CifarvizError
from cifarviz.people.addresses import network_addresses
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.members import load_class, save_class
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings


def serve_dashboard(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port; if it is taken, the next free one.")
    ] = DEFAULT_PORT,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser window.")
    ] = False,
    for_class: Annotated[
        bool,
        typer.Option(
            "--class",
            help="Let a class in: listen on the network, with a code to join and a pass phrase "
            "for the teacher. Without it the dashboard is for this computer only.",
        ),
    ] = False,
    new_pass_phrase: Annotated[
        bool, typer.Option("--new-pass-phrase", help="Make a new pass phrase for the teacher.")
    ] = False,
    certificate: Annotated[
        Path | None, typer.Option(help="With --class: a TLS certificate file, PEM.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key file, PEM.")] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="With --class: the address of the proxy before it, such as "
            "https://class.example.org. The server then listens on this computer only."
        ),
    ] = None,
) -> None:
    """Open the dashboard, for this computer or with --class for a class, until Ctrl-C."""
    if not for_class:
        for option, value in (
            ("--new-pass-phrase", new_pass_phrase),
            ("--certificate", certificate),
            ("--key", key),
            ("--address", address),
        ):
            if value:
                raise typer.BadParameter(f"{option} is for a class: add --class.")
        raise typer.Exit(serve(port, browser=not no_browser))
    if (certificate is None) != (key is None):
        raise typer.BadParameter("--certificate and --key go together: name both files.")
    for file in filter(None, (certificate, key)):
        if not file.is_file():
            raise typer.BadParameter(f"There is no file “{file}”.")
    try:
        settings = _class_settings(address)
        _announce(settings, new_pass_phrase=new_pass_phrase)
    except CifarvizError as error:
        print_message(str(error))
        raise typer.Exit(1) from error
    os.environ |= {name: settings.environment()[name] for name in _VARIABLES}
    # Who may say for whom a request is, which uvicorn reads: the proxy, and nobody without one.
    os.environ["FORWARDED_ALLOW_IPS"] = ADDRESS if settings.class_address else ""
    options = _options(settings, certificate, key)
    tls = certificate is not None
    code = serve(port, browser=not no_browser, options=options, tls=tls, path="/class/sign-in")
    raise typer.Exit(code)


_VARIABLES = ("CIFARVIZ_CLASS", "CIFARVIZ_CLASS_ADDRESS")


def _class_settings(address: str | None) -> Settings:
    """Return the settings of a class's server; raises ``SettingInvalid``."""
    environment = {**os.environ, "CIFARVIZ_CLASS": "1"}
    if address is not None:
        environment["CIFARVIZ_CLASS_ADDRESS"] = address
    return Settings.from_environment(environment)


def _announce(settings: Settings, *, new_pass_phrase: bool) -> None:
    """Open the class, and print what the teacher needs."""
    store = RunStore(settings)
    secrets = ClassSecrets(settings.home)
    state = load_class(store)
    save_class(store, replace(state, is_open=True))
    print_line(f"\n  Code of the class: {secrets.join_code(state.id)}")
    if new_pass_phrase or not secrets.has_pass_phrase:
        phrase = secrets.make_pass_phrase()
        print_line(f"  The teacher's pass phrase, shown this once: {phrase}")


def _options(settings: Settings, certificate: Path | None, key: Path | None) -> list[str]:
    """Return Streamlit's options for a server of a class."""
    hosts = ["localhost", "127.0.0.1"]
    options: list[str] = []
    if settings.class_address:
        address = urlsplit(settings.class_address)
        hosts.append(address.hostname or "")
        origin = f"{address.scheme}://{address.netloc}"
        # Whatever the environment says: requests of the proxy are taken for encrypted ones.
        options += ["--server.address", ADDRESS, "--server.corsAllowedOrigins", origin]
    else:
        options += ["--server.address", "0.0.0.0"]  # noqa: S104 - a class is on the network
        name = socket.gethostname().lower()
        hosts += [*network_addresses(), name, f"{name.split('.')[0]}.local"]
    for host in dict.fromkeys(hosts):
        options += ["--server.allowedHosts", host]
    if certificate is not None and key is not None:
        options += ["--server.sslCertFile", str(certificate), "--server.sslKeyFile", str(key)]
    return options
