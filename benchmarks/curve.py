"""Draw accuracy over seconds of training as an SVG, from benchmarks/results.

    python -m benchmarks.curve

A figure for each kind of processor that was measured: docs/images/accuracy-KIND.svg. Colours suit
a light and a dark page.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.rows import all_kinds, curves, kind_title

Points = Sequence[tuple[float, float]]

_FOLDER = Path(__file__).parent.parent / "docs" / "images"
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 820, 420, 64, 210, 40, 48
_COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#999999")
_FIRST, _LAST = 4, 4_000
_LOWEST, _HIGHEST = 0.5, 1.0


def main() -> None:
    """Write the figures."""
    for kind in all_kinds():
        if found := curves(kind):
            path = _FOLDER / f"accuracy-{kind}.svg"
            path.write_text(_figure(kind_title(kind), found))
            print(path.name)


def _figure(title: str, found: Mapping[str, Points]) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="13">',
        "<style>text{fill:#444}.grid{stroke:#8884}"
        "@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>",
        _text(_LEFT, 20, f"Accuracy over seconds of training. {title}", "start"),
    ]
    for seconds in (5, 10, 30, 60, 120, 300, 600, 1200, 3600):
        x = _x(seconds)
        parts.append(_line(x, _y(_LOWEST), x, _y(_HIGHEST)))
        label = f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"
        parts.append(_text(x, _HEIGHT - _BOTTOM + 20, label, "middle"))
    for percent in range(50, 101, 10):
        y = _y(percent / 100)
        parts.append(_line(_x(_FIRST), y, _x(_LAST), y))
        parts.append(_text(_LEFT - 8, y + 4, f"{percent} %", "end"))
    for place, (name, points) in enumerate(found.items()):
        color = _COLORS[place % len(_COLORS)]
        path = " ".join(f"{_x(seconds):.1f},{_y(accuracy):.1f}" for seconds, accuracy in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{_x(seconds):.1f}" cy="{_y(accuracy):.1f}" r="3.5" fill="{color}"/>'
            for seconds, accuracy in points
        ]
        row = _TOP + 20 + 22 * place
        parts.append(f'<circle cx="{_WIDTH - _RIGHT + 20}" cy="{row - 4}" r="4" fill="{color}"/>')
        parts.append(_text(_WIDTH - _RIGHT + 32, row, name.replace("`", ""), "start"))
    return "\n".join([*parts, "</svg>\n"])


def _x(seconds: float) -> float:
    share = math.log(seconds / _FIRST) / math.log(_LAST / _FIRST)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(accuracy: float) -> float:
    share = (accuracy - _LOWEST) / (_HIGHEST - _LOWEST)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _line(x: float, y: float, end_x: float, end_y: float) -> str:
    return f'<line class="grid" x1="{x:.1f}" y1="{y:.1f}" x2="{end_x:.1f}" y2="{end_y:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    main()
