"""How a run's network does on the test images: matrix, scores, mistakes, feature maps."""

from math import isfinite

import numpy as np

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.feature_maps import LayerView, channel_order
from cifarviz.analysis.galleries import most_confident_mistakes
from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.export.report.contents import RunContents
from cifarviz.export.report.markup import Chart, Html, joined, paragraph, picture, table, text
from cifarviz.export.report.pictures import ImageMaps
from cifarviz.figures.confusion_matrix import confusion_matrix, confusion_matrix_figure
from cifarviz.figures.pictures import channel_grid

_MISTAKES = 24
_CHANNELS = 16
_PICTURE = 72
_MAPS = 122


def accuracy_words(evaluation: Evaluation) -> str:
    """The accuracy on the test images, with its interval, in a sentence."""
    low, high = accuracy_interval(evaluation.accuracy, len(evaluation))
    return (
        f"{evaluation.accuracy:.1%} of {len(evaluation):,} test images are recognised (95% "
        f"interval {low:.1%} to {high:.1%}); loss {evaluation.loss:.4f}."
    )


def matrix(one: RunContents, chart: Chart) -> Html:
    """The confusion matrix, in shares of each actual class."""
    evaluation = _evaluated(one)
    figure = confusion_matrix_figure(
        confusion_matrix(evaluation.classes, evaluation.confusion, shown="row_percent")
    )
    described = f"Confusion matrix of {one.name}: actual classes in rows, predicted in columns"
    return chart(figure, f"confusion-{one.run.id}", described)


def scores(one: RunContents) -> Html:
    """Precision and recall of each class with their 95 % intervals, and F1."""
    evaluation = _evaluated(one)
    found = evaluation.per_class
    hits = evaluation.confusion.diagonal()
    predicted = evaluation.confusion.sum(axis=0)
    rows = [
        (
            name,
            _with_interval(int(hit), int(guessed)),
            _with_interval(int(hit), int(images)),
            f"{f1:.1%}" if isfinite(f1) else None,
            f"{images:,}",
        )
        for name, hit, guessed, images, f1 in zip(
            found.classes, hits, predicted, found.support, found.f1, strict=True
        )
    ]
    explained = (
        "Precision: of the images taken for this class, the share that is of it. Recall: of the "
        "images of this class, the share that was found. In brackets where the true value lies "
        "with 95% confidence, as far as chance in the choice of test images goes."
    )
    return joined(
        [
            table(["Class", "Precision", "Recall", "F1", "Images"], rows, style="numbers"),
            paragraph(explained),
        ]
    )


def mistakes(one: RunContents) -> Html:
    """The mistakes the network was surest of, as pictures."""
    evaluation = _evaluated(one)
    chosen = most_confident_mistakes(evaluation.labels, evaluation.probabilities)
    if not len(chosen):
        return paragraph("It makes no mistake on these images.")
    predicted = evaluation.predicted
    cards = []
    for position in chosen[:_MISTAKES]:
        actual = evaluation.classes[evaluation.labels[position]]
        taken = evaluation.classes[predicted[position]]
        sure = float(evaluation.probabilities[position].max())
        words = f"{actual} taken for {taken}, {sure:.0%} sure"
        index = int(evaluation.indices[position])
        shown = picture(one.images[position], f"Test image {index}: {words}", width=_PICTURE)
        cards.append(
            f'<figure class="card">{shown}<figcaption>{text(actual)} → <b>{text(taken)}</b>'
            f"<br>{sure:.0%} · nr {index}</figcaption></figure>"
        )
    count = (
        f"The {len(cards)} surest of {len(chosen):,} mistakes"
        if len(cards) < len(chosen)
        else f"All {len(chosen):,} mistakes"
    )
    return joined(
        [
            paragraph(
                f"{count} with {one.weights}. What it is → what it was taken for, and how sure "
                "the network was."
            ),
            f'<div class="cards">{joined(cards)}</div>',
        ]
    )


def feature_maps(one: RunContents) -> Html:
    """What the layers make of a few test images, the strongest channels of each."""
    return joined(
        [
            paragraph(
                "What the layers make of a few test images: of each layer the strongest channels, "
                f"at most {_CHANNELS}, each channel scaled by itself. {one.maps.words}"
            ),
            *map(_maps_of, one.maps.images),
        ]
    )


def _maps_of(shown: ImageMaps) -> Html:
    answer = "" if shown.answer is None else f", taken for {shown.answer}"
    if shown.answer == shown.actual:
        answer = ", recognised"
    own = picture(shown.pixels, f"Test image {shown.index}, {shown.actual}", width=_MAPS)
    layers = [_layer(view) for view in shown.layers if view.maps is not None]
    return joined(
        [
            '<div class="maps">',
            f'<p class="of">Test image {shown.index}, {text(shown.why)}: '
            f"{text(shown.actual)}{text(answer)}.</p>",
            '<div class="pictures">',
            f'<figure class="layer">{own}<figcaption>the image itself</figcaption></figure>',
            *layers,
            "</div>",
            "</div>",
        ]
    )


def _layer(view: LayerView) -> Html:
    assert view.maps is not None
    height, width, channels = view.values.shape
    order = channel_order(view.values, "strength")[:_CHANNELS]
    grid = channel_grid(view.maps.images[np.asarray(order)])
    count = f"{channels} channel{'' if channels == 1 else 's'}"
    if channels > _CHANNELS:
        count = f"{len(order)} of {count}"
    caption = f"{view.name}, {height}×{width}: {count}"
    return Html(
        f'<figure class="layer">{picture(grid, caption, width=_MAPS)}'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def _with_interval(hits: int, images: int) -> str | None:
    if not images:
        return None
    low, high = accuracy_interval(hits / images, images)
    return f"{hits / images:.1%} ({low:.0%} to {high:.0%})"


def _evaluated(one: RunContents) -> Evaluation:
    assert one.evaluation is not None
    return one.evaluation
