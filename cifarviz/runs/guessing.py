"""Guess first: the class guesses what pictures show, then a network answers."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from cifarviz.errors import RunError
from cifarviz.people.person import current_person, require_maker, require_teacher
from cifarviz.runs.pins import load_preference, save_preference
from cifarviz.runs.store import RunStore, new_run_id

PICTURES: Final = 10
"""How many pictures a game has."""

_PREFERENCE = "class game"
# JSON has no tuples.
_LISTS = ("images", "labels", "answers", "confidences")


@dataclass(frozen=True)
class Game:
    """A game: test images by their numbers, their labels, and what a network answers.

    ``answers`` are classes, ``confidences`` their probabilities, 0 to 1. ``position``, from 0, is
    the picture that is guessed now; with ``revealed`` its answer is shown.
    """

    id: str
    dataset: str
    network: str
    images: tuple[int, ...]
    labels: tuple[int, ...]
    answers: tuple[int, ...]
    confidences: tuple[float, ...]
    position: int = 0
    revealed: bool = False

    @property
    def played(self) -> int:
        """How many pictures have been answered."""
        return self.position + int(self.revealed)

    @property
    def is_over(self) -> bool:
        """Whether the last picture has been answered."""
        return self.played == len(self.images)


@dataclass(frozen=True)
class Scores:
    """How many of ``played`` pictures, those that somebody has guessed, were right.

    ``people``: by the guess that most made, where there was one; ``network`` by its answer;
    ``persons`` by each person's guesses, by id.
    """

    played: int
    people: int
    network: int
    persons: dict[str, int]


def start_game(
    store: RunStore,
    dataset: str,
    network: str,
    images: Sequence[int],
    labels: Sequence[int],
    answers: Sequence[int],
    confidences: Sequence[float],
) -> Game:
    """Start a game, in the place of any other; raises ``AccessRefused``."""
    require_teacher("start a game")
    game = Game(
        new_run_id(),
        dataset,
        network,
        tuple(map(int, images)),
        tuple(map(int, labels)),
        tuple(map(int, answers)),
        tuple(map(float, confidences)),
    )
    _save(store, game)
    return game


def load_game(store: RunStore) -> Game | None:
    """Return the game that goes on, or has ended last; None if there is none."""
    stored = load_preference(store, _PREFERENCE)
    try:
        lists = {name: tuple(stored[name]) for name in _LISTS}
        return Game(**{**stored, **lists})
    except (KeyError, TypeError):
        return None


def end_game(store: RunStore) -> None:
    """Take the game away; raises ``AccessRefused``."""
    require_teacher("end the game")
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM guesses")
    save_preference(store, _PREFERENCE, None)


def reveal(store: RunStore, game: Game) -> None:
    """Show the network's answer; from now on nobody guesses.

    Raises ``AccessRefused``, and ``RunError`` if the game has gone on.
    """
    require_teacher("show the network’s answer")
    _step(store, game, replace(game, revealed=True))


def go_on(store: RunStore, game: Game) -> None:
    """Show the next picture; raises as ``reveal`` does."""
    require_teacher("show the next picture")
    if not game.is_over:
        _step(store, game, replace(game, position=game.position + 1, revealed=False))


def guess(store: RunStore, game_id: str, position: int, label: int) -> None:
    """Store, or change, what the current person guesses.

    Raises ``AccessRefused`` for a viewer, and ``RunError`` if the picture is no longer guessed.
    """
    require_maker()
    with store.database.connect(write=True) as connection:
        # In the transaction, so that nobody guesses what was just revealed.
        game = load_game(store)
        if game is None or (game.id, game.position, game.revealed) != (game_id, position, False):
            raise RunError("This picture is no longer guessed: wait for the next one.")
        connection.execute(
            "INSERT OR REPLACE INTO guesses VALUES (?, ?, ?, ?)",
            (game_id, position, current_person().id, label),
        )


def own_guess(store: RunStore, game: Game) -> int | None:
    """Return what the current person has guessed of the current picture."""
    return _guesses(store, game, game.position).get(current_person().id)


def guess_counts(store: RunStore, game: Game, classes: int) -> list[int]:
    """Return how many guessed each class of the current picture.

    Until it is revealed only the teacher may ask, so that nobody follows the others; raises
    ``AccessRefused``.
    """
    if not game.revealed:
        require_teacher("see what the others guess")
    counts = Counter(_guesses(store, game, game.position).values())
    return [counts[label] for label in range(classes)]


def guess_total(store: RunStore, game: Game) -> int:
    """Return how many have guessed the current picture."""
    return len(_guesses(store, game, game.position))


def scores(store: RunStore, game: Game) -> Scores:
    """Return who was right how often, over answered pictures that somebody has guessed."""
    played = people = network = 0
    persons = Counter[str]()
    for position in range(game.played):
        guesses = _guesses(store, game, position)
        if not guesses:
            continue
        right = game.labels[position]
        played += 1
        network += game.answers[position] == right
        persons.update(person for person, label in guesses.items() if label == right)
        ranked = Counter(guesses.values()).most_common(2)
        is_tie = len(ranked) == 2 and ranked[0][1] == ranked[1][1]
        people += not is_tie and ranked[0][0] == right
    return Scores(played, people, network, dict(persons))


def _guesses(store: RunStore, game: Game, position: int) -> dict[str, int]:
    with store.database.connect() as connection:
        rows = connection.execute(
            "SELECT person, label FROM guesses WHERE game = ? AND position = ?",
            (game.id, position),
        ).fetchall()
    return {row["person"]: row["label"] for row in rows}


def _step(store: RunStore, before: Game, after: Game) -> None:
    with store.database.connect(write=True) as connection:
        # A second tab would take the class back to an earlier picture.
        if load_game(store) != before:
            raise RunError(
                "The game has gone on in another tab. This tab now shows the current picture."
            )
        connection.execute(
            "UPDATE preferences SET value = ? WHERE name = ?",
            (json.dumps(asdict(after)), _PREFERENCE),
        )


def _save(store: RunStore, game: Game) -> None:
    save_preference(store, _PREFERENCE, asdict(game))
