"""The number of images of each class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from cifarviz.escaping import plotly_text
from cifarviz.figures.theme import base_layout, class_color, empty_figure

_PATTERNS = ("", "/", ".")


@dataclass(frozen=True)
class ClassCounts:
    """The number of images of each class, for each named part of the data."""

    classes: tuple[str, ...]
    parts: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def total(self) -> int:
        """The number of images of all parts."""
        return sum(sum(counts) for _, counts in self.parts)


def class_counts(
    classes: Sequence[str], parts: Mapping[str, Sequence[int] | np.ndarray]
) -> ClassCounts:
    """Shape ``parts``: name ("Training", "Test") to counts in the classes' order."""
    for name, counts in parts.items():
        if len(counts) != len(classes):
            raise ValueError(f"{name}: {len(counts)} counts for {len(classes)} classes.")
    return ClassCounts(
        tuple(classes),
        tuple((name, tuple(int(n) for n in counts)) for name, counts in parts.items()),
    )


def class_counts_figure(value: ClassCounts) -> go.Figure:
    """Draw bars in the classes' colours; a second part is hatched."""
    if value.total == 0:
        return empty_figure("No images to count.", height=320)
    figure = go.Figure(
        layout=base_layout(
            height=320,
            bargap=0.25,
            barmode="group",
            showlegend=len(value.parts) > 1,
            # The rotation of the names depends on the width.
            xaxis={"type": "category", "showgrid": False, "automargin": True},
            yaxis={"title": {"text": "Images"}, "rangemode": "tozero"},
        )
    )
    colors = [class_color(i) for i in range(len(value.classes))]
    for (name, counts), pattern in zip(value.parts, _PATTERNS * len(value.parts), strict=False):
        figure.add_bar(
            x=[plotly_text(name) for name in value.classes],
            y=counts,
            name=name,
            marker={"color": colors, "pattern": {"shape": pattern, "fgopacity": 0.5}},
            text=[f"{n:,}" for n in counts] if len(value.parts) == 1 else None,
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{x}}, {name.lower()}: %{{y:,}} images<extra></extra>",
        )
    return figure
