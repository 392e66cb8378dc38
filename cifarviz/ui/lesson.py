"""Lessons: their card on the Start page, and the bar that leads through their steps."""

import re
from typing import Literal

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.lessons.lesson import Lesson, OpenLesson, Question, open_lesson
from cifarviz.lessons.registry import LESSONS
from cifarviz.people.person import may_make
from cifarviz.ui import cache, state
from cifarviz.ui.address import quoted
from cifarviz.ui.components.scroll_here import lesson_focus
from cifarviz.ui.errors import error_text, render_errors
from cifarviz.ui.identity import render_way_to_join
from cifarviz.ui.navigation import go_to
from cifarviz.ui.query import update_query_params

LESSON = "lesson"
"""The query parameter that holds a lesson and a step, such as ``overfitting-2``."""


def render_lesson_card() -> None:
    """Render the card of the first lesson, with links to the others."""
    first, *others = LESSONS.values()
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="card-lesson"):
        with st.container(width="stretch", gap="xxsmall"):
            st.markdown(f"## :material/{first.icon}: {first.title}")
            st.markdown(first.promise)
        _render_begin_button(first, "Start the lesson", kind="primary")
        with st.popover("More lessons", icon=":material/school:", width="content"):
            for lesson in others:
                st.markdown(lesson.promise)
                _render_begin_button(lesson, lesson.title, kind="secondary")


def _render_begin_button(
    lesson: Lesson, label: str, *, kind: Literal["primary", "secondary"]
) -> None:
    if st.button(
        label,
        key=f"lesson-{lesson.name}",
        type=kind,
        icon=":material/play_arrow:",
        help=f"{len(lesson.steps)} short steps. You can leave at any time.",
    ):
        with render_errors():
            _go_to_step(lesson, 1)


def render_lesson_bar(page: str) -> None:
    """Render the step of the lesson below its page; on other pages, a way back to it.

    The address of a step holds the lesson and the step. ``page`` is the name of the open page.
    """
    word = st.query_params.get(LESSON) or state.recall(LESSON)
    if not word or page == "present":
        return
    found = re.fullmatch(r"([a-z-]+)-([0-9]{1,2})", word)
    lesson = LESSONS.get(found[1]) if found else None
    if found is None or lesson is None or not 1 <= int(found[2]) <= len(lesson.steps):
        st.warning(
            f"There is no lesson step {quoted(word)}. Choose a lesson on the Start page.",
            icon=":material/warning:",
        )
        return
    number = int(found[2])
    state.remember(LESSON, word)
    # Below the page, so that it stays in sight while the page is scrolled.
    with st.bottom, st.container(border=True, key="lesson-bar", gap="small"):
        if st.query_params.get(LESSON) != word:
            _render_way_back(lesson, number)
            return
        try:
            opened = open_lesson(cache.store(), lesson)
        except CifarvizError as error:
            st.error(error_text(error), icon=":material/error:")
            _render_leave_button()
            return
        _render_step(opened, number)


def _render_step(opened: OpenLesson, number: int) -> None:
    lesson = opened.lesson
    count, step = len(lesson.steps), lesson.steps[number - 1]
    st.markdown(
        f"**{lesson.title}** · Step {number} of {count}: **{step.title}**  \n"
        f"{opened.text(step.text)}"
    )
    if step.trains and not may_make():
        render_way_to_join()
    if step.questions:
        # Beside each other, so that the curves above stay in sight.
        columns = st.columns(len(step.questions), gap="medium")
        for place, (column, question) in enumerate(zip(columns, step.questions, strict=True)):
            with column:
                _render_question(opened, question, key=f"lesson-{lesson.name}-{number}-{place}")
    with st.container(horizontal=True, key="lesson-steps"):
        if number > 1 and st.button("Back", key="lesson-back", icon=":material/arrow_back:"):
            _go_to_step(lesson, number - 1)
        if number < count:
            following = lesson.steps[number]
            if st.button(
                f"Next: {following.title}",
                key="lesson-next",
                type="primary",
                icon=":material/arrow_forward:",
            ):
                _go_to_step(lesson, number + 1)
        elif st.button(
            "Finish the lesson", key="lesson-finish", type="primary", icon=":material/check:"
        ):
            state.remember(LESSON, "")
            go_to("start")
        _render_leave_button()
    lesson_focus(
        f"{lesson.name}-{number}",
        f"{lesson.title}, step {number} of {count}: {step.title}",
        key="lesson-focus",
    )


def _render_way_back(lesson: Lesson, number: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{lesson.title}** · You left step {number}: {lesson.steps[number - 1].title}.",
            width="content",
        )
        if st.button(
            "Return to the lesson", key="lesson-return", icon=":material/keyboard_return:"
        ):
            _go_to_step(lesson, number)
        _render_leave_button()


def _render_leave_button() -> None:
    st.button(
        "Leave the lesson",
        key="lesson-leave",
        type="tertiary",
        icon=":material/close:",
        on_click=_leave,
        help="Hides this bar. The lesson starts again from the Start page.",
    )


def _render_question(opened: OpenLesson, question: Question, *, key: str) -> None:
    answers = [opened.text(answer) for answer in question.answers]
    chosen = st.radio(opened.text(question.text), answers, index=None, key=key)
    if chosen is None:
        return
    explanation = opened.text(question.explanation)
    if chosen == answers[question.correct]:
        st.success(f"Yes. {explanation}", icon=":material/check_circle:")
    else:
        st.info(f"Not quite. {explanation}", icon=":material/info:")


def _go_to_step(lesson: Lesson, number: int) -> None:
    word = f"{lesson.name}-{number}"
    address = open_lesson(cache.store(), lesson).address(number)
    state.remember(LESSON, word)
    go_to(lesson.steps[number - 1].page, **address, **{LESSON: word})


def _leave() -> None:
    state.remember(LESSON, "")
    update_query_params(**{LESSON: None})
