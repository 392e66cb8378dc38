"""The learning rate over the run that is being set up, as a small chart."""

from functools import lru_cache
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.draft import SECTIONS, Draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.schedules import learning_rates
from cifarviz.figures.learning_rate import learning_rate_curve, learning_rate_figure
from cifarviz.ui.components.chart import chart

# The shape of the course doesn't need every step of a long run.
_MOST_STEPS = 20_000
_STEPS_PER_EPOCH = 100


def learning_rate_preview(draft: Draft, assessment: Assessment) -> None:
    """Show the course of the learning rate, or what has to be put right before it can be shown."""
    wrong = [name for name in ("optimizer", "schedule", "epochs") if name in assessment.problems]
    if wrong:
        words = " and ".join(Experiment.words(name) for name in wrong)
        st.caption(f"The learning rate is drawn here once the {words} can be used.")
        return
    schedule = draft.section("schedule")
    steps = _STEPS_PER_EPOCH if assessment.sizes is None else assessment.sizes.steps_per_epoch
    figure = _figure(
        schedule["kind"],
        tuple(schedule.items()),
        float(draft.section("optimizer")["learning_rate"]),
        max(1, min(steps, _MOST_STEPS // int(draft.settings["epochs"]))),
        int(draft.settings["epochs"]),
    )
    chart(
        figure,
        key="learning-rate",
        view=f"{schedule['kind']} {draft.settings['epochs']}",
        file_name="learning-rate",
        description="The learning rate over the run",
    )


@lru_cache(maxsize=32)
def _figure(
    kind: str, schedule: tuple[tuple[str, Any], ...], rate: float, steps: int, epochs: int
) -> go.Figure:
    made: Any = SECTIONS["schedule"][kind]
    rates = learning_rates(made.make(**dict(schedule)), rate, steps, epochs)
    return learning_rate_figure(learning_rate_curve(rates, steps))
