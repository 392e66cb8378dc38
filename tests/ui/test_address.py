import pytest

from cifarviz.ui.address import escaped, format_ranges, plain_parts, quoted, whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("999999999", 999_999_999)])
def test_plain_digits_are_parsed(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    "text", [None, "", "-1", "+1", "1_000", "1.5", "１", " 1", "1e3", "9" * 10]
)
def test_other_text_is_not_parsed_as_a_number(text: str | None) -> None:
    assert whole_number(text) is None


def test_escaped_text_is_shown_literally() -> None:
    assert escaped("a*b_c.png") == r"a\*b\_c\.png"
    assert escaped("[x](http://y)") == r"\[x\]\(http\::color[]//y\)"
    assert escaped("two\nlines\x1b") == r"two lines\\x1b"
    assert escaped("Katze Ä") == "Katze Ä"


@pytest.mark.parametrize(
    "text",
    [
        ":cat:",
        ":material/delete:",
        ":streamlit:",
        "http://a.b",
        "www.a.b",
        "a@b.cd",
        "<->",
        "-- >=",
    ],
)
def test_patterns_that_streamlit_replaces_are_split(text: str) -> None:
    assert ":color[]" in escaped(text)
    assert escaped(text).replace(":color[]", "").replace("\\", "") == text


def test_text_with_leading_spaces_is_not_code() -> None:
    assert escaped("    x") == "&#32;x"


def test_long_text_is_shortened_when_quoted() -> None:
    assert quoted("cat") == "“cat”"
    assert quoted("x" * 100) == "“" + "x" * 40 + "…”"


def test_escaped_text_in_bold_and_plain_is_read_back() -> None:
    text = r" *a* \ :material/x: http://b <i> & $1$ -> [c](d)"
    parts = plain_parts(f"Note: {escaped(text)} **{escaped('x**y')}**.")
    assert parts == [(f"Note: {text} ", False), ("x**y", True), (".", False)]
    assert plain_parts("") == []


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([3], "3"),
        ([3, 4], "3 and 4"),
        ([0, 1, 2], "0–2"),
        ([3, 5, 6, 7, 11], "3, 5–7 and 11"),
        ([1, 2, 4, 5, 6, 7, 9, 10], "1, 2, 4–7, 9 and 10"),
    ],
)
def test_numbers_are_named_in_ranges(numbers: list[int], text: str) -> None:
    assert format_ranges(numbers) == text
