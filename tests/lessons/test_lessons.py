"""Each lesson: what it relies on is true of the recorded runs, and its texts fit together."""

import re

import pytest

from cifarviz.lessons.lesson import Lesson, OpenLesson, open_lesson
from cifarviz.lessons.registry import LESSONS
from cifarviz.runs.recorded import RECORDED_SERIES
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.navigation import PAGES

MOST_BYTES = 3_000_000


@pytest.fixture(scope="module", params=list(LESSONS.values()), ids=list(LESSONS))
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OpenLesson:
    lesson: Lesson = request.param
    home = str(tmp_path_factory.mktemp(lesson.name))
    settings = Settings.from_environment({"CIFARVIZ_HOME": home})
    return open_lesson(RunStore(settings), lesson)


def test_what_the_lesson_claims_is_true(opened: OpenLesson) -> None:
    assert opened.lesson.claims
    wrong = [text for text, holds in opened.lesson.claims.items() if not holds(opened.recordings)]
    assert not wrong


def test_each_step_opens_a_page_that_exists(opened: OpenLesson) -> None:
    assert len(opened.lesson.steps) >= 3
    for number, step in enumerate(opened.lesson.steps, 1):
        assert step.page in PAGES
        assert all(opened.address(number).values())


def test_each_text_has_all_its_values(opened: OpenLesson) -> None:
    for step in opened.lesson.steps:
        texts = [step.text]
        for question in step.questions:
            assert 0 <= question.correct < len(question.answers) >= 3
            assert len(set(map(opened.text, question.answers))) == len(question.answers)
            texts += [question.text, question.explanation, *question.answers]
        for text in texts:
            assert not re.search(r"[{}]|\bNone\b|\bnan\b", opened.text(text)), text


def test_the_last_step_asks_questions(opened: OpenLesson) -> None:
    assert len(opened.lesson.steps[-1].questions) >= 2


def test_recorded_series_are_small() -> None:
    files = [path for path in RECORDED_SERIES.rglob("*") if path.is_file()]
    assert 0 < sum(path.stat().st_size for path in files) <= MOST_BYTES
