"""Loss and accuracy of one run, side by side."""

import numpy as np
import streamlit as st

from cifarviz.figures.learning_rate import rate_words
from cifarviz.figures.metric import Metric
from cifarviz.live.feeds import RunFeed
from cifarviz.live.run_figures import METRICS
from cifarviz.runs.records import Run
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items

_HEIGHT = 450


def live_charts(run: Run, feed: RunFeed, live: Live | None) -> None:
    """Show both charts as far as the run has come, under what they say."""
    live_items({"verdict": feed.items()["verdict"]}, key="live-verdict", live=live)
    for place, metric in zip(st.columns(2), METRICS, strict=True):
        with place:
            chart(
                feed.figure(metric),
                key=f"live-{metric}",
                view=run.id,
                height=_HEIGHT,
                file_name=f"{run.name} {metric}",
                description=_description(metric, run, feed),
                live=live,
                live_name=metric,
            )


def _description(metric: Metric, run: Run, feed: RunFeed) -> str:
    """What a chart shows, for screen readers."""
    about = f"{metric.capitalize()} of “{run.name}” over the epochs"
    rates = np.array(feed.learning_rates())
    return f"{about}. {rate_words(rates)}" if metric == "loss" and rates.size else about
