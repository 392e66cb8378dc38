"""Who a page is drawn for: the person whose cookie the browser sent."""

import os

import streamlit as st

from cifarviz.errors import AccessRefused
from cifarviz.live.class_gate import COOKIE, people_of_cookies
from cifarviz.people.person import Person, current_person
from cifarviz.people.secrets import ClassSecrets
from cifarviz.settings import Settings
from cifarviz.ui import streamlit_patches
from cifarviz.ui.address import escaped


def find_person_of_page() -> Person | None:
    """Return who the page is drawn for; None outside of pages, and where there is no class.

    Raises ``AccessRefused`` for somebody whose cookie has become void since the page was opened.
    """
    # Asked many times a page: nothing is read where there is no class.
    if os.environ.get("CIFARVIZ_CLASS", "").strip() != "1":
        return None
    if not streamlit_patches.is_page_run():
        return None
    person = people_of_cookies(Settings.from_environment()).find(st.context.cookies.get(COOKIE))
    if person is None:
        raise AccessRefused("You are no longer in the class. Join again, or ask the teacher.")
    return person


def render_person() -> None:
    """Show who one is in the class, in the sidebar; nothing where there is none."""
    settings = Settings.from_environment()
    if not settings.class_open:
        return
    person = current_person()
    if person.role == "viewer":
        render_way_to_join()
        return
    with st.popover(escaped(person.name), icon=":material/person:", key="class-person"):
        if person.role == "student":
            st.markdown("On another device, come back with your personal code:")
            st.code(ClassSecrets(settings.home).personal_code(person.id), language=None)
        st.html('<a href="class/leave" target="_self">Leave the class</a>')


def render_way_to_join() -> None:
    """Tell a viewer, in the place of what a viewer cannot do, how to join."""
    st.html(
        "<p>You are here to watch. To train yourself, "
        '<a href="class/join" target="_self">join with the code of the class</a>.</p>'
    )


def render_way_in() -> bool:
    """Show a link to where one joins, unless the person is in the class; returns whether it is."""
    try:
        current_person()
    except AccessRefused as error:
        st.error(str(error), icon=":material/lock:")
        # Not a button, of which the browser would have to load the script first.
        st.html('<a href="class/join" target="_self">Join the class</a>')
        return False
    return True
