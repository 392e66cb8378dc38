"""What an address names in vain is said, on every page and for every name it reads."""

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.runs.records import Run
from tests.pages.app_page import opened_by_link, walk

# Page, what else the address holds ("RUN" stands for a run that is here), and names that are read.
CASES = [
    ("samples", "", "dataset variant split view count classes seed divisor image"),
    ("train", "", "view preset part run changes"),
    ("train", "view=watch", "run"),
    ("train", "view=watch&run=RUN", "ghost"),
    ("runs", "", "runs run state preset data starred sort"),
    ("runs", "runs=RUN", "smooth axis ghost"),
    ("lab", "", "view"),
    ("inside", "", "run"),
    ("inside", "run=RUN", "checkpoint image split layer channel look scale with class order"),
    ("inside", "run=RUN", "filters file"),
    ("evaluate", "", "run view"),
    ("evaluate", "run=RUN", "checkpoint image actual predicted page with matrix gallery sheet"),
    ("evaluate", "view=ensemble", "members weights way template"),
    ("predict", "", "run"),
    ("predict", "run=RUN", "checkpoint image split dataset fit"),
    ("present", "", "scene run"),
    ("present", "scene=training&run=RUN", "at pace"),
    ("present", "scene=maps&run=RUN", "image layer epoch"),
]


def words(app: AppTest) -> str:
    """All that the page says: in boxes, texts and what stands on the stage."""
    said = [*app.error, *app.warning, *app.info, *app.caption, *app.markdown]
    stage = [one.proto.body for one in walk(app._tree) if one.type == "html"]
    return "\n".join([one.value.replace("\\", "") for one in said] + stage)


@pytest.mark.parametrize(
    ("page", "given", "name"),
    [(page, given, name) for page, given, names in CASES for name in names.split()],
)
def test_a_value_that_is_none_is_said(page: str, given: str, name: str, run: Run) -> None:
    others = dict(part.split("=") for part in given.split("&") if part)
    address = {key: value.replace("RUN", run.id) for key, value in others.items()}
    app = opened_by_link(page, **{**address, name: f"no-{name}"})
    assert not app.exception
    if name == "changes":  # packed: nobody reads it
        assert "changes" in words(app)
    else:
        assert f"no-{name}" in words(app)
