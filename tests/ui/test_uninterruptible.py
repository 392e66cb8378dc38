"""Every callback that a widget is given acts whole, whatever is pressed meanwhile."""

import ast
from pathlib import Path

import pytest

from cifarviz.ui import state
from cifarviz.ui.streamlit_patches import uninterruptible
from tests.source_tree import Tree

ROOT = Path(__file__).parent.parent.parent


def _broken(tree: ast.AST) -> list[int]:
    """Lines where a Streamlit command gets a callback that a newer press can break off."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = [(keyword.arg or "", keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            given = [
                (str(key.value), value)
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            ]
        else:
            continue
        lines += [
            value.lineno
            for name, value in given
            if name in {"on_click", "on_change", "on_select", "on_dismiss", "on_submit"}
            and not isinstance(value, ast.Constant)
            and not (isinstance(value, ast.Call) and ast.unparse(value.func) == "uninterruptible")
        ]
    return lines


def test_every_widget_callback_is_uninterruptible() -> None:
    broken = [f"{s.path}:{line}" for s in Tree(ROOT).sources for line in _broken(s.tree)]
    assert not broken, broken


def test_the_rule_sees_a_callback_that_is_not() -> None:
    code = (
        "st.button('x', on_click=f)\n"
        "st.button('x', on_click=uninterruptible(f), on_select='rerun')\n"
    )
    assert _broken(ast.parse(code)) == [1]
    assert _broken(ast.parse("{'key': k, 'on_change': f}")) == [1]


def test_arguments_reach_the_callback_and_errors_leave_it() -> None:
    got = []
    uninterruptible(lambda *values, **named: got.append((values, named)))(1, two=2)
    assert got == [((1,), {"two": 2})]

    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        uninterruptible(fails)()


def test_a_press_in_a_widget_that_has_left_the_page_changes_nothing() -> None:
    heard = []
    uninterruptible(lambda: heard.append(state.get("left-the-page")))()
    assert heard == []


def test_whatever_else_a_callback_does_not_find_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        uninterruptible(lambda: dict[str, None]()["nothing"])()
