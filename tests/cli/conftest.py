"""Fixtures that call the command line in this process."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import pytest

from cifarviz.cli.app import main


class CommandResult(NamedTuple):
    """Exit code, standard output and standard error of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., CommandResult]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that runs ``python -m cifarviz`` with its arguments."""
    # Wide enough that messages are not wrapped.
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: object) -> CommandResult:
        capsys.readouterr()
        out = io.StringIO()
        with pytest.raises(SystemExit) as exit_, redirect_stdout(out):
            main([str(word) for word in arguments])
        return CommandResult(int(exit_.value.code or 0), out.getvalue(), capsys.readouterr().err)

    return run


@pytest.fixture
def tiny(call: Call) -> Any:
    """The JSON result of a short run of a preset on a few images of the sample."""
    arguments = "train cifar10-starter --data sample --train-images 64 --batch-size 32 --epochs 2"
    return call(*arguments.split(), "--json").json
