"""Where a run was trained, and how to do it again."""

import platform
from importlib.metadata import PackageNotFoundError, version

from cifarviz import __version__
from cifarviz.errors import CifarvizError, ExperimentInvalid
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.export.code.script import script
from cifarviz.export.report.contents import RunContents
from cifarviz.export.report.markup import Html, code, folded, joined, paragraph, table
from cifarviz.installation import program_name
from cifarviz.runs.kept_weights import training_position
from cifarviz.runs.run_headline import format_duration, headline

_PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")


def environment(one: RunContents) -> Html:
    """Machine, precision and time of the run; the versions are those of whoever writes this."""
    run = one.run
    rows = [
        ("Run", f"{run.id}, made from the {run.origin}"),
        ("State", f"{run.state} {training_position(run)} (of {run.experiment.epochs})"),
        ("Best epoch", headline(run) or None),
        ("Machine", run.machine),
        ("Precision", run.precision or "not chosen yet"),
        ("Time at work", format_duration(run.seconds)),
        ("Training speed", _rate(run.images_per_second)),
        ("Training images", _count(run.train_images)),
        ("Validation images", _count(run.validation_images)),
        ("Versions, as this report is written", versions()),
    ]
    notes = [sentence for sentence in (run.message, run.precision_reason, run.note) if sentence]
    return joined([table([], rows), *map(paragraph, notes)])


def versions() -> str:
    """The versions of Python, cifarviz and what it calculates with, on this machine."""
    found = [f"Python {platform.python_version()}", f"cifarviz {__version__}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def reproduction(one: RunContents) -> Html:
    """The command that trains the same again, if there is one, the script and the experiment."""
    run = one.run
    command = command_line(run.experiment)
    parts: list[Html | str] = []
    if command is not None:
        parts += [paragraph("The same run from the command line:"), code(command)]
    else:
        parts.append(
            paragraph(
                "This run differs from every preset in more than the command line can say; its "
                "Keras script trains the same."
            )
        )
    parts.append(code(f"{program_name()} export {run.id} --as script --out train.py"))
    try:
        parts.append(folded("The script", code(script(run))))
    except CifarvizError as error:
        parts.append(paragraph(str(error)))
    parts.append(folded("The experiment as it is stored", code(run.experiment.to_json())))
    return joined(parts)


def command_line(experiment: Experiment) -> str | None:
    """The ``train`` command that makes this experiment of a preset; ``None`` if none does."""
    preset = PRESETS.get(experiment.preset or "")
    if preset is None:
        return None
    base = preset.experiment
    changed = {
        "data": base.data.model_copy(
            update={
                "variant": experiment.data.variant,
                "train_images": experiment.data.train_images,
            }
        ),
        **{name: getattr(experiment, name) for name in ("epochs", "batch_size", "seed")},
        "precision": experiment.precision,
    }
    try:
        made = Experiment.make(**{**dict(base), **changed})
    except ExperimentInvalid:
        return None
    if made != experiment:
        return None
    words = [f"{program_name()} train", preset.name, f"--data {experiment.data.variant}"]
    for name in ("epochs", "batch_size", "seed"):
        if getattr(experiment, name) != getattr(base, name):
            words.append(f"--{name.replace('_', '-')} {getattr(experiment, name)}")
    if experiment.data.train_images is not None:
        words.append(f"--train-images {experiment.data.train_images}")
    if experiment.precision != "auto":
        words.append(f"--precision {experiment.precision}")
    return " ".join(words)


def _rate(images_per_second: float | None) -> str | None:
    return None if images_per_second is None else f"{images_per_second:,.0f} images a second"


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"
