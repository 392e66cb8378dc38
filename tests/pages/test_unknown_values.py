"""Unknown query values are reported on every page."""

from collections.abc import Mapping

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.runs.records import Run
from tests.pages.app_page import opened_by_link, walk

# Page, what else the address holds ("RUN" stands for a run that is here), and names that are read.
CASES = [
    ("data", "", "from"),
    ("samples", "", "dataset variant split view count classes seed divisor image"),
    ("train", "", "view preset part run changes"),
    ("train", "view=watch", "run"),
    ("train", "view=watch&run=RUN", "ghost"),
    ("runs", "", "runs run state preset data starred sort"),
    ("runs", "runs=RUN", "smooth axis ghost"),
    ("tune", "", "runs study vary goal sampler pruner trials minutes within atonce"),
    ("lab", "", "view"),
    ("inside", "", "run"),
    ("inside", "run=RUN", "checkpoint image split layer channel look scale with class order"),
    ("inside", "run=RUN", "filters file view"),
    ("inside", "run=RUN&view=step", "layer channel pixel"),
    ("inside", "run=RUN&view=mute", "layer off click"),
    ("evaluate", "", "run view"),
    ("evaluate", "run=RUN", "checkpoint image actual predicted page with matrix gallery sheet"),
    ("evaluate", "view=ensemble", "members weights way template"),
    ("predict", "", "run"),
    ("predict", "run=RUN", "checkpoint image split dataset fit"),
    ("predict", "run=RUN&image=3&view=break", "view change amounts"),
    ("predict", "run=RUN&image=3&view=push", "method target epsilon"),
    ("present", "", "scene run"),
    ("present", "scene=training&run=RUN", "at pace"),
    ("present", "scene=maps&run=RUN", "image layer epoch"),
]

# The same with names of ``linked_home`` for ids.
LINKED_CASES = [
    ("lab", "", "thing values epochs images seed data series"),
    ("lab", "view=memorisation", "percent"),
    ("lab", "view=memorisation&series=HEART", "gallery picture"),
    ("lab", "view=duel&series=DUEL", "play"),
    ("lab", "view=duel&series=DUEL&play=1", "at pace"),
    ("tune", "runs=MINE,OTHER,VGG", "goal chart"),
    ("tune", "runs=MINE,OTHER,VGG&chart=contour", "x y"),
    ("inside", "run=MINE", "epoch dataset with colors"),
    ("inside", "run=MINE&with=MINE", "at"),
    ("inside", "run=MINE&with=MINE&layer=conv2d_2&channel=1", "side"),
    ("evaluate", "run=MINE", "epoch part order of seed"),
    ("evaluate", "run=MINE&gallery=mistakes", "picture"),
    ("evaluate", "run=MINE&with=OTHER", "side"),
    ("evaluate", "view=ensemble", "preset changes count first"),
    ("evaluate", "view=ensemble&members=MINE,OTHER", "show image seed"),
    ("evaluate", "view=ensemble&members=MINE,OTHER&show=mended", "member page"),
    ("predict", "run=CLOTHES", "invert"),
    ("predict", "run=MINE&image=3&view=push", "fooled"),
    ("present", "scene=data", "notes"),
    ("present", "scene=mistakes&run=MINE", "epoch"),
    ("present", "scene=photo&run=MINE", "photo"),
]


def page_text(app: AppTest) -> str:
    """All that the page says: in boxes, texts and what stands on the stage."""
    said = [*app.error, *app.warning, *app.info, *app.caption, *app.markdown]
    stage = [one.proto.body for one in walk(app._tree) if one.type == "html"]
    return "\n".join([one.value.replace("\\", "") for one in said] + stage)


def each(cases: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """A case a name."""
    return [(page, given, name) for page, given, names in cases for name in names.split()]


@pytest.mark.parametrize(("page", "given", "name"), each(CASES))
def test_an_unknown_query_value_is_reported(page: str, given: str, name: str, run: Run) -> None:
    assert_reported(page, given.replace("RUN", run.id), name)


@pytest.mark.parametrize(("page", "given", "name"), each(LINKED_CASES))
def test_an_unknown_value_of_a_choice_that_some_runs_lack_is_reported(
    page: str, given: str, name: str, linked: Mapping[str, str]
) -> None:
    for known, one in linked.items():
        given = given.replace(known, one)
    assert_reported(page, given, name)


def assert_reported(page: str, given: str, name: str) -> None:
    address = dict(part.split("=") for part in given.split("&") if part)
    app = opened_by_link(page, **{**address, name: f"no-{name}"})
    assert not app.exception
    if name == "changes":  # packed: nobody reads it
        assert "changes" in page_text(app)
    else:
        assert f"no-{name}" in page_text(app)
