"""Parsing values of an address, and escaping text that people typed.

Streamlit 1.67 renders Markdown, with its own additions (``:red[x]``, ``:material/delete:``,
``:streamlit:``, ``:cat:``, ``$x$``, ``->``, bare addresses), in nearly all text that it is
given. Tested in Chromium:

- **Markdown**: the labels of all widgets; the options of ``radio``, ``segmented_control``,
  ``pills``, ``select_slider`` and ``menu_button``, and captions of options; ``help``; headings,
  ``caption``, ``markdown``, ``write``, ``badge``, alerts, ``toast``, ``spinner``, ``status``;
  names of ``tabs``, ``expander``, ``popover`` and ``dialog``; the text of ``progress``; captions of
  images; label, value and delta of ``metric``; cells, column names and index of ``table``; the
  titles and sections of ``navigation``; the ``help`` of a column. Labels of buttons, links and
  options lose block elements and links, and show the rest.
- **Plain text**: the options and placeholders of ``selectbox`` and ``multiselect``; the value and
  placeholder of text fields; cells and column names of ``dataframe`` and ``data_editor``; ``text``,
  ``code``, ``json``; ``exception``; names of downloads; the page's title in the browser.

Text that people typed needs ``escaped`` or ``quoted`` in the first group and nothing in the second.
``tests/pages/test_hostile_names.py`` checks everything that every page sends to a browser.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from cifarviz.escaping import printable

_LONGEST = 40
# An empty element. Streamlit searches parsed Markdown again, without its backslashes, for emoji,
# icons, addresses and arrows, but not across the border of an element.
_BORDER = ":color[]"
_BORDERS = re.compile(
    r"(?<=:)(?=[\w+\-/])"  # :cat:, :material/delete:, http://
    r"|(?<=www)(?=\.)"
    r"|(?=@)"
    r"|(?<=[<>=~-])(?=[<>=~-])",
    re.IGNORECASE,
)


def whole_number(text: str | None) -> int | None:
    """Return the number written in plain digits, up to 9 of them; else ``None``."""
    # No int(): it takes "１", "+1" and "1_000", and an address may hold a million digits.
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text) else None


def sentence_case(text: str) -> str:
    """``text`` with a capital first letter: ``Kernel size``; ``L2 penalty`` stays."""
    return text[:1].upper() + text[1:]


def format_count(count: int, noun: str) -> str:
    """A number with its noun: ``"1 channel"``, ``"1,024 channels"``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def format_ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as text: ``"3, 5–8 and 11"``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts: list[str] = []
    for run in runs:
        parts += map(str, run) if len(run) < 3 else [f"{run[0]}–{run[-1]}"]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def escaped(text: str) -> str:
    """Escape ``text`` so that Markdown shows it literally, on a single line.

    Control characters are written as ``printable`` does.
    """
    flat = printable(re.sub(r"\s", " ", text))
    # Four leading spaces would start a code block.
    indent = "&#32;" if flat.startswith(" ") else ""
    parts = _BORDERS.split(flat.lstrip(" "))
    return indent + _BORDER.join(
        re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:&])", r"\\\1", part) for part in parts
    )


def quoted(text: str) -> str:
    """Return ``text`` in quotation marks, shortened to 40 characters and escaped."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"“{escaped(short)}”"


class TextPart(NamedTuple):
    """A piece of plain text, and whether it is bold."""

    text: str
    is_bold: bool


_TOKEN = re.compile(rf"\\([\\`*_{{}}\[\]()#+\-.!|<>$~:&])|(\*\*)|{re.escape(_BORDER)}|(&#32;)")


def plain_parts(markdown: str) -> Sequence[TextPart]:
    """Return the text of a paragraph of Markdown with ``**bold**`` words and ``escaped`` text."""
    parts, text, is_bold, end = [], "", False, 0
    for token in _TOKEN.finditer(markdown):
        text += markdown[end : token.start()] + (token[1] or (" " if token[3] else ""))
        end = token.end()
        if token[2]:
            parts.append(TextPart(text, is_bold))
            text, is_bold = "", not is_bold
    parts.append(TextPart(text + markdown[end:], is_bold))
    return [part for part in parts if part.text]
