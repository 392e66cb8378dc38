"""The camera on the Data page, without a browser: what arrives, and what becomes of it."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.datasets.own import own_datasets
from cifarviz.errors import ImportRefused
from cifarviz.settings import Settings
from cifarviz.ui import camera_import, import_job, own_data
from cifarviz.ui.components.camera import parse_part
from tests.components import components
from tests.pages.app_page import opened_by_link
from tests.picture_sources import picture

Send = Callable[..., None]


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no address; here it stands for a browser on the same machine."""
    monkeypatch.setattr(own_data, "is_local_browser", lambda: True)


@pytest.fixture
def send(settings: Settings) -> Iterator[Send]:
    """Receive a message as a browser sends it; ``changes`` replace values of it."""
    collections = camera_import._collections(settings)

    def receive(part: int = 0, parts: int = 1, **changes: Any) -> None:
        pictures = [
            [label, hold, encoded(1000 * label + 10 * hold + number)]
            for label in range(2)
            for hold in range(3 * part, 3 * part + 3)
            for number in range(2)
        ]
        message = {
            "capture": "first", "part": part, "parts": parts, "classes": ["cup", "<b>x</b>"],
            "pictures": pictures, **changes,
        }  # fmt: skip
        collections.add(parse_part(json.loads(json.dumps(message))), settings)

    yield receive
    job = import_job.imports(settings).newest
    if job is not None:
        job.discard()
        job.wait(20)
    collections.discard()


def encoded(number: int) -> str:
    return b64encode(picture(number, (200, 40, 40), "jpg")).decode()


def opened() -> AppTest:
    return opened_by_link("data", **{"from": "camera"})


def text(app: AppTest) -> str:
    assert not app.exception
    found = (*app.markdown, *app.caption, *app.error, *app.warning, *app.success, *app.header)
    return "\n".join(one.value for one in [*found, *app.info]).replace("\\", "")


def private_folders(settings: Settings) -> list[Path]:
    return list(settings.datasets.glob(".*.part"))


def press(app: AppTest, label: str) -> AppTest:
    (button,) = [one for one in app.button if one.label == label]
    return button.click().run()


def wait_for_report(settings: Settings, app: AppTest) -> AppTest:
    job = import_job.imports(settings).newest
    assert job is not None
    for _ in range(600):
        if job.prepared is not None or job.wait(0.05):
            return app.run()
    raise AssertionError("the import did not end")


def camera_data(app: AppTest) -> dict[str, Any]:
    (one,) = components(app, "camera")
    return dict(one.json_lines()[0])


def test_where_the_pictures_stay_is_told_before_the_camera_is_switched_on(
    settings: Settings,
) -> None:
    app = opened()
    assert "Your pictures stay on this computer" in text(app)
    assert str(settings.datasets) in text(app)
    assert camera_data(app)["side"] >= 96
    assert "Read the pictures" not in [one.label for one in app.button]


def test_pictures_become_a_data_set_by_the_same_report(settings: Settings, send: Send) -> None:
    send(0, 2)
    assert "Use these pictures" in text(opened())
    send(1, 2)
    app = opened()
    assert components(app, "camera") == []
    assert "24 pictures** from the camera, in 2 classes: cup, <b>x</b>." in text(app)
    assert "import-path" not in [one.key for one in app.text_input]
    assert "The data set needs a name" in text(press(app, "Read the pictures"))
    app.text_input(key="import-title").set_value("Things")
    app = wait_for_report(settings, press(app, "Read the pictures"))
    assert "**20** training and **4** test images in **2** classes" in text(app)
    app = press(app, "Discard")
    job = import_job.imports(settings).newest
    assert job is not None
    assert job.wait(30)
    # What was discarded can be read again with other choices.
    app = app.run()
    app.text_input(key="import-title").set_value("Things")
    app = wait_for_report(settings, press(app, "Read the pictures"))
    app = press(app, "Keep it")
    job = import_job.imports(settings).newest
    assert job is not None
    assert job.wait(30)
    app = app.run()
    assert "“Things” is a data set now" in text(app)
    assert [info.name for info in own_datasets()] == ["things"]
    assert private_folders(settings) == []
    assert camera_data(app)["forget"] == "first"


def test_whoever_goes_back_to_the_camera_leaves_nothing(settings: Settings, send: Send) -> None:
    send()
    app = opened()
    assert len(private_folders(settings)) == 1
    app = press(app, "Back to the camera")
    assert private_folders(settings) == []
    assert camera_data(app)["forget"] == ""


def test_newer_pictures_replace_those_before(settings: Settings, send: Send) -> None:
    send()
    send(0, 2, capture="second")
    assert len(private_folders(settings)) == 1
    with pytest.raises(ImportRefused, match="did not arrive in order"):
        send(1, 2)


def test_nothing_is_replaced_while_it_is_read(settings: Settings, send: Send) -> None:
    send()
    app = opened()
    app.text_input(key="import-title").set_value("Things")
    wait_for_report(settings, press(app, "Read the pictures"))
    with pytest.raises(ImportRefused, match="An import is under way"):
        send(capture="second")


@pytest.mark.parametrize(
    "changes",
    [
        {"part": 1},
        {"part": 0, "parts": 1.5},
        {"parts": True},
        {"parts": 0},
        {"parts": 10**6},
        {"capture": 3},
        {"classes": 3},
        {"classes": ["cup", 3]},
        {"classes": "cup"},
        {"pictures": [["0", 1, ""]]},
        {"pictures": [[0, 1, "no base64!"]]},
        {"pictures": [[0, 1, "A" * 300_000]]},
        {"pictures": [[5, 1, "/9j/"]]},
        {"pictures": [[0, 1, "PHN2Zz4="]]},
        {"pictures": [[0, 1]]},
        {"pictures": [[0, 1, encoded(1)]]},
    ],
)
def test_what_a_browser_should_not_send_is_refused_and_leaves_nothing(
    settings: Settings, send: Send, changes: dict[str, Any]
) -> None:
    with pytest.raises(ImportRefused):
        send(**changes)
    assert private_folders(settings) == []


@pytest.mark.parametrize("message", [None, 3, [], "x", {}])
def test_a_message_of_another_form_is_refused(message: object) -> None:
    with pytest.raises(ImportRefused, match="Reload the page"):
        parse_part(message)


def test_the_camera_is_only_for_who_sits_at_this_machine(
    monkeypatch: pytest.MonkeyPatch, send: Send
) -> None:
    send()
    monkeypatch.setattr(own_data, "is_local_browser", lambda: False)
    app = opened()
    assert "only offered to the browser on the computer that runs cifarviz" in text(app)
    assert components(app, "camera") == []
    assert "24 pictures" not in text(app)
