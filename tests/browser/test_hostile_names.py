"""Names that look like Markdown, HTML, icons or addresses are shown literally."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from tests import stored_runs

NAMES = (
    ":material/delete: **bold** $x^2$ :red[red] `code` :cat: :streamlit: -- -> # 4)",
    "[link](http://a.org) <b>html</b> www.a.org me@a.org ![i](http://a.org/i.png) %{x}",
    "Setting",
    "<img src=x onerror='window.executed=1'><svg/onload=window.executed=1></script>",
)
# What a name must not have become anywhere on a page.
MADE_OF_IT = (
    "strong:text-is('bold'), b:text-is('html'), .katex, a[href^='http://a.org'], "
    "a[href^='mailto:'], a[href^='http://www'], img[src*='a.org'], code:text-is('code'), "
    "[aria-label='delete icon'], img[alt='Streamlit logo']"
)


@pytest.fixture(scope="module")
def site(
    app_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory
) -> tuple[AppServer, list[Run]]:
    home: Path = tmp_path_factory.mktemp("hostile")
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    experiment = stored_runs.experiment()
    weights = stored_runs.weights(experiment)
    runs = [
        stored_runs.store_run(
            store,
            experiment.model_copy(update={"seed": seed}),
            name=name,
            checkpoints={"last": weights, "best": weights},
        )
        for seed, name in enumerate(NAMES)
    ]
    for run in runs:
        store.remark(run.id, f"# {NAMES[0]}")
    return app_server(home=home, environment={"CIFARVIZ_WARM_UP": "0"}), runs


@pytest.mark.parametrize(
    ("page", "address", "shown"),
    [
        ("", "", NAMES),
        ("train", "view=watch&run={0}", NAMES[:1]),
        ("runs", "runs={0}", NAMES[:1]),
        ("runs", "runs={0},{1},{2}", NAMES[:3]),
        ("inside", "run={0}&with={1}&image=1", NAMES[:2]),
        ("evaluate", "run={0}&part=compare&with={1}", NAMES[1:2]),
        ("evaluate", "view=ensemble&members={0},{1}", ()),
        ("present", "run={0}&scene=training&notes=1", ()),
        ("runs", "runs={3},{0}", (NAMES[3], NAMES[0])),
        ("evaluate", "run={3}&part=compare&with={0}", NAMES[:1]),
    ],
)
def test_a_name_is_shown_literally(
    new_page: Callable[..., Page],
    site: tuple[AppServer, list[Run]],
    page: str,
    address: str,
    shown: tuple[str, ...],
) -> None:
    server, runs = site
    opened = new_page()
    opened.goto(f"{server.url}/{page}?{address.format(*(run.id for run in runs))}")
    main = opened.get_by_test_id("stMain")
    for name in shown:
        # Beside those hidden at this width, and in the tables for screen readers.
        expect(main.get_by_text(name).filter(visible=True).first).to_be_visible()
    expect(opened.locator('[data-test-script-state="notRunning"]')).to_be_visible()
    expect(main.locator(MADE_OF_IT)).to_have_count(0)
    assert "\U0001f431" not in main.inner_text()
    expect(opened.get_by_test_id("stException")).to_have_count(0)
    assert opened.evaluate("() => window.executed") is None
