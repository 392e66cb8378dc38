"""Every download works at the first click while a run trains and the browser is slow."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Response, expect

from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from tests import stored_runs

# Milliseconds by which the browser hears late of what the server says: longer than the second
# after which the parts of the page run again. And until it asks for a file.
_LATE = 1200
_LATE_FETCH = 2500
_LATE_MESSAGES = f"""(() => {{
  const Socket = window.WebSocket;
  const later = (act) => (event) => setTimeout(() => act(event), {_LATE});
  window.WebSocket = class extends Socket {{
    set onmessage(act) {{ super.onmessage = later(act); }}
    addEventListener(type, act, options) {{
      super.addEventListener(type, type === "message" ? later(act) : act, options);
    }}
  }};
}})()"""
_CODE = ("Keras script", "Notebook", "Packed run")


@pytest.mark.timeout(240)
def test_a_slow_browser_downloads_each_file_at_the_first_click(
    page: Page, app_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("downloads") / "home"
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    experiment = stored_runs.experiment()
    run = stored_runs.store_run(store, experiment, name="done", checkpoints={})
    live = stored_runs.store_run(store, experiment, name="live", state=RunState.RUNNING, epochs=1)
    with stored_runs.hold_lock(store, live):
        server = app_server("app.py", home=home, environment={"CIFARVIZ_WARM_UP": "0"})
        answers: list[Response] = []
        page.on("response", lambda response: answers.append(response))
        page.add_init_script(_LATE_MESSAGES)
        page.goto(f"{server.url}/runs?runs={run.id}")
        page.get_by_role("button", name="Export").click()
        for label in _CODE:
            button = page.get_by_test_id("stDownloadButton").get_by_role("button", name=label)
            expect(button).to_be_visible(timeout=60_000)
            with page.expect_download(timeout=60_000) as download:
                button.click()
            assert download.value.failure() is None
        # Streamlit's own look at each file, which comes before the browser's: the same address
        # is still good when a browser that is later asks for it.
        files = {one.url: one.status for one in answers if "/media/" in one.url}
        files = {url: status for url, status in files.items() if "/static/" not in url}
        assert len(files) >= len(_CODE) - 1
        page.wait_for_timeout(_LATE_FETCH)
        for url in files:
            assert page.request.get(url).status == 200
        assert "Error" not in server.log()
