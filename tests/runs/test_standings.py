"""How far the people of a class are, and the task that is set."""

from dataclasses import replace

import pytest

from cifarviz.errors import AccessRefused
from cifarviz.people.person import acting_as
from cifarviz.runs.members import Task, begin_class, join_class, load_class, save_class
from cifarviz.runs.standings import class_standings
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs


def _store_run(store: RunStore, epochs: int, state: RunState = RunState.FINISHED) -> str:
    return stored_runs.store_run(store, stored_runs.experiment(), epochs=epochs, state=state).id


def test_the_most_accurate_come_first(store: RunStore) -> None:
    ada, ben, cy = (join_class(store, name) for name in ("Ada", "Ben", "Cy"))
    with acting_as(ada.person):
        _store_run(store, 1)
    with acting_as(ben.person):
        _store_run(store, 1)
        best = _store_run(store, 3)
        waiting = _store_run(store, 0, RunState.QUEUED)
    # The teacher's own are nobody's.
    _store_run(store, 5)
    standings = class_standings(store)
    assert [one.member.name for one in standings] == ["Ben", "Ada", "Cy"]
    first, _, last = standings
    assert first.best is not None
    assert first.active is not None
    assert (first.best.id, first.active.id, first.runs) == (best, waiting, 3)
    assert (last.best, last.accuracy, last.runs) == (None, None, 0)
    others = class_standings(store, lambda run: run.id != best)
    assert others[0].accuracy == others[1].accuracy
    assert cy.name == last.member.name


def test_students_see_the_board_when_the_teacher_shows_it(store: RunStore) -> None:
    ada = join_class(store, "Ada").person
    with acting_as(ada), pytest.raises(AccessRefused):
        class_standings(store)
    save_class(store, replace(load_class(store), board=True))
    with acting_as(ada):
        assert [one.member.name for one in class_standings(store)] == ["Ada"]


def test_a_task_is_kept(store: RunStore) -> None:
    task = Task(0.55, 50_000, "0123abcd")
    save_class(store, replace(load_class(store), task=task))
    assert load_class(store).task == task
    assert begin_class(store).task is None
