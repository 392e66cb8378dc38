"""Guess first: a picture on the projector, buttons on the phones, then what the network says."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import DatasetNotFound
from cifarviz.figures.percent import format_percent
from cifarviz.figures.sprite import enlarge
from cifarviz.people.person import current_person, is_teacher, may_make
from cifarviz.runs.guessing import (
    PICTURES,
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
from cifarviz.runs.members import class_members
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.live_items import rerun_on_change
from cifarviz.ui.dataset_images import available_images
from cifarviz.ui.errors import errors_as_toast, render_errors
from cifarviz.ui.pickers import available_checkpoints, run_labels
from cifarviz.ui.runs.showing import show_dataset_of

# Pixels of the picture: on a projector, and on a phone.
_SIDE = 640


def render_guessing() -> None:
    """Show the picture that is guessed now, or how to begin; students guess with buttons."""
    store = cache.store()
    game = load_game(store)
    watch_game(store)
    if game is None:
        if is_teacher():
            _render_beginning(store)
        else:
            st.markdown("No game goes on now.")
        return
    with render_errors():
        info = find_dataset(game.dataset)
        picture = _picture(game, info)
        names = class_names(info)
        st.caption(f"Picture {game.position + 1} of {len(game.images)}")
        left, right = st.columns(2, gap="large")
        with left:
            alt = names[game.labels[game.position]] if game.revealed else "The picture to guess"
            st.image(picture, width="stretch", output_format="PNG", alt=alt)
        with right:
            if game.revealed:
                _render_answer(store, game, names)
            elif is_teacher():
                _render_waiting(store, game)
            else:
                _render_buttons(store, game, names)
    if is_teacher():
        _render_end_button()


def watch_game(store: RunStore) -> None:
    """Run the page again whenever the game goes on, for the teacher also after each guess."""
    rerun_on_change("class-game", lambda: _mark(store), key="class-game-live")


def _mark(store: RunStore) -> str:
    game = load_game(store)
    if game is None:
        return ""
    guesses = guess_total(store, game) if is_teacher() else 0
    return f"{game.id} {game.position} {game.revealed} {guesses}"


def _picture(game: Game, info: DatasetInfo) -> np.ndarray:
    images = cache.nearest_dataset(info.name, "full").test
    position = images.position_of(game.images[game.position])
    if position is None:
        raise DatasetNotFound("The picture is no longer on this computer. End the game.")
    pixels = enlarge(images.images[position], _SIDE)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _render_beginning(store: RunStore) -> None:
    st.markdown(
        f"{PICTURES} test pictures on the projector. Everybody guesses on a phone, on the page "
        "Class; then the network answers. Who is right more often, people or the network?"
    )
    # Everybody reads the name.
    known = [run for run in store.all() if run.owner is None or run.shown]
    ready = [run for run in known if run.damage is None and available_checkpoints(run)]
    if not ready:
        st.info(
            "Train a network, or show one to the class on the page Runs.", icon=":material/info:"
        )
        return
    labels = run_labels(ready)
    chosen = st.selectbox(
        "Network", ready, format_func=lambda run: labels[run.id], key="guess-network"
    )
    if st.button("Start", type="primary", icon=":material/play_arrow:", key="guess-start"):
        with render_errors(), st.spinner("The network looks at the pictures …"):
            _start(store, chosen)
            st.rerun()


def _start(store: RunStore, run: Run) -> None:
    show_dataset_of(run)
    images = available_images(run, "test")
    positions = np.random.default_rng().choice(len(images), PICTURES, replace=False)
    chosen = images.take(positions)
    model = cache.trained_model(run, available_checkpoints(run)[0])
    probabilities = model.probabilities(chosen.images)
    start_game(
        store,
        run.experiment.data.dataset,
        run.name,
        chosen.indices.tolist(),
        chosen.labels.tolist(),
        probabilities.argmax(axis=1).tolist(),
        probabilities.max(axis=1).tolist(),
    )


def _render_waiting(store: RunStore, game: Game) -> None:
    count, people = guess_total(store, game), len(class_members(store))
    st.markdown(f"## What is it?\n\n**{count}** of {people} have guessed.")
    st.button(
        "Show the answer",
        type="primary",
        icon=":material/visibility:",
        key="guess-reveal",
        on_click=_lead,
        args=(reveal, game),
    )


def _render_buttons(store: RunStore, game: Game, names: tuple[str, ...]) -> None:
    if not may_make():
        st.markdown("## What is it?")
        st.caption("The people of the class guess; viewers watch.")
        return
    own = own_guess(store, game)
    st.markdown("## What is it?" if own is None else f"## You say: {escaped(names[own])}")
    with st.container(horizontal=True, key="guess-buttons"):
        for label, name in enumerate(names):
            st.button(
                escaped(name),
                key=f"guess-{game.position}-{label}",
                type="primary" if label == own else "secondary",
                on_click=_guess,
                args=(game, label),
            )
    if own is not None:
        st.caption("You can change it until the answer is shown.")


def _guess(game: Game, label: int) -> None:
    with errors_as_toast():
        guess(cache.store(), game.id, game.position, label)


def _render_answer(store: RunStore, game: Game, names: tuple[str, ...]) -> None:
    label, answer = game.labels[game.position], game.answers[game.position]
    st.markdown(f"## {escaped(names[label])}")
    sign = ":green[:material/check:]" if answer == label else ":red[:material/close:]"
    confidence = format_percent(game.confidences[game.position])
    st.markdown(
        f"{sign} The network “{escaped(game.network)}” says **{escaped(names[answer])}**, "
        f"{confidence} sure."
    )
    own = own_guess(store, game)
    if own is not None:
        st.markdown(f"You said **{escaped(names[own])}**.")
    counts = guess_counts(store, game, len(names))
    total = sum(counts)
    for place in np.argsort(counts)[::-1][:4]:
        if counts[place]:
            name = escaped(names[place])
            people = "1 person" if counts[place] == 1 else f"{counts[place]} people"
            st.progress(
                counts[place] / total, f"{'**' + name + '**' if place == label else name}: {people}"
            )
    if not total:
        st.caption("Nobody has guessed.")
    _render_scores(store, game)
    if is_teacher() and not game.is_over:
        st.button(
            "Next picture",
            type="primary",
            icon=":material/arrow_forward:",
            key="guess-next",
            on_click=_lead,
            args=(go_on, game),
        )


def _render_scores(store: RunStore, game: Game) -> None:
    result = scores(store, game)
    left, middle, right = st.columns(3)
    left.metric("People, most of them", f"{result.people} of {result.played}")
    middle.metric("Network", f"{result.network} of {result.played}")
    own = result.persons.get(current_person().id, 0)
    if current_person().role == "student":
        right.metric("You", f"{own} of {result.played}")
    elif result.persons:
        best = max(result.persons.values())
        right.metric("Best person", f"{best} of {result.played}")
    st.caption("Of the pictures that somebody has guessed. Most say the same, or it is not right.")
    if game.is_over and result.played:
        st.markdown(f"### {_verdict(result.people, result.network)}")


def _verdict(people: int, network: int) -> str:
    if people == network:
        return "People and network are equally good."
    return "People win." if people > network else "The network wins."


def _lead(step: Callable[[RunStore, Game], None], game: Game) -> None:
    with errors_as_toast():
        step(cache.store(), game)


def _render_end_button() -> None:
    st.button("End the game", icon=":material/stop:", key="guess-end", on_click=_end)


def _end() -> None:
    with errors_as_toast():
        end_game(cache.store())
