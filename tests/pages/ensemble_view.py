"""Evaluate's Ensemble view, opened and read by its tests."""

from typing import Any

from streamlit.testing.v1 import AppTest

from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run
from tests import stored_runs
from tests.components import components, live_texts, prediction_table
from tests.pages.app_page import opened_from_start


def seeded(seed: int, **fields: object) -> Experiment:
    return stored_runs.experiment(seed=seed, **fields)


def opened(*members: object, **address: object) -> AppTest:
    named = {"members": ",".join(map(str, members))} if members else {}
    return opened_from_start("evaluate", **{"view": "ensemble", **named, **address})


def ids(runs: list[Run]) -> list[str]:
    return [run.id for run in runs]


def page_text(app: AppTest) -> str:
    kinds = (*app.error, *app.warning, *app.info, *app.markdown, *app.caption)
    return "\n".join([*(element.value for element in kinds), *live_texts(app)]).replace("\\", "")


def table(app: AppTest) -> dict[str, Any]:
    [key] = [table.key for table in components(app, "prediction_table")]
    return prediction_table(app, key)


def button(app: AppTest, label: str) -> Any:
    return next(button for button in app.button if button.label.replace("\\", "") == label)
