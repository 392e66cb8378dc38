"""``evaluate``, ``predict`` and ``feature-maps``: what a run's network does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from PIL import Image

from cifarviz.analysis.calibration import compute_calibration, top_accuracy
from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.evaluation import evaluate as evaluate_predictions
from cifarviz.analysis.feature_maps import layer_views
from cifarviz.analysis.intervals import accuracy_interval
from cifarviz.analysis.predictions import rank_classes
from cifarviz.cli.output import AsJson, print_json, print_table, say
from cifarviz.cli.paths import parse_path, place_errors
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.data.pictures import PreparedPicture, prepare_picture
from cifarviz.data.uploads import decode_file
from cifarviz.datasets.registry import find
from cifarviz.errors import ArtifactMissing, ImageUnreadable
from cifarviz.escaping import safe_file_name
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.kept_weights import (
    lacking_weights,
    other_weights,
    usual_weights,
    weights_position,
)
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_probabilities import kept_or_asked
from cifarviz.settings import Settings

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

RunName = Annotated[str, typer.Argument(help="A run's id, or the beginning of it.")]
WhichCheckpoint = Annotated[
    Checkpoint | None,
    typer.Option(
        "--checkpoint",
        help="The weights of the best epoch (best), or as the run ended (last). Default: the "
        "run's answer as chosen on the Runs page, else last, or best where it kept no other.",
    ),
]
Invert = Annotated[
    bool | None,
    typer.Option(
        "--invert/--no-invert",
        help="Turn light into dark. Default: where the data set is light on black and the "
        "picture's background is light, as on the pages.",
    ),
]


def evaluate(run: RunName, checkpoint: WhichCheckpoint = None, as_json: AsJson = False) -> None:
    """Measure a run's network on the test images of the data it was trained on."""
    settings = Settings.from_environment()
    store = RunStore(settings)
    found = store.find(run)
    which = chosen_weights(found, store, checkpoint)
    dataset = _dataset(found, settings)
    test = dataset.test
    evaluation = evaluate_predictions(
        test.labels,
        _test_predictions(store, found, which, dataset),
        test.indices,
        dataset.info.classes,
    )
    position = weights_position(store, found, which)
    if as_json:
        known = {"run": found.id, "checkpoint": which, "split": "test", **evaluation.to_dict()}
        stands = {"epoch": position.epoch, "steps_since": position.steps}
        print_json(known | stands | _more_about(evaluation))
        return
    low, high = accuracy_interval(evaluation.accuracy, len(evaluation))
    say(
        f"{found.name} ({found.id}, {which} weights, {position}) on {len(evaluation):,} "
        f"{dataset.variant} test images: "
        f"accuracy {evaluation.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), "
        f"loss {evaluation.loss:.4f}"
    )
    print_table(
        ["class", "precision", "recall", "F1", "images"],
        [(name, *scores.values()) for name, scores in evaluation.to_dict()["per_class"].items()],
    )


def _more_about(evaluation: Evaluation) -> dict[str, Any]:
    labels, probabilities = evaluation.labels, evaluation.probabilities
    return {
        "loss_exact": evaluation.predictions.exact,
        "accuracy_interval": list(accuracy_interval(evaluation.accuracy, len(evaluation))),
        "top_2_accuracy": top_accuracy(labels, probabilities, 2),
        "top_3_accuracy": top_accuracy(labels, probabilities, 3),
        "calibration_error": compute_calibration(labels, probabilities).error,
    }


def predict(
    run: RunName,
    images: Annotated[list[Path], typer.Argument(help="PNG, JPEG, WebP, BMP or GIF files.")],
    checkpoint: WhichCheckpoint = None,
    invert: Invert = None,
    as_json: AsJson = False,
) -> int:
    """Say what a run's network sees in image files; exit code 2 if one could not be read."""
    settings = Settings.from_environment()
    found, model, _ = _open(settings, run, checkpoint)
    classes = find(found.experiment.data.dataset).classes
    answers = [_predict_file(path, found, model, classes, invert) for path in images]
    if as_json:
        print_json(answers)
    else:
        print_table(
            ["file", "class", "probability"],
            [
                (one["file"], one["class"], one["probabilities"][one["class"]])
                if "class" in one
                else (one["file"], one["error"], None)
                for one in answers
            ],
        )
    return 2 if any("error" in answer for answer in answers) else 0


def feature_maps(
    run: RunName,
    image: Annotated[
        str, typer.Option(help="The official index of a test image, or an image file.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            parser=parse_path, metavar="PATH", help="The folder that the pictures are written to."
        ),
    ],
    checkpoint: WhichCheckpoint = None,
    invert: Invert = None,
) -> None:
    """Write one PNG a layer with all its channels, dead ones grey."""
    from cifarviz.figures.pictures import channel_grid

    settings = Settings.from_environment()
    found, model, _ = _open(settings, run, checkpoint)
    pixels = _pixels(image, found, settings, invert)
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
        say(f"{path}: {len(view.maps.images)} channels{dead}")
        written += 1
    say(f"{written} layers of {found.name} written to {out}.")


def _open(
    settings: Settings, named: str, wanted: Checkpoint | None
) -> "tuple[Run, TrainedModel, Checkpoint]":
    store = RunStore(settings)
    run = store.find(named)
    which = chosen_weights(run, store, wanted)
    return run, _model(store, run, which), which


def chosen_weights(run: Run, store: RunStore, wanted: Checkpoint | None) -> Checkpoint:
    """The weights wanted; else those that answer for the run.

    Raises ``ArtifactMissing`` where they are not there.
    """
    wanted = wanted or usual_weights(store, run)
    if (lacking := lacking_weights(store, run, wanted)) is None:
        return wanted
    other = other_weights(wanted)
    there = lacking_weights(store, run, other) is None
    raise ArtifactMissing(
        "“{run_name}” ({run_id}) {lacking}. Ask for them with --checkpoint {other}."
        if there
        else "“{run_name}” ({run_id}) {lacking}. Choose another run.",
        run_name=run.name,
        run_id=run.id,
        lacking=lacking,
        other=other,
    )


def _model(store: RunStore, run: Run, which: Checkpoint) -> "TrainedModel":
    from cifarviz.analysis.trained_model import open_checkpoint

    return open_checkpoint(store, run, which)


def _test_predictions(
    store: RunStore, run: Run, which: Checkpoint, dataset: Dataset
) -> Predictions:
    """What the network says of the test images; kept, so that it is asked once, here or there."""
    return kept_or_asked(
        store.folder(run.id),
        which,
        dataset.test,
        len(dataset.info.classes),
        lambda: _model(store, run, which).predictions(dataset.test.images),
        keep=dataset.variant == run.experiment.data.variant,
        on_refusal=lambda error: say(f"These answers could not be kept for the next time: {error}"),
    )


def _dataset(run: Run, settings: Settings) -> Dataset:
    """The images to judge a run by; of the sample, and said so, where the full set is not here."""
    data = run.experiment.data
    found = library.load_nearest(data.dataset, data.variant, settings)
    if found.variant != data.variant:
        say(f"The full set of {data.dataset} is not on this machine: it is asked about the sample.")
    return found


def _predict_file(
    path: Path, run: Run, model: "TrainedModel", classes: tuple[str, ...], invert: bool | None
) -> dict[str, Any]:
    try:
        prepared = _read_image(path, run, invert)
    except ImageUnreadable as error:
        return {"file": str(path), "error": str(error)}
    ranked = rank_classes(classes, model.probabilities(prepared.pixels[None])[0])
    return {
        "file": str(path),
        "class": ranked[0].name,
        "probabilities": {one.name: one.probability for one in ranked},
        "notes": [note.to_dict() for note in prepared.notes],
    }


def _read_image(path: Path, run: Run, invert: bool | None) -> PreparedPicture:
    prepared = prepare_picture(
        decode_file(path),
        run.experiment.architecture.input_shape,
        dark_background=find(run.experiment.data.dataset).dark_background,
        invert=invert,
    )
    for note in prepared.notes:
        say(f"{path}: {note}")
    return prepared


def _pixels(image: str, run: Run, settings: Settings, invert: bool | None) -> np.ndarray:
    if not (image.isascii() and image.isdecimal() and len(image) < 10):
        return _read_image(Path(image), run, invert).pixels
    dataset = _dataset(run, settings)
    test = dataset.test
    position = test.position_of(int(image))
    if position is None:
        raise typer.BadParameter(
            f"Test image {image} is not in the {dataset.variant} set that is looked into, "
            f"which has {len(test):,} of them."
        )
    return test.images[position]
