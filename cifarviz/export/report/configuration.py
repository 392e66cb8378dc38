"""A report's account of a run's settings, and of what it ran on."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

from cifarviz import __version__
from cifarviz.errors import CifarvizError, ExperimentInvalid
from cifarviz.experiment.architecture import in_words
from cifarviz.experiment.changes import changes
from cifarviz.experiment.draft import (
    OPTIONAL_SECTIONS,
    SECTIONS,
    SINGLE_FIELDS,
    make_draft,
    section_class,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.formatting import format_dataset
from cifarviz.experiment.presets import PRESETS
from cifarviz.export.code.program import script
from cifarviz.export.report.contents import RunContents
from cifarviz.export.report.markup import Html, code, folded, joined, paragraph, table
from cifarviz.installation import program_name
from cifarviz.layers.base import Layer
from cifarviz.runs.earlier_losses import losses_words
from cifarviz.runs.kept_weights import training_position
from cifarviz.runs.run_headline import format_duration, headline
from cifarviz.value import Value
from cifarviz.value_text import value_words

# More runs than this are better read as rows.
_COLUMNS = 4

# Fields that are said of a layer also where they have their default.
_ALWAYS = frozenset({"filters", "units", "kernel_size", "pool_size", "rate", "activation"})
_PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")


def settings(experiment: Experiment) -> dict[str, str]:
    """Every setting but the layers: what it is called, and its value in words."""
    draft = make_draft(experiment, experiment.preset or "")
    said: dict[str, str] = {"Started from": experiment.preset or "no preset"}
    for name in SECTIONS:
        fields = draft.section(name)
        made = section_class(name, fields)
        title = made.title if "kind" in fields else ""
        own = _fields_words(made, {key: one for key, one in fields.items() if key != "kind"})
        both = f"{title} ({own})" if title and own else title or own
        said[_capital(Experiment.label(name))] = both
    for name in OPTIONAL_SECTIONS:
        on = draft.is_on(name)
        own = _fields_words(OPTIONAL_SECTIONS[name], draft.section(name)) if on else "off"
        said[_capital(Experiment.label(name))] = own
    for name in SINGLE_FIELDS:
        said[_capital(Experiment.label(name))] = value_words(draft.settings[name])
    network = experiment.architecture
    said["Network"] = f"{len(network.layers)} layers, {network.parameters:,} parameters"
    return said


def layer_table(experiment: Experiment) -> Html:
    """One row a layer: what it is, what leaves it, how many parameters it has."""
    trace = experiment.architecture.trace()
    rows = [
        (
            row.name,
            _layer_words(layer),
            in_words(row.output_shape) if row.output_shape else None,
            f"{row.parameters:,}",
        )
        for layer, row in zip(experiment.architecture.layers, trace.rows, strict=True)
    ]
    return table(["Layer", "Settings", "Output", "Parameters"], rows, style="layers")


def differences(contents: Sequence[RunContents]) -> Html:
    """What tells the runs apart, and only that: a column a run, or a row; then layers in words."""
    experiments = [one.run.trained_experiment for one in contents]
    all_said = [settings(experiment) for experiment in experiments]
    rows = [
        (label, *(said[label] for said in all_said))
        for label in all_said[0]
        if len({said[label] for said in all_said}) > 1
    ]
    losses = [losses_words(one.run) for one in contents]
    if len(set(losses)) > 1:
        rows.append(("Losses", *losses))
    parts: list[Html] = []
    if rows and len(contents) <= max(_COLUMNS, len(rows)):
        parts.append(table(["Setting", *(one.name for one in contents)], rows))
    elif rows:
        labels, *columns = zip(*rows, strict=True)
        names = [one.name for one in contents]
        by_run = [(name, *column) for name, column in zip(names, columns, strict=True)]
        parts.append(table(["Run", *labels], by_run))
    first = make_draft(experiments[0], "")
    for one, experiment in zip(contents[1:], experiments[1:], strict=True):
        other = replace(make_draft(experiment, ""), settings=first.settings)
        if layers := changes(first, other):
            listed = "; ".join(change.text for change in layers)
            said = f"{one.name} against {contents[0].name}: {listed}."
            parts.append(paragraph(said))
    if not parts:
        parts.append(paragraph("These runs were set up the same in everything."))
    return joined(parts)


def settings_table(experiment: Experiment) -> Html:
    """Every setting in a row."""
    return table([], settings(experiment).items())


def _fields_words(made: type[Value], fields: Mapping[str, object]) -> str:
    said = []
    for name, value in fields.items():
        if name == "dataset":
            said.append(format_dataset(value))
        elif name == "variant":
            said.append(value_words(value).lower())
        elif name == "train_images":
            said.append(
                "all training images" if value is None else f"{value_words(value)} training images"
            )
        else:
            said.append(f"{made.label(name)} {value_words(value)}")
    return ", ".join(said)


def _layer_words(layer: Layer) -> str:
    made = type(layer)
    usual = made().model_dump()
    said = [
        f"{made.label(name)} {value_words(value)}"
        for name, value in layer.model_dump().items()
        if name != "type" and (name in _ALWAYS or value != usual[name])
    ]
    return f"{made.title}: {', '.join(said)}" if said else made.title


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


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
