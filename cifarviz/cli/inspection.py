"""The ``evaluate``, ``predict`` and ``feature-maps`` commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from PIL import Image

from cifarviz.analysis.calibration import compute_calibration, top_accuracy
from cifarviz.analysis.evaluation import evaluate as evaluate_predictions
from cifarviz.analysis.feature_maps import layer_views
from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.analysis.out_of_distribution import (
    UnknownDetector,
    make_run_detector,
)
from cifarviz.analysis.predictions import rank_classes
from cifarviz.cli.output import AsJson, print_json, print_message, print_table
from cifarviz.cli.paths import parse_path, place_errors
from cifarviz.data.image_set import Dataset
from cifarviz.data.pictures import PreparedPicture, prepare_picture
from cifarviz.data.uploads import decode_file
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ArtifactMissing, DataError, ImageUnreadable
from cifarviz.escaping import safe_file_name
from cifarviz.loading import tensorflow_imports
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import load_evaluation_data
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import load_or_compute_predictions
from cifarviz.runs.stored_weights import (
    default_weights,
    explain_missing_weights,
    other_checkpoint,
    weights_position,
)
from cifarviz.settings import Settings

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

RunName = Annotated[str, typer.Argument(help="A run's id or the start of it.")]
WhichCheckpoint = Annotated[
    Checkpoint | None,
    typer.Option(
        "--checkpoint",
        help="Weights from the best or the last epoch. Default: those chosen on the Runs page, "
        "else last, or best if the run saved no others.",
    ),
]
Invert = Annotated[
    bool | None,
    typer.Option(
        "--invert/--no-invert",
        help="Invert light and dark. Default: invert if the data set is light on black and the "
        "picture's background is light.",
    ),
]


def evaluate(run: RunName, checkpoint: WhichCheckpoint = None, as_json: AsJson = False) -> None:
    """Evaluate a run's network on the test images of its data set."""
    settings = Settings.from_environment()
    store = RunStore(settings)
    selected = store.find(run)
    checkpoint = chosen_weights(selected, store, checkpoint)
    dataset = _load_dataset(selected, settings)
    test = dataset.test
    evaluation = evaluate_predictions(
        test.labels,
        _test_predictions(store, selected, checkpoint, dataset),
        test.indices,
        dataset.info.classes,
    )
    position = weights_position(store, selected, checkpoint)
    labels, probabilities = evaluation.labels, evaluation.probabilities
    low, high = accuracy_interval(evaluation.accuracy, len(evaluation))
    if as_json:
        print_json(
            {
                "run": selected.id,
                "checkpoint": checkpoint,
                "split": "test",
                **evaluation.to_dict(),
                "epoch": position.epoch,
                "steps_since": position.steps,
                "loss_exact": evaluation.predictions.exact,
                "accuracy_interval": [low, high],
                "top_2_accuracy": top_accuracy(labels, probabilities, 2),
                "top_3_accuracy": top_accuracy(labels, probabilities, 3),
                "calibration_error": compute_calibration(labels, probabilities).error,
            }
        )
        return
    print_message(
        f"{selected.name} ({selected.id}, {checkpoint} weights, {position}) on "
        f"{len(evaluation):,} {dataset.variant} test images: "
        f"accuracy {evaluation.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), "
        f"loss {evaluation.loss:.4f}"
    )
    print_table(
        ["class", "precision", "recall", "F1", "images"],
        [(name, *scores.values()) for name, scores in evaluation.to_dict()["per_class"].items()],
    )


def predict(
    run: RunName,
    images: Annotated[list[Path], typer.Argument(help="PNG, JPEG, WebP, BMP or GIF files.")],
    checkpoint: WhichCheckpoint = None,
    invert: Invert = None,
    as_json: AsJson = False,
) -> int:
    """Classify image files with a run's network; exit code 2 if a file cannot be read."""
    settings = Settings.from_environment()
    selected, model = _open_network(settings, run, checkpoint)
    detector = _make_detector(selected, model, settings)
    predictions = [_predict_file(path, selected, model, detector, invert) for path in images]
    if as_json:
        print_json(predictions)
    else:
        print_table(
            ["file", "class", "probability", "warning"],
            [
                (
                    item["file"],
                    item["class"],
                    item["probabilities"][item["class"]],
                    _format_warning(item["familiarity"]),
                )
                if "class" in item
                else (item["file"], item["error"], None, None)
                for item in predictions
            ],
        )
    return 2 if any("error" in item for item in predictions) else 0


def feature_maps(
    run: RunName,
    image: Annotated[str, typer.Option(help="The number of a test image, or an image file.")],
    out: Annotated[
        Path,
        typer.Option(parser=parse_path, metavar="PATH", help="The folder for the pictures."),
    ],
    checkpoint: WhichCheckpoint = None,
    invert: Invert = None,
) -> None:
    """Write one PNG per layer with all its channels; dead channels are grey."""
    from cifarviz.figures.pictures import channel_grid

    settings = Settings.from_environment()
    selected, model = _open_network(settings, run, checkpoint)
    pixels = _load_pixels(image, selected, settings, invert)
    with place_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    written = 0
    for number, view in enumerate(layer_views(model.observe(pixels)), 1):
        if view.maps is None:
            continue
        path = out / safe_file_name(f"{number:02d}-{view.name}", ".png")
        with place_errors(path):
            Image.fromarray(channel_grid(view.maps.images)).save(path)
        dead = f", {len(view.maps.dead)} dead" if view.maps.dead else ""
        print_message(f"{path}: {len(view.maps.images)} channels{dead}")
        written += 1
    print_message(f"Wrote {written} layers of {selected.name} to {out}.")


def _open_network(
    settings: Settings, run_id: str, checkpoint: Checkpoint | None
) -> "tuple[Run, TrainedModel]":
    store = RunStore(settings)
    run = store.find(run_id)
    return run, _open_model(store, run, chosen_weights(run, store, checkpoint))


def chosen_weights(run: Run, store: RunStore, checkpoint: Checkpoint | None) -> Checkpoint:
    """Return ``checkpoint``, or the default for the run; raises ``ArtifactMissing``."""
    checkpoint = checkpoint or default_weights(store, run)
    problem = explain_missing_weights(store, run, checkpoint, f"“{run.name}” ({run.id})")
    if problem is None:
        return checkpoint
    other = other_checkpoint(checkpoint)
    raise ArtifactMissing(
        "{problem} Use --checkpoint {other}."
        if explain_missing_weights(store, run, other) is None
        else "{problem} Choose another run.",
        problem=problem,
        other=other,
    )


def _open_model(store: RunStore, run: Run, checkpoint: Checkpoint) -> "TrainedModel":
    with tensorflow_imports(store.settings.home):
        from cifarviz.analysis.trained_model import open_checkpoint

    return open_checkpoint(store, run, checkpoint)


def _test_predictions(
    store: RunStore, run: Run, checkpoint: Checkpoint, dataset: Dataset
) -> Predictions:
    """Return the predictions of the test images: those stored, or computed and stored now."""
    return load_or_compute_predictions(
        store.folder(run.id),
        checkpoint,
        dataset.test,
        len(dataset.info.classes),
        lambda: _open_model(store, run, checkpoint).predictions(dataset.test.images),
        save=dataset.variant == run.experiment.data.variant,
        on_refusal=lambda error: print_message(f"These predictions could not be saved: {error}"),
    )


def _load_dataset(run: Run, settings: Settings) -> Dataset:
    """Return the run's data set; the sample, with a message, where the full set is missing."""
    data = run.experiment.data
    dataset = load_evaluation_data(run, settings)
    if dataset.variant != data.variant:
        print_message(
            f"The full set of {data.dataset} is not on this machine, so the sample is used."
        )
    return dataset


def _make_detector(run: Run, model: "TrainedModel", settings: Settings) -> UnknownDetector | None:
    """Return what tells pictures the network knows from others; ``None``, with a message, if that
    cannot be told."""
    try:
        return make_run_detector(run, model, settings)
    except DataError as error:
        print_message(str(error))
        return None


def _format_warning(familiarity: dict[str, Any] | None) -> str | None:
    if familiarity is None or not familiarity["unknown"]:
        return None
    return "probably nothing it knows"


def _predict_file(
    path: Path,
    run: Run,
    model: "TrainedModel",
    detector: UnknownDetector | None,
    invert: bool | None,
) -> dict[str, Any]:
    try:
        prepared = _read_image(path, run, invert)
    except ImageUnreadable as error:
        return {"file": str(path), "error": str(error)}
    classes = find_dataset(run.experiment.data.dataset).classes
    pixels = prepared.pixels[None]
    ranked = rank_classes(classes, model.probabilities(pixels)[0])
    familiarity = None
    if detector is not None:
        familiarity = detector.to_dict(detector.judge(model.layer_statistics(pixels))[0])
    return {
        "file": str(path),
        "class": ranked[0].name,
        "probabilities": {choice.name: choice.probability for choice in ranked},
        "familiarity": familiarity,
        "notes": [note.to_dict() for note in prepared.notes],
    }


def _read_image(path: Path, run: Run, invert: bool | None) -> PreparedPicture:
    prepared = prepare_picture(
        decode_file(path),
        run.experiment.architecture.input_shape,
        dark_background=find_dataset(run.experiment.data.dataset).dark_background,
        invert=invert,
    )
    for note in prepared.notes:
        print_message(f"{path}: {note}")
    return prepared


def _load_pixels(image: str, run: Run, settings: Settings, invert: bool | None) -> np.ndarray:
    if not (image.isascii() and image.isdecimal() and len(image) < 10):
        return _read_image(Path(image), run, invert).pixels
    dataset = _load_dataset(run, settings)
    test = dataset.test
    position = test.position_of(int(image))
    if position is None:
        raise typer.BadParameter(
            f"There is no test image {image} in the {dataset.variant} set, which has "
            f"{len(test):,} test images."
        )
    return test.images[position]
