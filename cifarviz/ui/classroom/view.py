"""The page of a class: joining on the projector, the people, and the board."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

import segno
import streamlit as st

from cifarviz.escaping import html_text
from cifarviz.figures.percent import format_percent
from cifarviz.people.addresses import network_addresses
from cifarviz.people.person import is_teacher
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.guessing import load_game
from cifarviz.runs.members import (
    ClassState,
    begin_class,
    load_class,
    remove_member,
    save_class,
)
from cifarviz.runs.standings import Standing, class_standings
from cifarviz.runs.states import RunState
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.classroom.board import ACCURACY_MEANING, is_here, render_board, standings_mark
from cifarviz.ui.classroom.clearing import render_clearing
from cifarviz.ui.classroom.guessing import render_guessing, watch_game
from cifarviz.ui.classroom.limits import render_limits
from cifarviz.ui.components.live_items import rerun_on_change
from cifarviz.ui.errors import errors_as_toast, render_errors
from cifarviz.ui.navigation import ViewEntry, link_to, render_title_and_views
from cifarviz.ui.runs.fork import open_dialog

View = Literal["join", "people", "board", "guess"]
_VIEWS: Mapping[View, ViewEntry] = MappingProxyType(
    {
        "join": ViewEntry("Join", "qr_code_2"),
        "people": ViewEntry("People", "groups"),
        "board": ViewEntry("Board", "leaderboard"),
        "guess": ViewEntry("Guess first", "front_hand"),
    }
)


def render_class() -> None:
    """Show the view that is chosen; students have the board only."""
    if not is_teacher():
        _render_class_of_students()
        return
    view = render_title_and_views(
        "Class",
        _VIEWS,
        key="class-view",
        problem=lambda view: f"There is no view {quoted(view)} of the class. This is the first.",
        forget=(),
    )
    {
        "join": _render_joining,
        "people": _render_people,
        "board": render_board,
        "guess": render_guessing,
    }[view]()


def _render_class_of_students() -> None:
    st.title("Class")
    if load_game(cache.store()) is not None:
        render_guessing()
    else:
        watch_game(cache.store())
        render_board()


def class_address() -> str:
    """Return the address at which others open this server."""
    settings = cache.settings()
    if settings.class_address:
        return settings.class_address
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    host = next(iter(network_addresses()), "127.0.0.1")
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"{scheme}://{host}:{st.get_option('server.port')}/{base}".rstrip("/")


def _render_joining() -> None:
    store = cache.store()
    state = load_class(store)
    address = class_address()
    code = ClassSecrets(store.settings.home).join_code(state.id)
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        st.html(
            '<div class="class-join"><p>Open</p>'
            f"<strong>{html_text(address)}</strong>"
            f"<p>and type the code</p><strong>{html_text(code)}</strong></div>"
        )
        if not state.is_open:
            st.warning("The class is closed to newcomers.", icon=":material/lock:")
    with right:
        # White around it in the dark theme too: cameras expect dark on light.
        picture = segno.make(f"{address}/class/join?code={code}", error="m")
        code_as_svg = picture.svg_inline(border=3, scale=8, dark="#000", light="#fff")
        st.image(code_as_svg, alt="QR code with the address and the code of the class")
    if address.startswith("http:"):
        st.caption(
            "Without TLS everything that is sent can be read by others on this network, codes and "
            "cookies too, and the teacher can sign in on this computer only."
        )
    _render_switches(state)


def _render_switches(state: ClassState) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    for name, label, hint in (
        ("is_open", "Newcomers may join", "Those who have joined can always come back."),
        ("viewers", "Viewers by link", "Whoever has the link sees what you show, and changes "
         "nothing."),
        ("board", "Students see the board", "How far everybody is, by name; viewers see it too."),
    ):  # fmt: skip
        row.toggle(
            label,
            getattr(state, name),
            key=f"class-{name}",
            help=hint,
            on_change=_switch,
            args=(name, not getattr(state, name)),
        )
    row.button(
        "New code",
        icon=":material/refresh:",
        key="class-new-code",
        help="The code and the link for viewers change; who has joined stays in the class.",
        on_click=_renew,
    )
    if state.viewers:
        code = ClassSecrets(cache.settings().home).viewer_code(state.id)
        st.caption("The link for viewers:")
        st.code(f"{class_address()}/class/watch?code={code}", language=None)


def _switch(name: str, value: bool) -> None:
    store = cache.store()
    with errors_as_toast():
        changes: dict[str, Any] = {name: value}
        save_class(store, replace(load_class(store), **changes))


def _renew() -> None:
    store = cache.store()
    with errors_as_toast():
        before = load_class(store)
        state = begin_class(store)
        save_class(store, replace(before, id=state.id))


def _render_people() -> None:
    store = cache.store()
    standings = sorted(class_standings(store), key=lambda one: one.member.name.casefold())
    rerun_on_change("class-people", lambda: standings_mark(class_standings(store)), key="people")
    if not standings:
        st.markdown("Nobody has joined yet.")
        render_limits()
        # What earlier people have left.
        render_clearing()
        return
    secrets = ClassSecrets(store.settings.home)
    here = sum(map(is_here, standings))
    people = "1 person is" if len(standings) == 1 else f"{len(standings)} people are"
    st.markdown(f"**{here}** of {people} here.")
    st.caption(ACCURACY_MEANING)
    with st.container(key="class-people"):
        for standing in standings:
            _render_person(standing, secrets)
    render_limits()
    render_clearing()


def _render_person(standing: Standing, secrets: ClassSecrets) -> None:
    name, doing, best, action = st.columns([3, 4, 2, 3], vertical_alignment="center")
    dot = ":green[●]" if is_here(standing) else ":gray[○]"
    name.markdown(f"{dot} **{escaped(standing.member.name)}**")
    with doing:
        _render_active(standing)
    with best:
        _render_best(standing)
    row = action.container(horizontal=True, vertical_alignment="center")
    with row:
        _render_present_link(standing)
    # Not in sight, as the page may be on the projector.
    with row.popover("More", key=f"more-{standing.member.id}"):
        if st.toggle(
            "Show the personal code",
            key=f"code-{standing.member.id}",
            help="With it this person comes back on another device, and so does whoever reads it.",
        ):
            st.code(secrets.personal_code(standing.member.id), language=None)
        if st.button(
            f"Remove {escaped(standing.member.name)} from the class",
            key=f"remove-{standing.member.id}",
            icon=":material/person_remove:",
        ):
            open_dialog(
                f"Remove {escaped(standing.member.name)}?", _render_removal, standing.member.id
            )


def _render_removal(person_id: str) -> None:
    st.markdown(
        "Signs this person out everywhere, and stops what is queued or trains. The runs stay, and "
        "are yours from then on. Who joins again does so as somebody new."
    )
    row = st.container(horizontal=True)
    if row.button("Cancel", icon=":material/undo:"):
        st.rerun()
    if row.button("Remove", type="primary", icon=":material/person_remove:"):
        with render_errors():
            remove_member(cache.store(), person_id)
            st.rerun()


def _render_active(standing: Standing) -> None:
    run = standing.active
    if run is None:
        st.caption(f"{standing.runs} runs" if standing.runs != 1 else "1 run")
        return
    progress = f"{run.state}, epoch {run.progress.epoch}" if run.progress else str(run.state)
    link_to("train", f"{escaped(run.name)} · {progress}", view="watch", run=run.id)


def _render_present_link(standing: Standing) -> None:
    """Show a link that takes the run that trains, or else the best one, to the projector."""
    active = standing.active
    trains = active is not None and active.state is not RunState.QUEUED
    run = active if trains else standing.best
    if run is not None:
        link_to("present", "Present", ":material/slideshow:", scene="training", run=run.id)


def _render_best(standing: Standing) -> None:
    if standing.best is None or standing.accuracy is None:
        return
    label = f"{format_percent(standing.accuracy)} validation"
    link_to("train", label, ":material/trophy:", view="watch", run=standing.best.id)
