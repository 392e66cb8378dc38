"""What every scene has in common: the run, the headline, the speaker's choices."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import CifarvizError
from cifarviz.escaping import html_text
from cifarviz.live.items import DAMAGED
from cifarviz.runs.recorded import ORIGIN, recorded_last
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.series import Series
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_weights import training_position
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.presenter import OfferedChoice
from cifarviz.ui.components.replay import ReplayMark
from cifarviz.ui.pickers import run_labels
from cifarviz.ui.query import render_choice, update_query_params, widget_key, widget_value

Option = TypeVar("Option", bound=str)


@dataclass(frozen=True, eq=False)
class Stage:
    """The run and data of a scene. ``run`` is ``None`` if nothing has been trained.

    ``names`` are the class names in the chosen language; ``duel`` is the newest duel of the run, if
    it is in one; ``panel`` is the place of the
    speaker's choices, ``None`` while it is hidden. ``choices`` are those that ``pick`` has offered.
    """

    run: Run | None
    history: Sequence[Epoch]
    info: DatasetInfo
    names: tuple[str, ...]
    duel: Series | None
    panel: DeltaGenerator | None
    choices: list[OfferedChoice] = field(default_factory=list)

    def pick(
        self,
        name: str,
        label: str,
        options: Mapping[Option, str],
        *,
        hint: str,
        problem: Callable[[str], str],
        usual: Option | None = None,
    ) -> Option:
        """The option that the address holds as ``name``, else ``usual`` or the first.

        Renders a menu in the speaker's panel while that is shown. Reports an unknown
        option.
        """
        chosen = self._pick(name, label, options, hint, problem, usual)
        labels = {str(value): text for value, text in options.items()}
        self.choices.append(OfferedChoice(name, label, labels, chosen))
        return chosen

    def _pick(
        self,
        name: str,
        label: str,
        options: Mapping[Option, str],
        hint: str,
        problem: Callable[[str], str],
        usual: Option | None,
    ) -> Option:
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
        default = next(iter(options)) if usual is None else usual
        in_address = st.query_params.get(name)
        choice = next((option for option in options if option == in_address), None)
        if in_address is not None and choice is None:
            render_warning(problem(quoted(in_address)))
        return default if choice is None else choice


@dataclass(frozen=True)
class Scene:
    """A scene; ``title`` is its name in the bar.

    ``render`` fills the stage and returns the speaker's notes, Markdown. ``preview`` returns what
    comes, in a line for the speaker. A scene with ``needs_duel`` exists only for a run of a duel,
    one with ``needs_upload`` only for whom may upload files.
    """

    title: str
    render: Callable[[Stage], Sequence[str]]
    preview: Callable[[Stage], str]
    needs_run: bool = True
    needs_duel: bool = False
    needs_upload: bool = False


_KEY = "present-run"
RECORDED_NOTE = "The recorded run that comes with cifarviz works in every scene but the duel."
RUN_PARAMS = ("epoch", "image", "layer", "at")
"""Query parameters that belong to a run."""
_MARKS: dict[RunState, ReplayMark] = {
    RunState.QUEUED: "waiting",
    RunState.PAUSED: "paused",
    RunState.STOPPING: "stopping",
    RunState.RUNNING: "live",
}
_PREPARATION_PHASES = ("preparing", "choosing")
_ENDED_EARLY = {
    RunState.STOPPED: "Stopped",
    RunState.FAILED: "Failed",
    RunState.INTERRUPTED: "Interrupted",
}


def render_headline(text: str) -> None:
    """Render the headline of the scene."""
    st.title(escaped(text), anchor=False)


def render_warning(text: str) -> None:
    """Render a warning, Markdown."""
    st.warning(text, icon=":material/warning:")


def picture_html(png: bytes, alt: str) -> str:
    """HTML of a picture without smoothing (assets/present.css)."""
    data = base64.b64encode(png).decode("ascii")
    source = f"data:image/png;base64,{data}"
    return f'<img class="present-pixels" alt="{html_text(alt)}" src="{source}">'


def run_in_address(runs: Sequence[Run]) -> Run | None:
    """The run in the address, of ``runs``; replaces and reports a run that cannot be shown."""
    default = default_run(runs)
    run_id = st.query_params.get("run")
    if run_id is None:
        if default is not None:
            update_query_params(run=default.id)
        return default
    run = next((run for run in runs if run.id == run_id), None)
    fallback = "" if default is None else f" {quoted(default.name)} is shown instead."
    if run is None:
        render_warning(f"There is no run {quoted(run_id)}.{fallback}")
        return default
    if problem := _unreadable(run):
        render_warning(f"{quoted(run.name)} cannot be presented: {escaped(problem)}{fallback}")
        return default
    return run


def run_choice(runs: Sequence[Run], shown: Run) -> OfferedChoice:
    """The choice of the run, among all runs."""
    names = run_labels(list(runs))
    labels = {
        run.id: names[run.id]
        if run.origin == ORIGIN
        else f"{names[run.id]} ({DAMAGED if run.damage else run.state})"
        for run in runs
    }
    return OfferedChoice("run", "Run", labels, shown.id)


def render_run_menu(
    panel: DeltaGenerator, choice: OfferedChoice, on_change: Callable[[str], None]
) -> None:
    """Render the choice of the run as a menu in the speaker's panel."""
    ids = list(choice.options)
    panel.selectbox(
        choice.label,
        ids,
        ids.index(choice.chosen),
        format_func=choice.options.__getitem__,
        key=widget_key(_KEY, choice.chosen),
        on_change=lambda: on_change(widget_value(_KEY)),
        help="The run to present. The recorded run comes with cifarviz.",
    )


def is_presentable(run: Run) -> bool:
    """Whether the experiment of a run can be read."""
    return _unreadable(run) is None


def default_run(runs: Sequence[Run]) -> Run | None:
    """The run that is presented unless the address names one: the recorded run, if it is here."""
    readable = [run for run in runs if is_presentable(run)]
    recorded = [run for run in recorded_last(cache.store(), readable) if run.origin == ORIGIN]
    trained = [run for run in readable if run.epochs_done]
    return next(iter([*recorded, *trained, *readable]), None)


def _unreadable(run: Run) -> str | None:
    try:
        run.experiment  # noqa: B018
    except CifarvizError as error:
        return str(error)
    return None


def replay_mark(run: Run) -> ReplayMark:
    """The state of the run for the replay; ``live`` only while it trains."""
    mark = _MARKS.get(run.state, "recorded")
    return "starting" if mark == "live" and not _has_started(run) else mark


def training_title(run: Run) -> str:
    """The headline of the training scene."""
    match replay_mark(run):
        case "waiting":
            return "Waiting to train"
        case "starting":
            return "Training is about to start"
        case "live":
            return "The network is training"
        case "paused":
            return "Training is paused"
        case "stopping":
            return "Training is stopping"
        case _:
            return _ended_title(run)


def status_note(run: Run) -> str:
    """The speaker's note on the state of an active run, Markdown."""
    name = quoted(run.name)
    # A fork continues the epochs of its parent.
    planned = _format_epochs(run.experiment.epochs - (run.parent_epoch or 0))
    match replay_mark(run):
        case "waiting":
            waiting = (
                f"**Waiting**: {name} is queued. It will train for {planned} when the runs before "
                "it are done."
            )
            measured_before = run.parent is not None or run.epochs_done > 0
            return f"{waiting} The curves are from before." if measured_before else waiting
        case "starting":
            return (
                f"**Starting**: the network of {name} is being built. The first batches come in a "
                "few seconds."
            )
        case "paused":
            return f"**Paused**: {name} continues when you resume it on the Train page."
        case "stopping":
            return f"**Stopping**: {name} is about to stop. Its weights so far are kept."
        case _:
            return f"**Live**: {name} is training for {planned}. The curves are live."


def _has_started(run: Run) -> bool:
    progress = run.progress
    return progress is not None and progress.step > 0 and progress.phase not in _PREPARATION_PHASES


def _ended_title(run: Run) -> str:
    count = run.epochs_done
    if not count:
        return "No epoch was finished"
    if (ending := _ENDED_EARLY.get(run.state)) is not None:
        return f"{ending} {training_position(run)} of {run.experiment.epochs}"
    images = f" of {run.train_images:,} images" if run.train_images else ""
    return f"{_format_epochs(count)}{images}"


def _format_epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"
