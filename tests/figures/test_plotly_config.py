"""What Plotly offers beside a chart, wherever one is drawn."""

import re
from pathlib import Path

import cifarviz
from cifarviz.figures.theme import PLOTLY_CONFIG, chart_script

PACKAGE = Path(cifarviz.__file__).parent


def test_no_button_uploads_a_chart() -> None:
    assert PLOTLY_CONFIG["showSendToCloud"] is False
    assert PLOTLY_CONFIG["plotlyServerURL"] == ""
    assert PLOTLY_CONFIG["displaylogo"] is False
    assert '"showSendToCloud": false' in chart_script()


def test_all_code_that_uses_plotly_uses_these_options() -> None:
    scripts = [path.read_text("utf-8") for path in PACKAGE.rglob("*.js")]
    drawing = [text for text in scripts if re.search(r"Plotly\.(react|newPlot)\(", text)]
    assert len(drawing) == 2
    assert all("...PLOTLY_CONFIG" in text for text in drawing)
    # Streamlit's own charts would take Plotly's own options.
    assert not [
        path for path in PACKAGE.rglob("*.py") if "plotly_chart(" in path.read_text("utf-8")
    ]
