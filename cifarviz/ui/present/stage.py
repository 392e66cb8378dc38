"""What every scene stands on: the run, the speaker's panel, and how things are shown large."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.datasets.info import DatasetInfo
from cifarviz.escaping import html_text
from cifarviz.runs.records import Epoch, Run
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.query import render_choice

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, eq=False)
class Stage:
    """What a scene is about. ``run`` is ``None`` where nothing has been trained.

    ``names`` are those of the classes in the language that is chosen; ``panel`` is where the
    speaker's choices stand, ``None`` while it is hidden.
    """

    run: Run | None
    history: Sequence[Epoch]
    info: DatasetInfo
    names: tuple[str, ...]
    panel: DeltaGenerator | None

    def choose(
        self,
        name: str,
        label: str,
        options: Mapping[Word, str],
        *,
        hint: str,
        problem: Callable[[str], str],
        usual: Word | None = None,
    ) -> Word:
        """The one of ``options`` that the address holds as ``name``, else the usual one.

        The speaker's panel, where it is shown, has the menu for it. What is none of them is said.
        """
        if self.panel is not None:
            with self.panel:
                return render_choice(
                    name,
                    label,
                    options,
                    key=f"present-{name}",
                    hint=hint,
                    problem=problem,
                    usual=usual,
                    menu=True,
                )
        otherwise = next(iter(options)) if usual is None else usual
        wanted = st.query_params.get(name)
        found = next((one for one in options if one == wanted), None)
        if wanted is not None and found is None:
            warn(problem(quoted(wanted)))
        return otherwise if found is None else found


@dataclass(frozen=True)
class Scene:
    """One scene. ``title`` is its name in the bar.

    ``show`` fills the stage and returns the speaker's notes: honest sentences, Markdown.
    """

    title: str
    show: Callable[[Stage], Sequence[str]]
    needs_run: bool = True


def headline(words: str) -> None:
    """The one line that is read first."""
    st.title(escaped(words), anchor=False)


def warn(words: str) -> None:
    """Say in Markdown what is not as it was asked for."""
    st.warning(words, icon=":material/warning:")


def picture(png: bytes, alt: str) -> str:
    """HTML of a picture whose pixels stay squares (assets/present.css)."""
    data = base64.b64encode(png).decode("ascii")
    source = f"data:image/png;base64,{data}"
    return f'<img class="present-pixels" alt="{html_text(alt)}" src="{source}">'


def percent(share: float) -> str:
    """Such as ``72.0%``."""
    return f"{share:.1%}"
