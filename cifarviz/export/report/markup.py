"""HTML put together from parts; everything that is text goes through ``text`` first."""

import base64
import io
from collections.abc import Iterable, Sequence
from typing import NewType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cifarviz.escaping import html_text

Html = NewType("Html", str)
"""Markup, with all text in it escaped."""


def text(value: object) -> Html:
    """Any value as text: names of runs may hold markup."""
    return Html(html_text(str(value)))


def joined(parts: Iterable[Html | str]) -> Html:
    """Parts that are markup already, one after the other."""
    return Html("\n".join(part for part in parts if part))


def paragraph(sentence: str) -> Html:
    """One paragraph of text; none of an empty one."""
    return Html(f"<p>{text(sentence)}</p>" if sentence else "")


def section(title: str, *parts: Html | str) -> Html:
    """A part of the report under its heading."""
    return Html(f"<section>\n<h2>{text(title)}</h2>\n{joined(parts)}\n</section>")


def table(headings: Sequence[object], rows: Iterable[Sequence[object]], *, style: str = "") -> Html:
    """A table of text; its ``style`` is a class of the style sheet."""
    kind = f' class="{style}"' if style else ""
    head = "".join(f"<th>{text(one)}</th>" for one in headings)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{_cell(one)}</td>" for one in row) + "</tr>" for row in rows
    )
    thead = f"<thead><tr>{head}</tr></thead>" if headings else ""
    return Html(f"<table{kind}>{thead}<tbody>\n{body}\n</tbody></table>")


def picture(pixels: NDArray[np.uint8], description: str, *, width: int) -> Html:
    """An image (h, w) or (h, w, 1 or 3) inside the page, so wide in CSS pixels, not smoothed."""
    shown = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    file = io.BytesIO()
    Image.fromarray(shown).save(file, "PNG", optimize=True)
    encoded = base64.b64encode(file.getvalue()).decode("ascii")
    return Html(
        f'<img src="data:image/png;base64,{encoded}" width="{width}" alt="{text(description)}">'
    )


def folded(title: str, *parts: Html | str) -> Html:
    """Something long that is opened by a click; a printed report has it open."""
    return Html(f"<details><summary>{text(title)}</summary>\n{joined(parts)}\n</details>")


def code(source: str) -> Html:
    """A program or a command, as it is."""
    return Html(f"<pre><code>{text(source)}</code></pre>")


def _cell(value: object) -> Html:
    return text("–" if value is None else value)
