"""A Plotly chart that keeps its zoom while it is updated, and answers clicks."""

from cifarviz.ui.components.chart.component import ChartClick, chart

__all__ = ["ChartClick", "chart"]
