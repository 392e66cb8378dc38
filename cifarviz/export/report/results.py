"""Results on the test images: confusion matrix, scores, mistakes, feature maps."""

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
_LEFT_OUT = (
    "The data set was imported, so its pictures and their feature maps are left out: they are "
    "shown in a report that is exported with pictures."
)


def format_accuracy(evaluation: Evaluation) -> str:
    """Return a sentence with the test accuracy, its interval and the loss."""
    low, high = accuracy_interval(evaluation.accuracy, len(evaluation))
    return (
        f"Accuracy {evaluation.accuracy:.1%} on {len(evaluation):,} test images (95% interval "
        f"{low:.1%} to {high:.1%}), loss {evaluation.loss:.4f}."
    )


def matrix_chart(item: RunContents, chart: Chart) -> Html:
    """Return the confusion matrix, in percent of each actual class."""
    evaluation = _evaluated(item)
    figure = confusion_matrix_figure(
        confusion_matrix(evaluation.classes, evaluation.confusion, shown="row_percent")
    )
    description = f"Confusion matrix of {item.name}: actual classes in rows, predicted in columns"
    return chart(figure, f"confusion-{item.run.id}", description)


def scores_table(item: RunContents) -> Html:
    """Return precision and recall of each class with 95 % intervals, and F1."""
    evaluation = _evaluated(item)
    scores = evaluation.per_class
    hits = evaluation.confusion.diagonal()
    predicted = evaluation.confusion.sum(axis=0)
    rows = [
        (
            name,
            _with_interval(int(hit), int(predictions)),
            _with_interval(int(hit), int(images)),
            f"{f1:.1%}" if isfinite(f1) else None,
            f"{images:,}",
        )
        for name, hit, predictions, images, f1 in zip(
            scores.classes, hits, predicted, scores.support, scores.f1, strict=True
        )
    ]
    explanation = (
        "Precision: the share of images predicted as this class that belong to it. Recall: the "
        "share of this class's images that were recognised. In brackets: the 95% confidence "
        "interval for the choice of test images."
    )
    return joined(
        [
            table(["Class", "Precision", "Recall", "F1", "Images"], rows, style="numbers"),
            paragraph(explanation),
        ]
    )


def mistake_pictures(item: RunContents) -> Html:
    """Return the pictures of the network's most confident mistakes, or a table without them."""
    evaluation = _evaluated(item)
    mistakes = most_confident_mistakes(evaluation.labels, evaluation.probabilities)
    if not len(mistakes):
        return paragraph("There are no mistakes on these images.")
    predicted = evaluation.predicted
    shown = mistakes[:_MISTAKES]
    heading = (
        f"The {len(shown)} most confident of {len(mistakes):,} mistakes with {item.weights}."
        if len(shown) < len(mistakes)
        else f"All {len(mistakes):,} mistakes with {item.weights}, most confident first."
    )
    if not item.shows_pictures:
        rows = [
            (
                int(evaluation.indices[position]),
                evaluation.classes[evaluation.labels[position]],
                evaluation.classes[predicted[position]],
                f"{float(evaluation.probabilities[position].max()):.0%}",
            )
            for position in shown
        ]
        return joined(
            [
                paragraph(f"{heading} {_LEFT_OUT}"),
                table(["Test image", "Actual", "Predicted", "Confidence"], rows),
            ]
        )
    cards = []
    for position in shown:
        actual = evaluation.classes[evaluation.labels[position]]
        prediction = evaluation.classes[predicted[position]]
        confidence = float(evaluation.probabilities[position].max())
        index = int(evaluation.indices[position])
        image = picture(
            item.images[position],
            f"Test image {index}: {actual}, predicted as {prediction} ({confidence:.0%})",
            width=_PICTURE,
        )
        cards.append(
            f'<figure class="card">{image}<figcaption>{text(actual)} → <b>{text(prediction)}</b>'
            f"<br>{confidence:.0%} · nr {index}</figcaption></figure>"
        )
    return joined(
        [
            paragraph(
                f"{heading} Below each picture: actual → predicted class, confidence, image number."
            ),
            f'<div class="cards">{joined(cards)}</div>',
        ]
    )


def feature_maps(item: RunContents) -> Html:
    """Return the strongest channels of every layer for some test images."""
    return joined(
        [
            paragraph(
                f"The strongest channels of each layer, at most {_CHANNELS}, for some test images. "
                f"Each channel has its own scale. {item.maps.note}"
            ),
            *map(_image_maps, item.maps.images),
        ]
    )


def _image_maps(image: ImageMaps) -> Html:
    title = f"Test image {image.index} ({image.reason}): {image.actual}"
    if image.predicted == image.actual:
        title += ", predicted correctly"
    elif image.predicted is not None:
        title += f", predicted as {image.predicted}"
    own = picture(image.pixels, f"Test image {image.index}, {image.actual}", width=_MAPS)
    layers = [_layer(view) for view in image.layers if view.maps is not None]
    return joined(
        [
            '<div class="maps">',
            f'<p class="of">{text(title)}.</p>',
            '<div class="pictures">',
            f'<figure class="layer">{own}<figcaption>input image</figcaption></figure>',
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
    size = f"{view.name}, {height}×{width}"
    if channels > _CHANNELS:
        caption = f"{size}: {len(order)} of {channels} channels"
    else:
        caption = f"{size}: 1 channel" if channels == 1 else f"{size}: {channels} channels"
    return Html(
        f'<figure class="layer">{picture(grid, caption, width=_MAPS)}'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def _with_interval(hits: int, images: int) -> str | None:
    if not images:
        return None
    low, high = accuracy_interval(hits / images, images)
    return f"{hits / images:.1%} ({low:.0%} to {high:.0%})"


def _evaluated(item: RunContents) -> Evaluation:
    assert item.evaluation is not None
    return item.evaluation
