"""Guess first: who guesses what and when, and who was right."""

import pytest

from cifarviz.errors import AccessRefused, RunError
from cifarviz.people.person import Person, acting_as
from cifarviz.runs.guessing import (
    Game,
    end_game,
    go_on,
    guess,
    guess_counts,
    guess_total,
    load_game,
    own_guess,
    reveal,
    scores,
    start_game,
)
from cifarviz.runs.store import RunStore

ADA, BEN, CY = (Person(f"{name}00000", name, "student") for name in ("ada", "ben", "cy"))
VIEWER = Person("viewer-1", "Viewer", "viewer")


@pytest.fixture
def game(store: RunStore) -> Game:
    return start_game(store, "cifar10", "a run", [5, 7, 9], [0, 1, 2], [0, 0, 2], [0.9, 0.5, 0.4])


def _now(store: RunStore) -> Game:
    game = load_game(store)
    assert game is not None
    return game


def _guess(store: RunStore, person: Person, label: int) -> None:
    game = _now(store)
    with acting_as(person):
        guess(store, game.id, game.position, label)


def test_a_game_from_the_first_picture_to_the_scores(store: RunStore, game: Game) -> None:
    assert load_game(store) == game
    # Most are right; most are wrong; a tie.
    rounds = [{ADA: 0, BEN: 0, CY: 1}, {ADA: 0, BEN: 0, CY: 1}, {ADA: 2, BEN: 0}]
    for guesses in rounds:
        for person, label in guesses.items():
            _guess(store, person, label)
        assert guess_total(store, _now(store)) == len(guesses)
        reveal(store, _now(store))
        go_on(store, _now(store))
    result = scores(store, _now(store))
    assert (result.played, result.people, result.network) == (3, 1, 2)
    assert result.persons == {ADA.id: 2, BEN.id: 1, CY.id: 1}
    assert _now(store).is_over


def test_a_guess_may_be_changed_until_the_answer_is_shown(store: RunStore, game: Game) -> None:
    _guess(store, ADA, 3)
    _guess(store, ADA, 4)
    with acting_as(ADA):
        assert own_guess(store, game) == 4
    assert guess_counts(store, game, 10)[3:5] == [0, 1]
    reveal(store, game)
    with pytest.raises(RunError, match="no longer guessed"):
        _guess(store, ADA, 5)
    with acting_as(ADA), pytest.raises(RunError):
        guess(store, "another game", 0, 5)


def test_a_second_tab_of_the_teacher_takes_the_class_not_back(store: RunStore, game: Game) -> None:
    reveal(store, game)
    go_on(store, _now(store))
    for step in (reveal, go_on):
        with pytest.raises(RunError, match="another tab"):
            step(store, game)
    assert _now(store).position == 1


def test_nobody_sees_what_others_guess_before_the_answer(store: RunStore, game: Game) -> None:
    _guess(store, ADA, 3)
    with acting_as(BEN):
        with pytest.raises(AccessRefused):
            guess_counts(store, game, 10)
        assert own_guess(store, game) is None
    reveal(store, game)
    with acting_as(BEN):
        assert guess_counts(store, _now(store), 10)[3] == 1


@pytest.mark.parametrize("person", [ADA, VIEWER], ids=lambda person: person.name)
def test_only_the_teacher_leads_the_game(store: RunStore, game: Game, person: Person) -> None:
    with acting_as(person):
        for act in (reveal, go_on):
            with pytest.raises(AccessRefused):
                act(store, game)
        with pytest.raises(AccessRefused):
            end_game(store)
        with pytest.raises(AccessRefused):
            start_game(store, "cifar10", "a run", [1], [1], [1], [0.5])
    assert load_game(store) == game
    end_game(store)
    assert load_game(store) is None


def test_viewers_do_not_guess(store: RunStore, game: Game) -> None:
    with pytest.raises(AccessRefused):
        _guess(store, VIEWER, 1)


def test_a_stored_game_that_cannot_be_read_is_none(store: RunStore) -> None:
    with store.database.connect(write=True) as connection:
        connection.execute("INSERT INTO preferences VALUES ('class game', '{\"id\": 1}')")
    assert load_game(store) is None
