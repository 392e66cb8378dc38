"""What stands below the matrix, one part at a time: so a page is drawn as soon as it is opened."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import streamlit as st

from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.evaluate.comparison import comparison
from cifarviz.ui.evaluate.galleries import galleries
from cifarviz.ui.evaluate.random_ten import random_ten
from cifarviz.ui.evaluate.scores import class_scores
from cifarviz.ui.evaluate.sheets import PICTURE
from cifarviz.ui.evaluate.sureness import sureness
from cifarviz.ui.query import render_choice

Part = Literal["classes", "sure", "pictures", "random", "compare"]

OWN = (*PICTURE, "with", "side")
"""What in the address makes sense for one network only."""

_TITLES: Mapping[Part, str] = MappingProxyType(
    {
        "classes": "Each class",
        "sure": "How sure it is",
        "pictures": "Pictures",
        "random": "Ten at random",
        "compare": "Beside another",
    }
)
_SHOW: Mapping[Part, Callable[[Answered], None]] = MappingProxyType(
    {
        "classes": class_scores,
        "sure": sureness,
        "pictures": galleries,
        "random": random_ten,
        "compare": comparison,
    }
)
# What else in the address is of one part: a link that holds it means that part.
_IMPLIED: Mapping[str, Part] = MappingProxyType(
    {
        "with": "compare",
        "side": "compare",
        "gallery": "pictures",
        "of": "pictures",
        "picture": "pictures",
        "sheet": "pictures",
        "seed": "random",
    }
)


def part(answered: Answered) -> None:
    """Show the switch and the part that is chosen; the address holds it as ``part``."""
    usual: Part = next(
        (which for name, which in _IMPLIED.items() if name in st.query_params), "classes"
    )
    chosen = render_choice(
        "part",
        "More about these answers",
        _TITLES,
        key="evaluate-part",
        hint="Scores of each class; the network's own doubts against its mistakes; its oddest "
        "pictures; some drawn at random; and where it differs from another network.",
        problem=lambda word: f"There is no part {word} here: it is {', '.join(_TITLES)}.",
        forget=PICTURE,
        usual=usual,
    )
    _SHOW[chosen](answered)
