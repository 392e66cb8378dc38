"""What a lesson consists of: steps on pages that exist, with texts about recorded runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cifarviz.analysis.lab_verdicts import ArmResult, arm_result
from cifarviz.runs.recorded import recorded_series, restore_recorded_run
from cifarviz.runs.records import Run
from cifarviz.runs.series import series_runs
from cifarviz.runs.store import RunStore


@dataclass(frozen=True)
class RecordedResults:
    """The runs of a recorded series and their results, in the order of the series.

    ``series_id`` is empty for the recorded run that is in no series.
    """

    series_id: str
    runs: tuple[Run, ...]
    results: tuple[ArmResult, ...]


Recordings = Mapping[str, RecordedResults]
"""The recordings of a lesson by name; ``"run"`` is the recorded run that is in no series."""
Facts = Mapping[str, Any]
"""Values for the placeholders of a lesson's texts and addresses."""


@dataclass(frozen=True)
class Question:
    """A question with several answers; ``explanation`` is shown after any of them.

    ``correct`` is the index of the right one. Texts are templates of the lesson's facts.
    """

    text: str
    answers: tuple[str, ...]
    correct: int
    explanation: str


@dataclass(frozen=True)
class Step:
    """A page to open, and what to do there.

    ``address`` are its query parameters. ``text`` and the values of ``address`` are templates of
    the lesson's facts. ``trains``: whether one is to press Train, which viewers of a class cannot.
    """

    title: str
    text: str
    page: str
    address: Mapping[str, str]
    questions: tuple[Question, ...] = ()
    trains: bool = False


@dataclass(frozen=True)
class Lesson:
    """A lesson; ``name`` is its value in addresses, ``promise`` the text of its card.

    ``recordings`` are names of recorded series, or ``"run"``. ``facts`` computes the values of the
    texts from them. ``claims`` are sentences that the lesson relies on, each with its test.
    """

    name: str
    title: str
    promise: str
    icon: str
    recordings: tuple[str, ...]
    facts: Callable[[Recordings], Facts]
    steps: tuple[Step, ...]
    claims: Mapping[str, Callable[[Recordings], bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenLesson:
    """A lesson with the recordings of a home."""

    lesson: Lesson
    recordings: Recordings

    @cached_property
    def facts(self) -> Facts:
        """The values of its texts and addresses."""
        return self.lesson.facts(self.recordings)

    def text(self, template: str) -> str:
        """Return a text of the lesson with its values."""
        return template.format(**self.facts)

    def address(self, step: int) -> dict[str, str]:
        """Return the query parameters of a step, counted from 1."""
        return {
            name: self.text(value) for name, value in self.lesson.steps[step - 1].address.items()
        }


def open_lesson(store: RunStore, lesson: Lesson) -> OpenLesson:
    """Return the lesson; its recordings are unpacked if they are missing, 0.1 s a run.

    Raises what ``archive.unpack`` does.
    """
    return OpenLesson(lesson, {name: _load(store, name) for name in lesson.recordings})


def _load(store: RunStore, name: str) -> RecordedResults:
    if name == "run":
        run = restore_recorded_run(store)
        result = arm_result(run.name, run, store.epochs(run.id))
        return RecordedResults("", (run,), (result,) if result else ())
    series = recorded_series(store, name, restore=True)
    assert series is not None
    runs = tuple(series_runs(store, series))
    histories = store.histories([run.id for run in runs])
    results = (
        arm_result(label, run, histories[run.id])
        for label, run in zip(series.labels, runs, strict=True)
    )
    return RecordedResults(series.id, runs, tuple(result for result in results if result))
