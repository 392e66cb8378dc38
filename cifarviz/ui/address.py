"""Reading what a link holds, and showing people's text as it stands.

Streamlit 1.67 reads Markdown, with its own additions (``:red[x]``, ``:material/delete:``,
``:streamlit:``, ``:cat:``, ``$x$``, ``->``, bare addresses), in nearly all the text that it is
given. Tried in Chromium:

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

What people chose goes through ``escaped`` or ``quoted`` in the first, and stands as it is in the
second. ``tests/pages/test_hostile_names.py`` looks at all that every page sends to a browser.
"""

import re

from cifarviz.escaping import printable

_LONGEST = 40
# An element without content: after it is parsed, Markdown is looked through once more, without its
# backslashes, for emoji, icons, addresses and arrows, but not across the border of an element.
_BORDER = ":color[]"
_BORDERS = re.compile(
    r"(?<=:)(?=[\w+\-/])"  # :cat:, :material/delete:, http://
    r"|(?<=www)(?=\.)"
    r"|(?=@)"
    r"|(?<=[<>=~-])(?=[<>=~-])",
    re.IGNORECASE,
)


def whole_number(text: str | None) -> int | None:
    """The number that ``text`` is in plain digits; ``None`` for anything else."""
    # No int(): it takes "１", "+1" and "1_000", and an address may hold a million digits.
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text) else None


def sentence_case(text: str) -> str:
    """``text`` with a capital first letter: ``Kernel size``; ``L2 penalty`` stays."""
    return text[:1].upper() + text[1:]


def escaped(text: str) -> str:
    """``text`` for Markdown that shows it as it is: no emphasis, links, icons or formulas.

    It is on one line, with control characters as ``printable`` writes them.
    """
    flat = printable(re.sub(r"\s", " ", text))
    # Four spaces would begin a block of code.
    indent = "&#32;" if flat.startswith(" ") else ""
    parts = _BORDERS.split(flat.lstrip(" "))
    return indent + _BORDER.join(
        re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:&])", r"\\\1", part) for part in parts
    )


def quoted(text: str) -> str:
    """``text`` in quotation marks, shortened and escaped, for a sentence about it."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"“{escaped(short)}”"
