"""What every scene is given, and how it begins."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import CifarvizError
from cifarviz.escaping import html_text
from cifarviz.live.items import DAMAGED
from cifarviz.runs.kept_weights import training_position
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.replay import ReplayMark
from cifarviz.ui.pickers import run_labels
from cifarviz.ui.query import render_choice, update_query_params, widget_key, widget_value
from cifarviz.ui.streamlit_patches import uninterruptible

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


_KEY = "present-run"
OF_A_RUN = ("epoch", "image", "layer", "at")
"""What in the address belongs to one run."""
_MARKS: dict[RunState, ReplayMark] = {
    RunState.QUEUED: "waiting",
    RunState.PAUSED: "paused",
    RunState.STOPPING: "stopping",
    RunState.RUNNING: "live",
}
_BEFORE_STEPS = ("preparing", "choosing")
_ENDED_EARLY = {
    RunState.STOPPED: "Stopped",
    RunState.FAILED: "Failed",
    RunState.INTERRUPTED: "Interrupted",
}


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


def chosen_run(runs: Sequence[Run]) -> Run | None:
    """The run to present, of ``runs``; what cannot be is said, and another one is taken."""
    usual = _usual(runs)
    wanted = st.query_params.get("run")
    if wanted is None:
        if usual is not None:
            update_query_params(run=usual.id)
        return usual
    found = next((run for run in runs if run.id == wanted), None)
    instead = "" if usual is None else f" Here is {quoted(usual.name)} instead."
    if found is None:
        warn(f"There is no run {quoted(wanted)} here (any more).{instead}")
        return usual
    if problem := _unreadable(found):
        warn(f"{quoted(found.name)} cannot be presented: {escaped(problem)}{instead}")
        return usual
    return found


def run_menu(place: DeltaGenerator, runs: Sequence[Run], shown: Run) -> None:
    """A menu of all runs in the speaker's panel."""
    names = run_labels(list(runs))
    words = {
        run.id: f"{names[run.id]} ({DAMAGED if run.damage else run.state})"
        for run in runs
        if run.origin != ORIGIN
    }
    ids = [run.id for run in runs]
    place.selectbox(
        "Run",
        ids,
        ids.index(shown.id),
        format_func=lambda one: words.get(one, names[one]),
        key=widget_key(_KEY, shown.id),
        on_change=uninterruptible(_chosen),
        help="The training that is presented. The recorded one comes with cifarviz.",
    )


def _chosen() -> None:
    update_query_params(**dict.fromkeys(OF_A_RUN), run=widget_value(_KEY))


def _usual(runs: Sequence[Run]) -> Run | None:
    fit = [run for run in runs if _unreadable(run) is None]
    recorded = [run for run in fit if run.origin == ORIGIN]
    learned = [run for run in fit if run.epochs_done]
    return next(iter([*recorded, *learned, *fit]), None)


def _unreadable(run: Run) -> str | None:
    try:
        run.experiment  # noqa: B018
    except CifarvizError as error:
        return str(error)
    return None


def all_runs() -> list[Run]:
    """All runs of this home, the newest first."""
    return cache.store().all()


def mark_of(run: Run) -> ReplayMark:
    """The word for what of it is drawn; ``live`` only while it trains."""
    mark = _MARKS.get(run.state, "recorded")
    return "starting" if mark == "live" and not _has_begun(run) else mark


def title_of(run: Run) -> str:
    """The headline of its training."""
    match mark_of(run):
        case "waiting":
            return "Waiting for its turn to learn"
        case "starting":
            return "The network is about to learn"
        case "live":
            return "The network is learning"
        case "paused":
            return "Learning is paused"
        case "stopping":
            return "Learning is being stopped"
        case _:
            return _ended(run)


def note_of(run: Run) -> str:
    """What the speaker is told of a run under way, as Markdown."""
    name = quoted(run.name)
    # A fork counts on from its parent's epochs.
    planned = _epochs(run.experiment.epochs - (run.parent_epoch or 0))
    match mark_of(run):
        case "waiting":
            before = run.parent is not None or run.epochs_done > 0
            drawn = " What is drawn was measured before." if before else ""
            return (
                f"**Waiting**: {name} is queued and does not train yet; it begins, for {planned}, "
                f"when the runs before it have ended.{drawn}"
            )
        case "starting":
            return (
                f"**Starting**: the network of {name} is being built; its first batches come in a "
                "few seconds."
            )
        case "paused":
            return (
                f"**Paused**: {name} keeps its place and does not train at this moment. What is "
                "drawn was measured before; it goes on when somebody resumes it on Train."
            )
        case "stopping":
            return (
                f"**Stopping**: {name} has been asked to end. What it has learned so far is kept."
            )
        case _:
            return (
                f"**Live**: {name} trains at this moment, for {planned}; what is drawn has just "
                "been measured."
            )


def _has_begun(run: Run) -> bool:
    progress = run.progress
    return progress is not None and progress.step > 0 and progress.phase not in _BEFORE_STEPS


def _ended(run: Run) -> str:
    count = run.epochs_done
    if not count:
        return "A training that did not get far"
    if (how := _ENDED_EARLY.get(run.state)) is not None:
        return f"{how} {training_position(run)} of {run.experiment.epochs}"
    images = f" of {run.train_images:,} images" if run.train_images else ""
    return f"{_epochs(count)}{images}"


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def place_in(text: str | None) -> float | None:
    """The place in epochs, such as ``8.25``; ``None`` where there is none, or no such number."""
    if text is None or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?", text):
        return None
    return float(text)
