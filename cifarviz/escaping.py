"""Escape user text for each format that it is written to.

Names of runs, files and classes, remarks, and messages that quote them may hold anything. Each
function returns text that its format shows literally, or reads as a single value:

==================  ==============================================================
``printable``       a terminal, a log: no character that moves the cursor or the text
``single_line``     the same on one line, for a comment of source code
``html_text``       HTML, in an element or an attribute
``plotly_text``     Plotly's titles, names, labels and hover texts
``notebook_text``   Markdown of a Jupyter notebook
``python_literal``  a literal in Python source
``csv_cell``        a cell of a CSV file that a spreadsheet opens
``safe_file_name``  one part of a path, on any system
==================  ==============================================================

What Streamlit shows is Markdown nearly everywhere: ``escaped`` in ``ui/address.py``.
"""

import re
import unicodedata
from html import escape as _escape_html
from typing import Final

LONGEST_FILE_NAME: Final = 100
"""Bytes of UTF-8 that ``safe_file_name`` returns at most; a file system takes 255."""

# Controls, marks of direction and format, halves of surrogate pairs, separators of lines.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joiners are part of how Persian, Indic scripts and emoji are written.
_JOINERS = "\u200c\u200d"
# Letters and a symbol without ink: fillers of Hangul, the empty braille pattern.
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800"
# Device names of Windows, which it takes with any ending.
_RESERVED = re.compile(
    r"^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?= *(\.|$))", re.IGNORECASE
)
# How a formula starts in a spreadsheet, full-width forms included.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+|inf)([eE][+-]?\d+)?")


def is_invisible(character: str) -> bool:
    """Whether a character is invisible and may change how others are shown."""
    return unicodedata.category(character) in _INVISIBLE and character not in _JOINERS


def is_blank(text: str) -> bool:
    """Whether ``text`` is invisible: it holds only spaces, joiners, accents and fillers."""
    return all(
        character in _FILLERS or unicodedata.category(character)[0] in "CZM" for character in text
    )


def printable(text: str) -> str:
    """Return ``text`` with invisible characters escaped: ``\\x1b``, ``\\u202e``, ``\\n``.

    A byte of a file name that is not UTF-8 (``os.fsdecode``) becomes ``\\x`` and its number.
    """
    return "".join(
        _visible(character) if is_invisible(character) else character for character in text
    )


def single_line(text: str) -> str:
    """``text`` on one line, each run of white space one space, the rest as ``printable``."""
    return printable(" ".join(text.split()))


def html_text(text: str) -> str:
    """``text`` for HTML; line breaks and tabs stay."""
    lines = text.split("\n")
    return "\n".join("\t".join(map(_html_part, line.split("\t"))) for line in lines)


def plotly_text(text: str) -> str:
    """``text`` for Plotly, which reads tags, entities, ``%{templates}`` and ``$formulas$``."""
    tags = _escape_html(single_line(text), quote=False)
    return tags.replace("%{", "&#37;{").replace("$", "&#36;")


def notebook_text(text: str) -> str:
    """``text`` for Markdown of a notebook, on one line."""
    return re.sub(r"([\\`*_{}\[\]()<>#|!&$~])", r"\\\1", single_line(text))


def python_literal(text: str) -> str:
    """``text`` as a literal in Python source, in double quotes, on one line."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = (_escape(letter) if is_invisible(letter) else letter for letter in quoted)
    return f'"{"".join(escaped)}"'


def csv_cell(text: str) -> str:
    """``text`` for a cell; a formula gets an apostrophe before it."""
    # A program may skip invisible characters before the sign.
    visible = "".join(letter for letter in text if letter in "\t\r\n" or not is_invisible(letter))
    return f"'{text}" if _FORMULA.match(visible) and not _NUMBER.fullmatch(text) else text


def safe_file_name(text: str, ending: str = "") -> str:
    """Make a file name from ``text`` and ``ending`` that is valid on every system.

    Without separators, controls and reserved names, at most ``LONGEST_FILE_NAME`` bytes of UTF-8;
    letters of any script stay. Different texts may give the same name.
    """
    flat = "".join(" " if is_invisible(letter) else letter for letter in text)
    flat = " ".join(re.sub(r'[<>:"/\\|?*%]', "-", flat).split())
    flat = _RESERVED.sub(r"\1_", flat.strip(". "))
    room = LONGEST_FILE_NAME - len(ending.encode())
    short = flat.encode()[:room].decode(errors="ignore").rstrip(". ")
    return f"{short or 'unnamed'}{ending}"


def _html_part(text: str) -> str:
    return _escape_html(printable(text), quote=True)


def _visible(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return _escape(character)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
