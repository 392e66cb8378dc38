import pytest

from cifarviz.ui.address import escaped, quoted, whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("999999999", 999_999_999)])
def test_plain_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    "text", [None, "", "-1", "+1", "1_000", "1.5", "１", " 1", "1e3", "9" * 10]
)
def test_nothing_else_is(text: str | None) -> None:
    assert whole_number(text) is None


def test_text_is_shown_as_it_stands() -> None:
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
def test_what_streamlit_looks_for_after_parsing_is_divided(text: str) -> None:
    assert ":color[]" in escaped(text)
    assert escaped(text).replace(":color[]", "").replace("\\", "") == text


def test_a_text_that_begins_with_spaces_is_no_code() -> None:
    assert escaped("    x") == "&#32;x"


def test_a_long_text_is_quoted_short() -> None:
    assert quoted("cat") == "“cat”"
    assert quoted("x" * 100) == "“" + "x" * 40 + "…”"
