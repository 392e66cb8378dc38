"""User text is escaped in every output format."""

import ast
import io
import os
import unicodedata
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifarviz.escaping import (
    LONGEST_FILE_NAME,
    html_text,
    is_invisible,
    plotly_text,
    printable,
    python_literal,
    safe_file_name,
    single_line,
)
from cifarviz.export.files import csv_file
from tests.hostile_names import HOSTILE

# Halves of surrogate pairs, too: a file's name has them where it is not UTF-8.
any_text = st.text(st.characters(exclude_categories=()), max_size=60)


@given(any_text)
def test_printed_text_has_no_control_characters_and_can_be_encoded(text: str) -> None:
    for output in (printable(text), single_line(text), html_text(text).replace("\n", "")):
        assert not any(is_invisible(character) for character in output.replace("\t", ""))
        output.encode()
    assert len(single_line(text).splitlines()) <= 1


def test_visible_characters_are_unchanged() -> None:
    for name in HOSTILE:
        assert printable(name) == single_line(name) == name
    assert printable("\x1b[31m\u202e\n") == r"\x1b[31m\u202e\n"
    assert printable(os.fsdecode(b"caf\xe9.png")) == r"caf\xe9.png"


@given(any_text)
def test_a_literal_evaluates_to_the_text(text: str) -> None:
    literal = python_literal(text)
    assert ast.literal_eval(literal) == text
    assert len(literal.splitlines()) == 1


@given(any_text)
def test_html_contains_the_text_and_no_element(text: str) -> None:
    texts: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            texts.append(data)

        def handle_starttag(self, tag: str, attrs: object) -> None:
            raise AssertionError(tag)

    reader = Reader()
    reader.feed(html_text(text))
    reader.close()
    assert "".join(texts) == "\n".join(
        "\t".join(map(printable, line.split("\t"))) for line in text.split("\n")
    )


def test_plotly_text_has_no_tags_templates_or_formulas() -> None:
    assert plotly_text("<b>%{x}</b> $a$ &lt;") == "&lt;b&gt;&#37;{x}&lt;/b&gt; &#36;a&#36; &amp;lt;"
    assert plotly_text("50 %, two\nlines") == "50 %, two lines"


@given(any_text)
def test_a_safe_file_name_can_be_written(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    name = safe_file_name(text, ".csv")
    assert name.endswith(".csv")
    assert len(name.encode()) <= LONGEST_FILE_NAME
    assert not set(name) & set('<>:"/\\|?*\0')
    assert not any(unicodedata.category(character) == "Cc" for character in name)
    (tmp_path_factory.getbasetemp() / name).write_bytes(b"")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CON", "CON_.png"),
        ("con.tar", "con_.tar.png"),
        ("NUL .txt", "NUL_ .txt.png"),
        ("CONIN$", "CONIN$_.png"),
        ("../../etc/passwd", "-..-etc-passwd.png"),
        ("...", "unnamed.png"),
        ("", "unnamed.png"),
        ("고양이", "고양이.png"),
        ("a\nb", "a b.png"),
        ("console", "console.png"),
        ("falcon", "falcon.png"),
    ],
)
def test_special_names_become_safe_file_names(text: str, name: str) -> None:
    assert safe_file_name(text, ".png") == name


def test_a_csv_file_contains_no_formulas() -> None:
    names = [
        "=1+1",
        "+cmd|x",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "＝1",
        "\u200b \ufeff=1",
        '"q", 고양이',
        "two\nlines",
        "-0.5",
    ]
    table = pd.DataFrame(
        {"=name": names, "value": [-0.5] * len(names), "count": range(len(names))},
        index=pd.Index(names, name="@index"),
    )
    content = csv_file(table)
    assert content.startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(io.BytesIO(content), dtype={0: str, 1: str})
    assert list(read.columns) == ["'@index", "'=name", "value", "count"]
    dangerous = [name for name in read["'=name"] if name.strip()[:1] in "=+@＝" or name == "-2+3"]
    assert dangerous == []
    assert list(read["'=name"])[8:] == ["'\u200b \ufeff=1", '"q", 고양이', "two\nlines", "-0.5"]
    assert list(read["'=name"]) == list(read["'@index"])
    assert read["value"].tolist() == [-0.5] * len(names)


@pytest.mark.parametrize("name", [*HOSTILE, "", "a\x00b", "\x1b[31mred", "\u202egnp"])
def test_any_name_can_be_in_a_csv_file(name: str) -> None:
    table = pd.DataFrame([[1.5, 2]], columns=[name, name], index=[name])
    pd.read_csv(io.BytesIO(csv_file(table)))
