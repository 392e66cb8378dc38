"""The report as one HTML file."""

from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from cifarviz.export.report.configuration import (
    differences,
    environment,
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
from cifarviz.export.report.results import accuracy_words, feature_maps, matrix, mistakes, scores
from cifarviz.figures.theme import config_script
from cifarviz.runs.run_headline import format_duration, headline

_HERE = Path(__file__).parent
# Nothing but what is in the file: no script, style, picture or font from anywhere else.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)


def report(contents: Sequence[RunContents], *, written: datetime | None = None) -> str:
    """One page on a run, or on several beside each other; ``written`` is when, default now.

    It holds Plotly and all pictures itself (about 5 MB), asks no network for anything, and
    prints on A4 or US letter without a chart that is cut. Raises ``ValueError`` without a run.
    """
    if not contents:
        raise ValueError("a report is about at least one run")
    chart = chart_maker()
    if len(contents) == 1:
        title = contents[0].name
        body = joined([_head(title, written), *_run_sections(contents[0], chart)])
    else:
        title = f"{len(contents)} runs compared"
        body = joined([_head(title, written), *_several(contents, chart)])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)} · cifarviz</title>\n"
        f"<style>\n{(_HERE / 'report.css').read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n"
        f"<script>{_plotly()}</script>\n"
        f"<script>\n{config_script()}{(_HERE / 'report.js').read_text('utf-8')}</script>\n"
        "</body>\n</html>\n"
    )


def _head(title: str, written: datetime | None) -> Html:
    moment = written or datetime.now()
    when = f"{moment.day} {moment:%B %Y, %H:%M}"
    return Html(
        f"<header><h1>{text(title)}</h1>\n"
        f'<p class="when">A cifarviz report, written {text(when)}. Drag over a chart to zoom in, '
        "double-click to zoom out; its buttons save it as PNG or SVG.</p></header>"
    )


def _run_sections(one: RunContents, chart: Chart) -> list[Html]:
    experiment = one.run.experiment
    parts = [
        section("Training and validation", *curves([one], chart), gap_table([one])),
        *_results(one, chart),
    ]
    if one.maps.images:
        parts.append(section("Feature maps", feature_maps(one)))
    return [
        *parts,
        section("Configuration", settings_table(experiment), layer_table(experiment)),
        section("Environment", environment(one)),
        section("How to do it again", reproduction(one)),
    ]


def _several(contents: Sequence[RunContents], chart: Chart) -> list[Html]:
    # The table stands between the charts: it fills what these leave free of a printed page.
    first, *others = curves(contents, chart)
    parts = [
        section("What tells them apart", differences(contents)),
        section("Training and validation", first, gap_table(contents), *others),
        section("On the test images", _summary(contents)),
    ]
    for one in contents:
        parts.append(Html(f'<h1 class="run">{text(one.name)}</h1>'))
        parts += _results(one, chart)
        experiment = one.run.experiment
        parts.append(section("Configuration", settings_table(experiment), layer_table(experiment)))
        parts.append(section("Environment", environment(one)))
        parts.append(section("How to do it again", reproduction(one)))
    return parts


def _results(one: RunContents, chart: Chart) -> list[Html]:
    if one.evaluation is None:
        return [section("On the test images", paragraph(one.problem or ""))]
    said = (
        f"{accuracy_words(one.evaluation)} These are answers with {one.weights}; so are the "
        "matrix, the scores and the mistakes."
    )
    if one.run.experiment.mirrored_answers:
        said += " Each is the mean of those to the image and to its mirror image."
    return [
        section("On the test images", paragraph(said), matrix(one, chart)),
        section("Each class", scores(one)),
        section("Mistakes", mistakes(one)),
    ]


def _summary(contents: Sequence[RunContents]) -> Html:
    rows = [
        (
            one.name,
            None if one.evaluation is None else f"{one.evaluation.accuracy:.1%}",
            None if one.evaluation is None else f"{one.evaluation.loss:.4f}",
            None if one.position is None else str(one.position),
            headline(one.run) or None,
            one.run.epochs_done,
            f"{one.run.experiment.architecture.parameters:,}",
            format_duration(one.run.seconds),
        )
        for one in contents
    ]
    headings = ["Run", "Test accuracy", "Test loss", "Weights"]
    headings += ["Best epoch", "Epochs", "Parameters", "Time at work"]
    return table(headings, rows, style="numbers")


def _plotly() -> str:
    # find_spec: plotly's own get_plotlyjs reads the same file.
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_text("utf-8")
