"""The pages of a class, as each person in it sees them."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.executors.worker import Worker
from cifarviz.people.person import TEACHER, Person, acting_as
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.guessing import load_game, start_game
from cifarviz.runs.limit_values import Limits
from cifarviz.runs.limits import load_limits
from cifarviz.runs.members import Task, class_members, join_class, load_class, save_class
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import cache, identity
from tests import stored_runs
from tests.pages.app_page import opened_in_app

VIEWER = Person("viewer-1", "Viewer", "viewer")
# What every page needs no network for.
PAGES = ("start", "data", "samples", "train", "tune", "runs", "lab", "evaluate", "present")


class _Cookies:
    """Stands for the cookies of a browser, which a test of a page has none of."""

    def __init__(self, person: Person | None) -> None:
        self._person = person

    def find(self, cookie: str | None) -> Person | None:
        return self._person


As = Callable[[Person | None], None]


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


@pytest.fixture
def ada(store: RunStore) -> Person:
    return join_class(store, "Ada").person


@pytest.fixture
def run(store: RunStore, ada: Person) -> Run:
    """A run of Ada's."""
    with acting_as(ada):
        return stored_runs.store_run(store, stored_runs.experiment(), name="Ada's network")


@pytest.fixture
def as_person(monkeypatch: pytest.MonkeyPatch) -> As:
    """Open pages as somebody in a class."""
    monkeypatch.setenv("CIFARVIZ_CLASS", "1")

    def use(person: Person | None) -> None:
        monkeypatch.setattr(identity, "people_of_cookies", lambda settings: _Cookies(person))

    return use


# What viewers would be refused.
_MAKING = (
    "(Train|Start from|Start \\d|Set up|Make|Read the|Import|Pin|Unpin|Pause|Stop|Resume|Go on|"
    "Export|Rename|Delete|Fork|Star|Get|Edit|Change|New|Tune these)\\b(?!ed)(?! the lesson)"
)


def _texts(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.error, app.code)
    return "\n".join(one.value for kind in kinds for one in kind)


def _labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def _press(app: AppTest, key: str) -> AppTest:
    [button] = [one for one in app.button if one.key == key]
    return button.click().run()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("person", [Person("ben00000", "Ben", "student"), VIEWER])
def test_no_page_shows_an_error_or_the_run_of_another(
    as_person: As, run: Run, store: RunStore, person: Person, page: str
) -> None:
    as_person(person)
    app = opened_in_app(page)
    assert not app.exception
    assert not app.error
    assert "Ada's network" not in _texts(app)
    assert str(store.settings.home) not in _texts(app)


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("start", {}),
        ("data", {}),
        ("train", {"view": "setup", "preset": "cifar10-vgg"}),
        ("train", {}),
        ("tune", {"view": "studies"}),
        ("tune", {"runs": "SHOWN,OTHER"}),
        ("runs", {"runs": "SHOWN"}),
        ("lab", {}),
        ("inside", {"run": "SHOWN"}),
        ("inside", {"run": "SHOWN", "split": "upload"}),
        ("evaluate", {"view": "ensemble", "template": "SHOWN"}),
        ("predict", {"run": "SHOWN"}),
        ("present", {"run": "SHOWN", "scene": "training"}),
        ("present", {"run": "SHOWN", "scene": "photo"}),
        ("classroom", {}),
    ],
)
def test_a_viewer_is_offered_nothing_that_is_refused(
    as_person: As, store: RunStore, page: str, address: dict[str, str]
) -> None:
    experiment = stored_runs.experiment()
    ids = {}
    for name in ("SHOWN", "OTHER"):
        run = stored_runs.store_run(
            store, experiment, name=name, checkpoints={"last": stored_runs.weights(experiment)}
        )
        store.set_shown(run.id, True)
        ids[name] = run.id
    active = stored_runs.store_run(store, experiment, name="at work", state=RunState.QUEUED)
    store.set_shown(active.id, True)
    save_class(store, replace(load_class(store), task=Task(0.5, None, ids["SHOWN"])))
    as_person(VIEWER)
    app = opened_in_app(
        page, **{key: re.sub("[A-Z]+", lambda one: ids[one[0]], to) for key, to in address.items()}
    )
    assert not app.exception
    assert not app.get("file_uploader")
    assert not [
        element.proto.label
        for element in (*app.button, *app.get("page_link"))
        if re.match(_MAKING, element.proto.label)
    ]
    bodies = "\n".join(html.proto.body for html in app.get("html"))
    # The sidebar says it on every page; only the first is drawn with it here.
    assert page != "start" or "join with the code of the class" in bodies


def test_a_teacher_elsewhere_reads_no_path_of_the_server(
    as_person: As, run: Run, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_person(TEACHER)
    store.tensorboard_folder(run.id).mkdir(parents=True)
    lost = store.folder("0123abcd")
    lost.mkdir()
    (lost / "run.json").write_text("{}")
    for page, address in (("runs", {"runs": run.id}), ("data", {}), ("start", {})):
        app = opened_in_app(page, **address)
        warnings = "\n".join(warning.value for warning in app.warning)
        assert str(store.settings.home) not in _texts(app) + warnings
    assert "1 run uses" in _texts(opened_in_app("runs"))


@pytest.mark.usefixtures("at_this_computer")
def test_a_teacher_at_this_computer_reads_where_runs_are(
    as_person: As, run: Run, store: RunStore
) -> None:
    as_person(TEACHER)
    assert str(store.settings.home) in _texts(opened_in_app("runs"))


def test_students_read_who_can_add_the_full_set(as_person: As) -> None:
    as_person(Person("ben00000", "Ben", "student"))
    app = opened_in_app("train", changes="data.variant=full")
    labels = [getattr(link, "label", "") for link in app.get("page_link")]
    assert "Get the full set" not in labels
    assert "The teacher can add the full set." in _texts(app)


@pytest.mark.parametrize("page", ["start", "runs", "classroom"])
def test_who_is_no_longer_in_the_class_sees_nothing(as_person: As, run: Run, page: str) -> None:
    as_person(None)
    app = opened_in_app(page)
    assert [error.value[:30] for error in app.error] == ["You are no longer in the class"]
    assert "Ada's network" not in _texts(app)
    assert not app.button


def test_the_teacher_sees_address_code_and_people(as_person: As, run: Run, store: RunStore) -> None:
    as_person(TEACHER)
    secrets = ClassSecrets(store.settings.home)
    text = "\n".join(html.proto.body for html in opened_in_app("classroom").get("html"))
    assert secrets.join_code(load_class(store).id) in text
    app = opened_in_app("classroom", view="people")
    assert "**1** of 1 person is here." in _texts(app)
    [member] = class_members(store)
    # Not in sight, as the page may be on the projector.
    code = secrets.personal_code(member.id)
    assert code not in _texts(app)
    app = next(one for one in app.toggle if one.key == f"code-{member.id}").set_value(True).run()
    assert code in _texts(app)
    app = _press(app, f"remove-{member.id}")
    # It asks first; tests/browser/test_class.py goes on.
    assert "The runs stay" in _texts(app)
    assert [one.name for one in class_members(store)] == ["Ada"]


def test_start_shows_the_task(as_person: As, ada: Person, run: Run, store: RunStore) -> None:
    as_person(ada)
    assert "Beat" not in _texts(opened_in_app("start"))
    store.set_shown(run.id, True)
    save_class(store, replace(load_class(store), task=Task(0.5, run=run.id)))
    assert "## Beat 50.0%" in _texts(opened_in_app("start"))
    # Of a run that was deleted since.
    save_class(store, replace(load_class(store), task=Task(0.5, run="0123abcd")))
    app = opened_in_app("start")
    assert not app.exception
    assert not app.error


def test_the_board_of_a_task_counts_its_data_set_only(
    as_person: As, run: Run, ada: Person, store: RunStore
) -> None:
    as_person(TEACHER)
    for dataset, is_ranked in (("cifar10", True), ("fashion-mnist", False)):
        save_class(store, replace(load_class(store), task=Task(0.5, dataset=dataset)))
        text = _texts(opened_in_app("classroom", view="board"))
        assert ("Nobody has validated a network that counts" not in text) is is_ranked
    assert "on Fashion" in text


def test_switches_of_the_class_are_kept(as_person: As, store: RunStore) -> None:
    as_person(TEACHER)
    app = opened_in_app("classroom")
    code = load_class(store).id
    for name in ("is_open", "viewers", "board"):
        before = getattr(load_class(store), name)
        next(one for one in app.toggle if one.key == f"class-{name}").set_value(not before).run()
        assert getattr(load_class(store), name) is not before
    _press(app, "class-new-code")
    state = load_class(store)
    assert state.id != code
    assert state.viewers


def test_limits_are_set_in_a_form(as_person: As, store: RunStore) -> None:
    as_person(TEACHER)
    app = opened_in_app("classroom", view="people")
    [minutes] = [one for one in app.number_input if one.label == "Minutes of a run"]
    minutes.set_value(5)
    next(button for button in app.button if button.label == "Save").click().run()
    assert load_limits(store) == replace(Limits(), minutes=5)


def test_the_board_and_its_task(as_person: As, run: Run, ada: Person, store: RunStore) -> None:
    as_person(ada)
    assert "does not show the board now" in _texts(opened_in_app("classroom"))
    save_class(store, replace(load_class(store), board=True))
    assert "Ada (you)" in _texts(opened_in_app("classroom"))
    # A network as large as this one does not count.
    task = Task(0.5, parameters=10)
    save_class(store, replace(load_class(store), task=task))
    text = _texts(opened_in_app("classroom"))
    assert "Beat 50.0% with at most 10 parameters" in text
    assert "Ada (you)" not in text
    save_class(store, replace(load_class(store), task=Task(0.2)))
    assert ":green[:material/check_circle:]" in _texts(opened_in_app("classroom"))


def test_a_run_gives_way_if_its_owner_ticks_that(
    as_person: As, ada: Person, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "worker", lambda: Worker(store.settings, "dashboard"))
    # Nothing trains here.
    monkeypatch.setattr(Worker, "_start_threads", lambda self: None)
    as_person(ada)
    app = opened_in_app("train", view="setup", preset="cifar10-starter")
    next(one for one in app.checkbox if one.key == "give-way").check().run()
    app = _press(app, "train")
    [run] = store.all()
    assert run.gives_way
    app = opened_in_app("train", view="watch", run=run.id)
    [toggle] = [one for one in app.toggle if one.label == "Give way to shorter runs"]
    assert toggle.value
    assert "goes on exactly where it was" in toggle.help
    app = toggle.set_value(False).run()
    assert not app.exception
    assert not store.get(run.id).gives_way
    # While it gives way, its owner can stop it for good.
    store.set_gives_way(run.id, True)
    lock = store.acquire(run.id)
    assert lock is not None
    store.transition(run.id, RunState.RUNNING)
    with acting_as(TEACHER):
        shorter = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED)
    assert store.request_give_way(run.id, shorter.id)
    app = opened_in_app("train", view="watch", run=run.id)
    [stop] = [one for one in app.button if one.label == "Stop"]
    assert not stop.disabled
    lock.release()
    # Nobody else chooses for it, and outside a class there is nobody to give way to.
    store.set_shown(run.id, True)
    as_person(VIEWER)
    assert not opened_in_app("train", view="watch", run=run.id).toggle
    monkeypatch.delenv("CIFARVIZ_CLASS")
    assert not opened_in_app("train", view="watch", run=run.id).toggle
    assert not opened_in_app("train", view="setup").checkbox


def test_a_run_is_shown_to_the_class_and_hidden_again(
    as_person: As, run: Run, store: RunStore
) -> None:
    as_person(TEACHER)
    _press(opened_in_app("runs", runs=run.id), "show-run")
    assert store.get(run.id).shown
    as_person(VIEWER)
    app = opened_in_app("runs", runs=run.id)
    assert "Ada's network" in _texts(app)
    assert not {"Rename", "Delete", "Resume", "Star", "Note"} & set(_labels(app))
    as_person(TEACHER)
    _press(opened_in_app("runs", runs=run.id), "show-run")
    assert not store.get(run.id).shown


def test_a_picture_is_guessed_and_answered(as_person: As, ada: Person, store: RunStore) -> None:
    start_game(store, "cifar10", "a run", [1, 2], [8, 0], [8, 1], [0.75, 0.5])
    as_person(ada)
    app = opened_in_app("classroom")
    assert "What is it?" in _texts(app)
    app = _press(app, "guess-0-8")
    assert "You say: ship" in _texts(app)
    as_person(TEACHER)
    app = opened_in_app("classroom", view="guess")
    assert "**1** of 1 have guessed." in _texts(app)
    app = _press(app, "guess-reveal")
    assert "says **ship**, 75.0% sure" in _texts(app)
    app = _press(app, "guess-next")
    assert "Picture 2 of 2" in _texts(app)
    _press(app, "guess-end")
    assert load_game(store) is None


def test_viewers_watch_the_game(as_person: As, store: RunStore) -> None:
    start_game(store, "cifar10", "a run", [1], [8], [8], [0.75])
    as_person(VIEWER)
    app = opened_in_app("classroom")
    assert "What is it?" in _texts(app)
    assert not app.button


def test_it_is_said_whose_runs_one_may_start_from(
    as_person: As, run: Run, store: RunStore, ada: Person
) -> None:
    as_person(ada)
    assert "or the teacher shows one" in _texts(opened_in_app("train", view="setup"))
    experiment = stored_runs.experiment()
    for name, owner, shown in (
        ("hers", ada, False),
        ("theirs", TEACHER, True),
        ("hidden", TEACHER, False),
    ):
        with acting_as(owner):
            made = stored_runs.store_run(
                store, experiment, name=name, checkpoints={"last": stored_runs.weights(experiment)}
            )
        if shown:
            store.set_shown(made.id, True)
    assert _sources() == {"Random weights", "hers", "shown by the teacher: theirs"}
    as_person(TEACHER)
    assert _sources() == {"Random weights", "Ada: hers", "theirs", "hidden"}


def _sources() -> set[str]:
    """The runs that Set up offers to start from."""
    boxes = opened_in_app("train", view="setup").selectbox
    [menu] = [box for box in boxes if "first layers" in box.label]
    return {option.partition(" · ")[0] for option in menu.options}


def test_the_teacher_reads_whose_each_run_of_the_table_is(
    as_person: As, run: Run, store: RunStore, ada: Person
) -> None:
    with acting_as(TEACHER):
        stored_runs.store_run(store, stored_runs.experiment(), name="the teacher's")
    as_person(TEACHER)
    table = opened_in_app("runs").dataframe[0].value
    assert list(table["Person"]) == ["", "Ada"]
    as_person(ada)
    assert "Person" not in opened_in_app("runs").dataframe[0].value
