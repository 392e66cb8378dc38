"""Lessons on the pages: each step of each lesson, ways to it, away from it and back."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.lessons.lesson import open_lesson
from cifarviz.lessons.registry import LESSONS
from cifarviz.runs import recorded
from cifarviz.runs.recorded import recorded_series
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.components import components, replay
from tests.pages.app_page import address_of, opened_by_link, opened_in_app, widget
from tests.pages.lab_page import page_text


def _bar() -> None:
    """The script of a page that has the bar only."""
    from cifarviz.ui.lesson import render_lesson_bar
    from cifarviz.ui.query import sync_query_params

    sync_query_params("lab")
    render_lesson_bar("lab")


def bar(word: str) -> AppTest:
    app = AppTest.from_function(_bar, default_timeout=60)
    app.query_params["lesson"] = word
    return app.run()


STEPS = [
    (lesson.name, number)
    for lesson in LESSONS.values()
    for number in range(1, len(lesson.steps) + 1)
]


@pytest.mark.parametrize(("name", "number"), STEPS)
def test_each_step_is_shown_with_its_page(recorded_store: RunStore, name: str, number: int) -> None:
    opened = open_lesson(recorded_store, LESSONS[name])
    step = opened.lesson.steps[number - 1]
    page = opened_by_link(step.page, lesson=f"{name}-{number}", **opened.address(number))
    assert not page.exception
    assert not page.error
    app = bar(f"{name}-{number}")
    text = page_text(app)
    assert f"Step {number} of {len(opened.lesson.steps)}: **{step.title}**" in text
    assert opened.text(step.text).replace("\\", "") in text
    assert len(app.radio) == len(step.questions)
    for question, radio in zip(step.questions, app.radio, strict=True):
        assert radio.label == opened.text(question.text)


def test_a_viewer_of_a_class_learns_how_to_train(
    recorded_store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifarviz.ui.lesson.may_make", lambda: False)
    told = [
        number
        for number, _step in enumerate(LESSONS["overfitting"].steps, 1)
        if any(
            "join with the code" in one.proto.body
            for one in bar(f"overfitting-{number}").get("html")
        )
    ]
    assert told == [3]


def test_an_answer_is_explained_whether_it_is_right_or_not(recorded_store: RunStore) -> None:
    opened = open_lesson(recorded_store, LESSONS["overfitting"])
    number = len(opened.lesson.steps)
    question = opened.lesson.steps[-1].questions[0]
    app = bar(f"overfitting-{number}")
    right, wrong = question.correct, (question.correct + 1) % len(question.answers)
    app.radio[0].set_value(app.radio[0].options[wrong]).run()
    assert app.info[0].value == f"Not quite. {opened.text(question.explanation)}"
    app.radio[0].set_value(app.radio[0].options[right]).run()
    assert app.success[0].value == f"Yes. {opened.text(question.explanation)}"


def test_the_duel_of_the_lesson_is_played(recorded_store: RunStore) -> None:
    opened = open_lesson(recorded_store, LESSONS["overfitting"])
    app = opened_by_link("lab", lesson="overfitting-1", **opened.address(1))
    played = replay(app, "lab-replay")
    assert [panel["title"] for panel in played["panels"]] == [
        "no augmentation: loss",
        "mirrored and shifted: loss",
    ]
    start = opened.facts["start"]
    assert played["panels"][0]["gap"] == [start, f"Overfitting starts after epoch {start}"]
    assert (played["player"], played["autoplay"], played["pace"]) == (True, True, "20s")
    assert played["last"] == opened.facts["epochs"] == len(played["clock"]) - 1


def test_a_lesson_begins_on_the_start_page(recorded_store: RunStore) -> None:
    app = opened_in_app("start")
    widget(app, "button", "lesson-overfitting").click().run()
    assert not app.exception
    assert address_of(app)["lesson"] == "overfitting-1"
    assert address_of(app)["view"] == "duel"


def test_without_a_lesson_there_is_no_bar(recorded_store: RunStore) -> None:
    app = bar("")
    assert not [one for one in app.button if (one.key or "").startswith("lesson")]


def test_an_unknown_lesson_or_step_is_reported(recorded_store: RunStore) -> None:
    for word in ("juggling-1", "overfitting-9", "overfitting", "'; drop"):
        app = bar(word)
        assert not app.exception
        assert "There is no lesson step" in app.warning[0].value


@pytest.mark.parametrize("view", ["duel", "memorisation"])
def test_the_lab_opens_on_a_recorded_experiment(recorded_store: RunStore, view: str) -> None:
    app = opened_by_link("lab", view=view)
    text = page_text(app)
    assert "A recorded experiment." in text
    assert len(components(app, "chart")) >= 2
    assert widget(app, "button", "lab-train").label.startswith("Train 2 runs")
    assert not address_of(app).get("series")


def test_deleted_recordings_do_not_come_back_by_themselves(settings: Settings) -> None:
    store = RunStore(settings)
    series = recorded_series(store, "learning-rate")
    assert series is not None
    assert recorded_series(store, "learning-rate") == series
    store.delete(series.run_ids[0])
    assert recorded_series(store, "learning-rate") is None
    restored = recorded_series(store, "learning-rate", restore=True)
    assert restored is not None
    assert (restored.id, restored.labels) == (series.id, series.labels)
    assert restored.run_ids[1:] == series.run_ids[1:]
    assert {run.id for run in store.all()} == set(restored.run_ids)
    assert recorded_series(store, "learning-rate") == restored


def test_a_lesson_without_its_recordings_can_be_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(recorded, "RECORDED_SERIES", tmp_path)
    app = bar("overfitting-1")
    assert not app.exception
    assert "missing or damaged" in " ".join(error.value for error in app.error)
    widget(app, "button", "lesson-leave").click().run()
    assert not app.error
    assert "lesson" not in address_of(app)


def test_ensembles_open_on_recorded_members(recorded_store: RunStore) -> None:
    app = opened_by_link("evaluate", view="ensemble")
    assert not app.exception
    series = recorded_series(recorded_store, "duel")
    assert series is not None
    assert address_of(app)["members"] == ",".join(series.run_ids)
    assert "These are recorded networks." in page_text(app)
    assert components(app, "chart")
