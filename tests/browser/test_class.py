"""A class in real browsers: a teacher and three students, from joining to the board."""

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import FilePayload, Page, expect

from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.limit_values import Limits
from cifarviz.runs.limits import save_limits
from cifarviz.runs.members import class_members, load_class
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from tests import stored_runs
from tests.picture_sources import picture
from tests.waiting import wait_until

PHONE = {"width": 390, "height": 844}
# The close code of a socket, or "message".
WATCH = """address => new Promise(resolve => {
  const socket = new WebSocket(address);
  socket.onmessage = () => resolve("message");
  socket.onclose = event => resolve(event.code);
})"""


class Class(NamedTuple):
    server: AppServer
    store: RunStore
    code: str
    phrase: str

    def join(self, page: Page, name: str) -> Page:
        page.goto(f"{self.server.url}/train?view=setup")
        page.get_by_label("Your name").fill(name)
        page.get_by_label("Code of the class").fill(self.code.upper())
        page.get_by_role("button", name="Join", exact=True).click()
        expect(page.get_by_role("button", name=name)).to_be_visible()
        return page

    def train(self, page: Page) -> str:
        """Press Train; returns the id of the run."""
        page.goto(f"{self.server.url}/train?view=setup")
        page.get_by_role("button", name="Train", exact=True).click()
        page.wait_for_url("**run=*")
        return page.url.partition("run=")[2].partition("&")[0]

    def owner(self, run_id: str) -> str:
        names = {member.id: member.name for member in class_members(self.store)}
        return names[self.store.get(run_id).owner or ""]


@pytest.fixture(scope="module")
def opened(app_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory) -> Class:
    home = tmp_path_factory.mktemp("class") / "home"
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    experiment = stored_runs.experiment()
    stored_runs.store_run(
        store, experiment, name="guesser", checkpoints={"last": stored_runs.weights(experiment)}
    )
    secrets = ClassSecrets(home)
    code, phrase = secrets.join_code(load_class(store).id), secrets.make_pass_phrase()
    server = app_server(home=home, environment={"CIFARVIZ_CLASS": "1"})
    return Class(server, store, code, phrase)


# A minute where nothing else is at work.
@pytest.mark.timeout(240)
def test_a_teacher_and_three_students(new_page: Callable[..., Page], opened: Class) -> None:
    url, store = opened.server.url, opened.store
    ada, ben = (opened.join(new_page(), name) for name in ("Ada", "Ben"))
    cy = opened.join(new_page(viewport=PHONE), "Cy")
    teacher = new_page()
    teacher.goto(f"{url}/class/sign-in")
    teacher.get_by_label("Pass phrase").fill(opened.phrase)
    teacher.get_by_role("button", name="Sign in").click()
    expect(teacher.get_by_role("heading", name="cifarviz")).to_be_visible()

    # They train in turns, whoever has pressed how often.
    first = opened.train(ada)
    wait_until(lambda: store.get(first).state is RunState.RUNNING, 60)
    queued = [opened.train(page) for page in (ada, ben, cy)]
    assert [opened.owner(run_id) for run_id in store.queue()] == ["Ben", "Cy", "Ada"]
    expect(cy.get_by_text("somebody else’s run").first).to_be_visible()

    # Nobody reaches the run of another: by page, by link, by route.
    ben.goto(f"{url}/runs")
    expect(ben.get_by_test_id("stDataFrame").locator("canvas").first).to_be_visible()
    ben.goto(f"{url}/train?view=watch&run={first}")
    expect(ben.get_by_text(f"There is no run “{first}” here.")).to_be_visible()
    expect(ben.get_by_role("button", name="Stop")).to_have_count(0)
    socket = f"{url.replace('http', 'ws', 1)}/live/"
    assert ben.evaluate(WATCH, socket + first) == 4404
    assert ada.evaluate(WATCH, socket + first) == "message"
    assert store.get(first).state.active

    # The teacher sees all, and stops a run.
    teacher.goto(f"{url}/classroom?view=people")
    expect(teacher.get_by_text(re.compile("of 3 people are here"))).to_be_visible()
    people = teacher.locator(".st-key-class-people")
    people.get_by_role("link", name="Present").click()
    teacher.wait_for_url(f"**/present?**run={first}**")
    expect(teacher.get_by_text(store.get(first).name).first).to_be_visible()
    teacher.goto(f"{url}/train?view=watch&run={first}")
    wait_until(lambda: store.get(first).epochs_done > 0 or not store.get(first).state.active, 120)
    teacher.get_by_role("button", name="Stop", exact=True).first.click()
    wait_until(lambda: not store.get(first).state.active, 30)
    store.stop_all(queued)

    # The board, when the teacher shows it.
    cy.goto(f"{url}/classroom")
    expect(cy.get_by_text("does not show the board now")).to_be_visible()
    teacher.goto(f"{url}/classroom")
    expect(teacher.get_by_text(opened.code)).to_be_visible()
    teacher.get_by_text("Students see the board").click()
    wait_until(lambda: load_class(store).board, 20)
    cy.goto(f"{url}/classroom")
    expect(cy.get_by_text("The highest validation accuracy of each person")).to_be_visible()

    # Guess first.
    teacher.goto(f"{url}/classroom?view=guess")
    teacher.get_by_role("button", name="Start", exact=True).click()
    expect(teacher.get_by_text("0 of 3 have guessed.")).to_be_visible()
    expect(cy.get_by_text("What is it?")).to_be_visible()
    cy.get_by_role("button", name="frog").click()
    expect(cy.get_by_text("You say: frog")).to_be_visible()
    expect(teacher.get_by_text("1 of 3 have guessed.")).to_be_visible()
    teacher.get_by_role("button", name="Show the answer").click()
    expect(cy.get_by_text(re.compile("The network “.*” says"))).to_be_visible()
    expect(cy.get_by_text("frog: 1 person")).to_be_visible()


def test_who_is_removed_is_out_where_the_page_is_open(
    new_page: Callable[..., Page], opened: Class
) -> None:
    dora = opened.join(new_page(), "Dora")
    teacher = new_page()
    teacher.goto(f"{opened.server.url}/class/sign-in")
    teacher.get_by_label("Pass phrase").fill(opened.phrase)
    teacher.get_by_role("button", name="Sign in").click()
    teacher.goto(f"{opened.server.url}/classroom?view=people")
    [member] = [one for one in class_members(opened.store) if one.name == "Dora"]
    teacher.locator(f".st-key-more-{member.id}").get_by_role("button").click()
    teacher.get_by_role("button", name="Remove Dora").click()
    teacher.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    wait_until(lambda: member.id not in {one.id for one in class_members(opened.store)}, 20)
    # Without a press of hers.
    expect(dora.get_by_role("heading", name="Join the class")).to_be_visible()


def test_the_pass_phrase_stays_until_it_was_written_down(
    page: Page, app_server: Callable[..., AppServer]
) -> None:
    page.goto(app_server().url)
    page.get_by_role("button", name="Open to a class").click()
    dialog = page.get_by_role("dialog")
    phrase = dialog.get_by_test_id("stCode")
    expect(phrase).to_have_text(re.compile("[a-z]{4}(-[a-z]{4}){3}"))
    for _ in range(2):
        page.keyboard.press("Escape")
    # The server is up by now, which draws the page again once the dialog is closed.
    expect(phrase).to_be_visible()
    dialog.get_by_role("button", name="I have written it down").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("The class is open.")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Close the class").click()
    expect(page.get_by_role("button", name="Open to a class")).to_be_visible()


def test_a_student_who_uploads_too_much_learns_why(
    new_page: Callable[..., Page], opened: Class
) -> None:
    page = opened.join(new_page(), "Dee")
    [guesser] = [run for run in opened.store.all() if run.name == "guesser"]
    opened.store.set_shown(guesser.id, True)
    page.goto(f"{opened.server.url}/predict")
    pictures: list[FilePayload] = [
        {"name": f"{number}.png", "mimeType": "image/png", "buffer": picture(number, (9, 9, 9))}
        for number in range(3)
    ]
    chooser = page.get_by_test_id("stFileUploader")
    save_limits(opened.store, Limits(uploads=2))
    try:
        chooser.locator("input[type=file]").set_input_files(pictures)
        sentence = "You can upload 2 files a minute in this class, and chose 3. Choose fewer."
        expect(chooser.get_by_text(sentence).first).to_be_visible()
    finally:
        save_limits(opened.store, Limits())
