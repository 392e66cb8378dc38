"""Errors have a template and values that programs can read."""

import ast
import json
import pickle
from pathlib import Path
from string import Formatter

import numpy as np
import pytest

from cifarviz import errors
from cifarviz.errors import CifarvizError, ExperimentInvalid, RunNotFound
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT


def test_the_message_is_the_template_with_its_values() -> None:
    error = RunNotFound("{count:,} runs begin with “{beginning}”.", count=1200, beginning="a")
    assert str(error) == "1,200 runs begin with “a”."
    assert error.values == {"count": 1200, "beginning": "a"}


@pytest.mark.parametrize("text", ["{count}", "{", "}}", "{0}", "{count.__class__}"])
def test_values_are_never_templates(text: str) -> None:
    assert str(CifarvizError("There is no “{name}”.", name=text)) == f"There is no “{text}”."
    # Without values the text is the message.
    assert str(CifarvizError(text)) == text


def test_values_are_what_json_can_hold() -> None:
    error = ExperimentInvalid(
        "{path} {shape} {images:,} {share:.2f} {reason} {none}",
        path=Path("a/b"),
        shape=(3, 32),
        images=np.int64(1500),
        share=np.float32(0.25),
        reason=ValueError("why"),
        none=None,
    )
    assert str(error) == f"{Path('a/b')} (3, 32) 1,500 0.25 why None"
    assert json.loads(json.dumps(error.values)) == error.values
    assert isinstance(error, ValueError)


def test_an_error_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(RunNotFound("There is no run “{run_id}”.", run_id="{x}")))
    assert str(error) == "There is no run “{x}”."
    assert (error.template, error.values) == ("There is no run “{run_id}”.", {"run_id": "{x}"})


def test_programs_can_read_the_values_of_an_error(settings: Settings) -> None:
    with pytest.raises(RunNotFound) as caught:
        RunStore(settings).find("{nothing}")
    assert caught.value.values == {"beginning": "{nothing}"}
    assert str(caught.value).startswith("There is no run “{nothing}” here")


def templates(node: ast.expr) -> list[str]:
    """Return the templates an argument may be; none if it is computed."""
    if isinstance(node, ast.IfExp):
        return templates(node.body) + templates(node.orelse)
    return [str(node.value)] if isinstance(node, ast.Constant) else []


def test_every_template_in_the_program_has_its_values() -> None:
    classes = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    checked = 0
    for path in (ROOT / "cifarviz").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
                continue
            if call.func.id not in classes or not call.keywords:
                continue
            values = {keyword.arg for keyword in call.keywords}
            for template in templates(call.args[0]):
                names = {name for _, name, _, _ in Formatter().parse(template) if name}
                assert names <= values, f"{path}:{call.lineno}"
                checked += 1
    assert checked > 100
