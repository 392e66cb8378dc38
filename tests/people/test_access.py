"""Who may do what: each role against each action, at the store itself."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import pytest

from cifarviz.data.fetch import fetch
from cifarviz.data.importing.editing import delete_dataset, edit_texts
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.registry import all_datasets, find_dataset
from cifarviz.errors import (
    AccessRefused,
    ArtifactMissing,
    CifarvizError,
    DatasetNotFound,
    RunNotFound,
)
from cifarviz.executors.executor import Job
from cifarviz.experiment.parameters import Choices
from cifarviz.experiment.study import Study
from cifarviz.export.files import ExportKind, code_files, pack_run
from cifarviz.export.report.contents import gather
from cifarviz.live.hub import Hub
from cifarviz.people.person import TEACHER, Person, acting_as
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.clearing import clear_class
from cifarviz.runs.leases import Attempt, this_process
from cifarviz.runs.limit_values import Limits
from cifarviz.runs.limits import save_limits
from cifarviz.runs.members import (
    begin_class,
    join_class,
    load_class,
    remove_member,
    save_class,
)
from cifarviz.runs.pins import pinned_images, unpin
from cifarviz.runs.recorded import hide_recorded_run, restore_recorded_run
from cifarviz.runs.records import Run
from cifarviz.runs.series import all_series, place_run, save_series
from cifarviz.runs.standings import class_standings
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.runs.studies import (
    all_studies,
    create_study,
    delete_study,
    end_study,
    get_study,
    update_study,
)
from cifarviz.settings import Settings
from tests import stored_runs
from tests.picture_sources import fruits, write_folder
from tests.runs.test_run_data import import_fruits

Outcome = Literal["done", "refused", "unseen"]
ADA = Person("ada00000", "Ada", "student")
BEN = Person("ben00000", "Ben", "student")
VIEWER = Person("viewer-1", "Viewer", "viewer")
NUMBERS = itertools.count()


class Home(NamedTuple):
    """A home with runs and a study of Ada's, and runs of the teacher's, one of them shown."""

    store: RunStore
    folder: Path
    active: Run
    ended: Run
    study: str
    shown: Run
    hidden: Run


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Home:
    store = RunStore(settings)
    hidden = stored_runs.store_run(store, stored_runs.experiment())
    stored_runs.advance_run(store, hidden, 5)
    shown = stored_runs.store_run(store, stored_runs.experiment())
    store.set_shown(shown.id, True)
    with acting_as(ADA):
        ended = stored_runs.store_run(store, stored_runs.experiment())
        active = stored_runs.store_run(
            store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0
        )
        study = create_study(store, _study(), "Ada's study").id
    return Home(store, tmp_path, active, ended, study, shown, hidden)


def _queued(store: RunStore) -> Run:
    return stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)


def _study() -> Study:
    return Study.make(
        base=stored_runs.experiment(),
        parameters=[Choices(key="flip", values=(True, False)).model_dump()],
        trials=2,
    )


def _outcome(person: Person, deed: Callable[[], object]) -> Outcome:
    try:
        with acting_as(person):
            deed()
    except AccessRefused:
        return "refused"
    except (RunNotFound, DatasetNotFound):
        return "unseen"
    return "done"


# What is done to a run of Ada's that has ended.
TO_A_RUN: dict[str, Callable[[Home, Run], object]] = {
    "see it": lambda home, run: home.store.get(run.id),
    "rename it": lambda home, run: home.store.rename(run.id, "Another name"),
    "star it": lambda home, run: home.store.star(run.id, True),
    "let it give way": lambda home, run: home.store.set_gives_way(run.id, True),
    "note something": lambda home, run: home.store.remark(run.id, "A note"),
    "choose its weights": lambda home, run: home.store.prefer(run.id, None),
    "resume it": lambda home, run: home.store.transition(run.id, RunState.QUEUED),
    "export it": lambda home, run: pack(home.store, run.id, home.folder / f"{next(NUMBERS)}.zip"),
    "delete it": lambda home, run: home.store.delete(run.id),
}


@pytest.mark.parametrize("deed", TO_A_RUN)
@pytest.mark.parametrize("person", [TEACHER, ADA, BEN, VIEWER], ids=lambda person: person.name)
def test_a_run_is_seen_and_changed_by_its_owner_and_the_teacher_only(
    home: Home, person: Person, deed: str
) -> None:
    # One that can be resumed, too.
    with home.store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'stopped' WHERE id = ?", (home.ended.id,))
    before = home.store.get(home.ended.id)
    outcome = _outcome(person, lambda: TO_A_RUN[deed](home, before))
    assert outcome == ("done" if person in (TEACHER, ADA) else "unseen")
    if outcome == "unseen":
        assert home.store.get(home.ended.id) == before


@pytest.mark.parametrize("deed", TO_A_RUN)
@pytest.mark.parametrize("person", [TEACHER, ADA, VIEWER], ids=lambda person: person.name)
def test_a_run_that_is_shown_is_seen_by_all_and_changed_by_the_teacher(
    home: Home, person: Person, deed: str
) -> None:
    with home.store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = 'stopped' WHERE id = ?", (home.shown.id,))
    before = home.store.get(home.shown.id)
    outcome = _outcome(person, lambda: TO_A_RUN[deed](home, before))
    may = person is TEACHER or deed == "see it"
    assert outcome == ("done" if may else "refused")
    if not may:
        assert home.store.get(home.shown.id) == before


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("person", [TEACHER, ADA, BEN, VIEWER], ids=lambda person: person.name)
def test_only_its_owner_and_the_teacher_stop_a_run(
    home: Home, person: Person, action: Action
) -> None:
    home.store.transition(home.active.id, RunState.RUNNING)
    if action is Action.RESUME:
        home.store.transition(home.active.id, RunState.PAUSED)
    with stored_runs.hold_lock(home.store, home.active):
        outcome = _outcome(person, lambda: home.store.request(home.active.id, action))
        assert outcome == ("done" if person in (TEACHER, ADA) else "unseen")
        asked = home.store.get(home.active.id).requested
        assert (asked == action) is (outcome == "done")


def test_stopping_several_runs_stops_none_if_one_is_anothers(home: Home) -> None:
    with acting_as(BEN):
        own = stored_runs.store_run(
            home.store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0
        )
        with pytest.raises(RunNotFound):
            home.store.stop_all([own.id, home.active.id])
    for run in (own, home.active):
        assert home.store.get(run.id).state is RunState.QUEUED


# What is done to a study of Ada's.
TO_A_STUDY: dict[str, Callable[[Home], object]] = {
    "see it": lambda home: get_study(home.store, home.study),
    "go on with it": lambda home: update_study(home.store, get_study(home.store, home.study)),
    "stop it": lambda home: end_study(home.store, home.study, "stopped", "Stopped."),
    "delete it": lambda home: delete_study(home.store, home.study),
}


@pytest.mark.parametrize("deed", TO_A_STUDY)
@pytest.mark.parametrize("person", [TEACHER, ADA, BEN, VIEWER], ids=lambda person: person.name)
def test_a_study_is_its_owners(home: Home, person: Person, deed: str) -> None:
    outcome = _outcome(person, lambda: TO_A_STUDY[deed](home))
    assert (outcome == "done") is (person in (TEACHER, ADA))
    if outcome != "done":
        assert get_study(home.store, home.study).state == "open"


# What anybody might make or change that belongs to nobody in particular.
AT_ALL: dict[str, tuple[Callable[[Home], object], bool, bool]] = {
    # deed: (what is done, whether students may, whether viewers may)
    "make a run": (
        lambda home: home.store.create(
            new_run_id(), stored_runs.experiment(), "A run", "dashboard"
        ),
        True,
        False,
    ),
    "make a study": (lambda home: create_study(home.store, _study(), "A study"), True, False),
    "make a series": (lambda home: save_series(home.store, "lab", "A series", []), True, False),
    "pin an image": (lambda home: unpin(home.store, CIFAR10, 1), True, False),
    "hide the recorded run": (lambda home: hide_recorded_run(home.store), False, False),
    "show a run": (lambda home: home.store.set_shown(home.shown.id, False), False, False),
    "see how far all are": (lambda home: class_standings(home.store), False, False),
    "begin a class": (lambda home: begin_class(home.store), False, False),
    "set a task": (lambda home: save_class(home.store, load_class(home.store)), False, False),
    "remove somebody": (lambda home: remove_member(home.store, ADA.id), False, False),
    "set limits": (lambda home: save_limits(home.store, Limits()), False, False),
    "clear the class": (lambda home: clear_class(home.store), False, False),
    "download data": (
        lambda home: fetch("cifar10", home.store.settings, source=str(home.folder / "none")),
        False,
        False,
    ),
}


@pytest.mark.parametrize("deed", AT_ALL)
@pytest.mark.parametrize("person", [TEACHER, BEN, VIEWER], ids=lambda person: person.name)
def test_what_each_role_may_make(home: Home, person: Person, deed: str) -> None:
    act, students, viewers = AT_ALL[deed]
    may = {"teacher": True, "student": students, "viewer": viewers}[person.role]
    with acting_as(person):
        if may:
            try:
                act(home)
            except AccessRefused:
                raise
            except CifarvizError:
                # It was tried: there is nothing at that path.
                assert deed == "download data"
        else:
            with pytest.raises(AccessRefused):
                act(home)


def test_each_person_has_pins_and_else_those_of_the_teacher(home: Home) -> None:
    usual = pinned_images(home.store, CIFAR10)
    unpin(home.store, CIFAR10, usual[0])
    with acting_as(BEN):
        assert pinned_images(home.store, CIFAR10) == usual[1:]
        unpin(home.store, CIFAR10, usual[1])
        assert pinned_images(home.store, CIFAR10) == usual[2:]
    assert pinned_images(home.store, CIFAR10) == usual[1:]


def test_lists_have_only_what_one_sees(home: Home) -> None:
    series = save_series(home.store, "lab", "Of the teacher", [(home.shown.id, "1")])
    expected = {
        TEACHER: {home.active, home.ended, home.shown, home.hidden},
        ADA: {home.active, home.ended, home.shown},
        BEN: {home.shown},
        VIEWER: {home.shown},
    }
    for person, runs in expected.items():
        with acting_as(person):
            assert {run.id for run in home.store.all()} == {run.id for run in runs}
            assert [one.id for one in all_studies(home.store)] == (
                [home.study] if person in (TEACHER, ADA) else []
            )
            found = all_series(home.store, "lab")
            assert [one.id for one in found] == ([series.id] if person is TEACHER else [])
            # By id, too, without the run being opened first.
            seen = home.hidden in runs
            assert bool(home.store.epochs(home.hidden.id)) is seen
            assert bool(len(home.store.batch_points(home.hidden.id))) is seen
    with acting_as(BEN), pytest.raises(AccessRefused):
        place_run(home.store, series, 3, "2", home.shown.id)


def test_of_the_runs_of_others_one_learns_only_that_they_are_there(home: Home) -> None:
    home.store.rename(home.active.id, "Ada's secret plan")
    with acting_as(BEN):
        [run] = home.store.active()
    assert run.hidden
    assert "secret" not in run.name
    with acting_as(ADA):
        assert home.store.active()[0].name == "Ada's secret plan"


def test_an_imported_data_set_is_its_owners(home: Home) -> None:
    settings = home.store.settings
    with acting_as(ADA):
        import_fruits(settings, write_folder(fruits(8), home.folder / "pictures"))
        info = find_dataset("fruits")
        assert info.name in {one.name for one in all_datasets()}
    assert info.name in {one.name for one in all_datasets()}
    for person in (BEN, VIEWER):
        with acting_as(person):
            assert info.name not in {one.name for one in all_datasets()}
            with pytest.raises(DatasetNotFound):
                edit_texts(info.name, settings, title="Mine")
            with pytest.raises(DatasetNotFound):
                delete_dataset(info.name, settings, used=False)
    with acting_as(ADA):
        edit_texts(info.name, settings, title="Still mine")
        delete_dataset(info.name, settings, used=False)


def test_an_imported_run_belongs_to_who_imports_it(home: Home) -> None:
    path = home.folder / "run.zip"
    pack(home.store, home.shown.id, path)
    with acting_as(BEN):
        run = unpack(home.store, path, origin="imported")
        assert home.store.get(run.id).owner == BEN.id
    with acting_as(VIEWER), pytest.raises(AccessRefused):
        unpack(home.store, path, origin="imported")


def test_recorded_runs_are_for_all_whoever_opens_them_first(home: Home) -> None:
    with acting_as(BEN):
        run = restore_recorded_run(home.store)
        assert run.owner is None
    with acting_as(VIEWER):
        assert home.store.get(run.id).shown


def test_names_are_unique_in_a_class_and_a_closed_one_takes_nobody(home: Home) -> None:
    join_class(home.store, " Ada  Lovelace ")
    with pytest.raises(AccessRefused, match="already called “ada lovelace”"):
        join_class(home.store, "ada lovelace")
    for name in ("", "  ", "x" * 41, "Zero\u200b\u202e"):
        with pytest.raises(AccessRefused):
            join_class(home.store, name)
    assert load_class(home.store).is_open


EXPORTS: dict[str, Callable[[RunStore, Run], object]] = {
    "script": lambda store, run: code_files(run, ExportKind.SCRIPT, "train.py"),
    "report": lambda store, run: gather(store, [run], _no_network, _no_images),
    "packed run": lambda store, run: pack_run(store, run),
}


def _no_network(*_: object) -> NoReturn:
    raise ArtifactMissing("There is no network.")


def _no_images(*_: object) -> NoReturn:
    raise DatasetNotFound("There are no images.")


@pytest.mark.parametrize("kind", EXPORTS)
def test_a_run_that_is_only_shown_is_not_exported(home: Home, kind: str) -> None:
    with acting_as(BEN), pytest.raises(AccessRefused, match="is not yours"):
        EXPORTS[kind](home.store, home.store.get(home.shown.id))
    with acting_as(ADA):
        EXPORTS[kind](home.store, home.store.get(home.ended.id))


def test_an_imported_run_takes_nothing_of_runs_that_its_owner_does_not_see(home: Home) -> None:
    # A packed run may claim to begin with the weights of any run, or to be its fork.
    secret = home.hidden
    own = stored_runs.experiment(transfer={"run": secret.id, "layers": 1})
    with acting_as(BEN):
        run = stored_runs.store_run(home.store, own, state=RunState.QUEUED, epochs=0)
        fork = stored_runs.store_run(home.store, stored_runs.experiment())
    with home.store.database.connect(write=True) as connection:
        connection.execute(
            "UPDATE runs SET parent = ?, parent_epoch = 0 WHERE id = ?", (secret.id, fork.id)
        )
    job = Job(home.store, home.store.get(run.id), Attempt(1, this_process()))
    with pytest.raises(RunNotFound):
        job.start()
    hub = Hub(home.store)
    with acting_as(BEN):
        message, _ = hub.run_feed(fork.id).message("")
    assert "Before the fork" not in json.dumps(message["figures"])


def test_what_others_see_of_a_shown_run_names_no_run_of_anybody_else(home: Home) -> None:
    home.store.rename(home.active.id, "Ada's secret plan")
    waiting = _queued(home.store)
    home.store.set_shown(waiting.id, True)
    hub = Hub(home.store)
    with acting_as(BEN):
        feed = hub.run_feed(waiting.id)
    feed.refresh()
    assert "secret" not in json.dumps(feed.message("")[0]["items"])


def test_only_the_teacher_reads_paths_of_this_computer(home: Home) -> None:
    home.store.fail(home.active.id, "“/home/lee/runs/ab” is full. “Ada” waits.")
    run_id = home.active.id
    assert "/home/lee" in (home.store.get(run_id).message or "")
    with acting_as(ADA):
        listed = next(run for run in home.store.all() if run.id == run_id)
        for run in (home.store.get(run_id), listed):
            assert run.message == "“…” is full. “Ada” waits."


def test_a_run_that_is_no_longer_shown_is_no_longer_sent(home: Home) -> None:
    hub = Hub(home.store)
    with acting_as(BEN):
        feed = hub.run_feed(home.shown.id)
    home.store.set_shown(home.shown.id, False)
    with pytest.raises(RunNotFound):
        feed.refresh()
