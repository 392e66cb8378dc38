"""Names and sentences that were replaced by plain ones stay away."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLACES = ("app.py", "pages", "cifarviz", "scripts", "benchmarks", "tests")

REPLACED_NAMES = frozenset(
    [
        "follow",
        "change",
        "show",
        "wished",
        "give_back",
        "gone_back_on",
        "unbroken",
        "own_choices",
        "one_step_back",
        "held_back",
        "look",
        "look_inside",
        "Manner",
        "standing",
        "Answered",
        "answered",
        "asked",
        "right",
        "said",
        "answers",
        "memory",
        "words",
        "sure_percent",
        "sureness",
        "OverAll",
        "over_all",
        "Entry",
        "Entrant",
        "Team",
        "beside",
        "Figure",
        "take_away",
        "given_back",
        "Kind",
        "Verdict",
        "Suggestion",
        "Weights",
        "TrainingImages",
        "answer",
        "kept",
        "manner",
        "one",
        "turn",
        "whole",
    ]
)
"""Names that only make sense in a sentence around them, or that several things had."""

REPLACED_SENTENCES = (
    "What the address names in vain is said",
    "No run is all of this",
    "takes no more",
    "as it ended",
    "as it stands now",
    "Its acc.",
    "Part of it",
    "How much of it",
    "Mirrored answers",
    "whose test answers are kept",
    "Their answer",
    "Beside another",
    "Epochs more",
    "as it is: ",
    "begins anew",
    "Changed against the preset",
    "Whatever comes out differently",
    "The verdict comes when none is left",
    "They differ in",
    "Two or three of these",
    "All of them in Runs",
    "Earlier ones",
    "A wide guess",
    "Official index",
    "The nine published images",
    "how far they stray",
    "square in its middle was cut out",
    "As sure as right",
    "Among its first two",
    "Least sure hits",
    "as fast as it was",
    "the run has kept their feature maps",
    "can’t tell less than",
    "can't tell less than",
)
"""Parts of sentences that no page shows any more."""

REPLACED_LABELS = frozenset(
    {"It is", "Weights of", "Turn", "the turn", "Fitting", "Course", "Take away", "Taken away"}
)
"""Labels, titles and headings, whole."""


def _sources() -> Iterator[Path]:
    for place in PLACES:
        path = ROOT / place
        found = [path] if path.is_file() else sorted(path.rglob("*.py"))
        yield from (file for file in found if "fixtures" not in file.parts)


def _names(source: str, module: str) -> Iterator[tuple[int, str]]:
    """The module's name, and those of the functions and classes it defines, with their lines."""
    yield 1, module.removeprefix("test_")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def replaced_names(source: str, module: str) -> list[tuple[int, str]]:
    """Those of the names that were replaced, a leading underscore aside."""
    return [
        (line, name) for line, name in _names(source, module) if name.lstrip("_") in REPLACED_NAMES
    ]


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """What a person could be shown: all strings but docstrings, parts of f-strings joined."""
    tree = ast.parse(source)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            skipped |= {id(child.value) for child in node.body if isinstance(child, ast.Expr)}
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
    for node in ast.walk(tree):
        if (
            id(node) not in skipped
            and isinstance(node, ast.Constant)
            and isinstance(node.value, str)
        ):
            yield node.lineno, node.value


def replaced_sentences(source: str) -> list[tuple[int, str]]:
    """Those of a file's texts that hold a replaced sentence, or are a replaced label."""
    sentences = re.compile("|".join(map(re.escape, REPLACED_SENTENCES)), re.IGNORECASE)
    return [
        (line, text)
        for line, text in _texts(source)
        if text.strip() in REPLACED_LABELS or sentences.search(text)
    ]


def test_no_name_is_one_that_was_replaced() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}": name
        for path in _sources()
        for line, name in replaced_names(path.read_text("utf-8"), path.stem)
    }
    assert found == {}


def test_no_page_shows_a_sentence_that_was_replaced() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}": text
        for path in _sources()
        if path.relative_to(ROOT).parts[0] in ("app.py", "pages", "cifarviz")
        for line, text in replaced_sentences(path.read_text("utf-8"))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("def look(): ...", "a"),
        ("class Manner: ...", "a"),
        ("class A:\n    def _words(self): ...", "a"),
        ("x = 1", "standing"),
        ("x = 1", "test_standing"),
    ],
)
def test_a_replaced_name_is_found(source: str, module: str) -> None:
    assert replaced_names(source, module)


def test_names_in_which_a_replaced_one_is_a_part_are_fine() -> None:
    assert replaced_names("def show_progress(): ...\nclass EvaluationView: ...\n", "words_a") == []


@pytest.mark.parametrize(
    "source",
    [
        'st.caption(f"{name}, as it ended")',
        'x = {"label": "Turn"}',
        "x = 'a wide guess: ' 'no run'",
    ],
)
def test_a_replaced_sentence_is_found(source: str) -> None:
    assert replaced_sentences(source)


def test_docstrings_and_other_sentences_are_fine() -> None:
    assert replaced_sentences('"""Part of it."""\nst.info("Turn the page.")\n') == []
