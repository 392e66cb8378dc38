"""How far the people of a class are."""

from collections.abc import Callable
from dataclasses import dataclass

from cifarviz.errors import AccessRefused
from cifarviz.people.person import TEACHER, acting_as, is_teacher
from cifarviz.runs.members import Member, class_members, load_class
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore


@dataclass(frozen=True)
class Standing:
    """A student with the runs: the newest active one, and that of the highest accuracy.

    ``best`` is chosen by the highest validation accuracy after any epoch.
    """

    member: Member
    runs: int
    active: Run | None
    best: Run | None

    @property
    def accuracy(self) -> float | None:
        """The highest validation accuracy, 0 to 1."""
        return None if self.best is None else self.best.best_val_accuracy


def class_standings(
    store: RunStore, counts: Callable[[Run], bool] = lambda run: True
) -> list[Standing]:
    """Return how far each student is, the highest accuracy first.

    ``counts`` says of a run whether it may be somebody's best. Raises ``AccessRefused`` for
    students while the teacher does not show the board.
    """
    if not is_teacher() and not load_class(store).board:
        raise AccessRefused("The teacher does not show now how far everybody is.")
    with acting_as(TEACHER):
        runs = [run for run in store.all() if run.damage is None]
    by_owner: dict[str | None, list[Run]] = {}
    for run in runs:
        by_owner.setdefault(run.owner, []).append(run)
    standings = [
        _judge_member(member, by_owner.get(member.id, []), counts)
        for member in class_members(store)
    ]
    return sorted(standings, key=lambda one: (-(one.accuracy or 0.0), one.member.joined))


def _judge_member(member: Member, runs: list[Run], counts: Callable[[Run], bool]) -> Standing:
    active = [run for run in runs if run.state.active]
    # The one that trains comes before those that wait.
    active.sort(key=lambda run: run.state is RunState.QUEUED)
    judged = [run for run in runs if run.best_val_accuracy is not None and counts(run)]
    best = max(judged, key=lambda run: run.best_val_accuracy or 0.0, default=None)
    return Standing(member, len(runs), active[0] if active else None, best)
