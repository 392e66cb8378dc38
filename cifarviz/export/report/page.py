"""The report as a single HTML file."""

from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from cifarviz.export.report.configuration import (
    differences,
    environment_table,
    layer_table,
    reproduction,
    settings_table,
)
from cifarviz.export.report.contents import RunContents
from cifarviz.export.report.curves import curves, gap_table
from cifarviz.export.report.markup import (
    Chart,
    Html,
    chart_maker,
    joined,
    paragraph,
    section,
    table,
    text,
)
from cifarviz.export.report.results import (
    feature_maps,
    format_accuracy,
    matrix_chart,
    mistake_pictures,
    scores_table,
)
from cifarviz.figures.theme import chart_script
from cifarviz.runs.run_headline import format_duration, headline

_HERE = Path(__file__).parent
# Only content of the file itself: no script, style, picture or font from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)


def report(contents: Sequence[RunContents]) -> str:
    """Return the HTML of a report on one run, or of a comparison of several.

    It contains Plotly and all pictures (about 5 MB), needs no network, and prints on A4 or US
    letter without cutting charts. Raises ``ValueError`` without a run.
    """
    if not contents:
        raise ValueError("A report needs at least one run.")
    chart = chart_maker()
    if len(contents) == 1:
        title = contents[0].name
        body = joined([_header(title), *_run_sections(contents[0], chart)])
    else:
        title = f"{len(contents)} runs compared"
        body = joined([_header(title), *_comparison_sections(contents, chart)])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)} · cifarviz</title>\n"
        f"<style>\n{(_HERE / 'report.css').read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n"
        f"<script>{_plotly()}</script>\n"
        f"<script>\n{chart_script()}{(_HERE / 'report.js').read_text('utf-8')}</script>\n"
        "</body>\n</html>\n"
    )


def _header(title: str) -> Html:
    now = datetime.now()
    return Html(
        f"<header><h1>{text(title)}</h1>\n"
        f'<p class="when">cifarviz report, {now.day} {now:%B %Y, %H:%M}. Drag in a chart to zoom, '
        "double-click to reset; its buttons save it as PNG or SVG.</p></header>"
    )


def _run_sections(item: RunContents, chart: Chart) -> list[Html]:
    parts = [
        section("Training and validation", *curves([item], chart), gap_table([item])),
        *_results(item, chart),
    ]
    if item.maps.images:
        parts.append(section("Feature maps", feature_maps(item)))
    return [*parts, *_details(item)]


def _comparison_sections(contents: Sequence[RunContents], chart: Chart) -> list[Html]:
    # The table between the charts fills the space they leave on a printed page.
    first, *others = curves(contents, chart)
    parts = [
        section("Differences", differences(contents)),
        section("Training and validation", first, gap_table(contents), *others),
        section("Test results", _summary(contents)),
    ]
    for item in contents:
        parts.append(Html(f'<h1 class="run">{text(item.name)}</h1>'))
        parts += [*_results(item, chart), *_details(item)]
    return parts


def _details(item: RunContents) -> list[Html]:
    experiment = item.run.experiment
    return [
        section("Configuration", settings_table(experiment), layer_table(experiment)),
        section("Environment", environment_table(item)),
        section("How to reproduce this run", reproduction(item)),
    ]


def _results(item: RunContents, chart: Chart) -> list[Html]:
    if item.evaluation is None:
        return [section("Test results", paragraph(item.problem or ""))]
    summary = (
        f"{format_accuracy(item.evaluation)} The confusion matrix, scores and mistakes are also "
        f"from {item.weights}."
    )
    if others := item.run.experiment.prediction_views.describe_others():
        summary += f" Predictions are averaged over each image and {others}."
    return [
        section("Test results", paragraph(summary), matrix_chart(item, chart)),
        section("Scores by class", scores_table(item)),
        section("Mistakes", mistake_pictures(item)),
    ]


def _summary(contents: Sequence[RunContents]) -> Html:
    rows = [
        (
            item.name,
            None if item.evaluation is None else f"{item.evaluation.accuracy:.1%}",
            None if item.evaluation is None else f"{item.evaluation.loss:.4f}",
            None if item.position is None else str(item.position),
            headline(item.run) or None,
            item.run.epochs_done,
            f"{item.run.experiment.architecture.parameters:,}",
            format_duration(item.run.seconds),
        )
        for item in contents
    ]
    headings = ["Run", "Test accuracy", "Test loss", "Weights from"]
    headings += ["Best epoch", "Epochs", "Parameters", "Time at work"]
    return table(headings, rows, style="numbers")


def _plotly() -> str:
    # The same file as plotly.offline.get_plotlyjs reads.
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_text("utf-8")
