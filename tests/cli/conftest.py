"""Calling the command line as a person does, in this process or in one of its own."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import pytest

from cifarviz.cli.app import main


class Answer(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run ``python -m cifarviz`` with these words."""
    # Wide enough that no sentence is broken into lines.
    monkeypatch.setenv("COLUMNS", "300")

    def run(*words: object) -> Answer:
        capsys.readouterr()
        out = io.StringIO()
        with pytest.raises(SystemExit) as exit_, redirect_stdout(out):
            main([str(word) for word in words])
        return Answer(int(exit_.value.code or 0), out.getvalue(), capsys.readouterr().err)

    return run


@pytest.fixture
def tiny(call: Call) -> Any:
    """The result of a quick run of a preset on a few images of the sample."""
    words = "train cifar10-starter --data sample --train-images 64 --batch-size 32 --epochs 2"
    return call(*words.split(), "--json").json
