import pytest

from cifarviz.ui.address import sentence_case
from cifarviz.ui.train.fields import format_number_input, parse_number_input


@pytest.mark.parametrize(
    ("typed", "whole", "meant"),
    [
        ("32", True, 32),
        (" 32 ", True, 32),
        ("-4", True, -4),
        ("1,000", True, 1000),
        ("50 000", True, 50_000),
        ("1e3", True, 1000),
        ("3.7", True, 3.7),
        ("255", False, 255.0),
        ("1e-4", False, 1e-4),
        (".5", False, 0.5),
        ("5.", False, 5.0),
    ],
)
def test_numbers_are_parsed(typed: str, whole: bool, meant: object) -> None:
    found = parse_number_input(typed, is_integer=whole)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize("typed", ["abc", "0,001", "1,000.5", "nan", "inf", "1e400", "0x10", "--1"])
@pytest.mark.parametrize("whole", [True, False])
def test_text_that_is_not_a_number_is_returned_unchanged(typed: str, whole: bool) -> None:
    assert parse_number_input(typed, is_integer=whole) == typed


@pytest.mark.parametrize("whole", [True, False])
def test_an_infinite_number_is_returned_unchanged(whole: bool) -> None:
    assert parse_number_input("1" * 200_000, is_integer=whole) == "1" * 200_000


def test_a_decimal_comma_is_not_accepted() -> None:
    assert parse_number_input("1,000", is_integer=False) == "1,000"


@pytest.mark.parametrize("typed", ["", "   ", None])
def test_an_empty_field_is_none(typed: str | None) -> None:
    assert parse_number_input(typed, is_integer=True) is None


@pytest.mark.parametrize("value", [32, 1e-4, 255.0, 1e-05, "abc", None, 10**30])
def test_formatted_numbers_parse_to_the_same_value(value: object) -> None:
    whole = isinstance(value, int)
    assert parse_number_input(format_number_input(value), is_integer=whole) == value


def test_sentence_case_keeps_names() -> None:
    assert sentence_case("kernel size") == "Kernel size"
    assert sentence_case("L2 penalty") == "L2 penalty"
