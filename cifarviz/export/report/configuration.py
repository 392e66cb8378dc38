"""The settings, the environment and the reproduction of a run, for a report."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

from cifarviz import __version__
from cifarviz.errors import CifarvizError, ExperimentInvalid
from cifarviz.experiment.changes import changes
from cifarviz.experiment.choices import Augmentation
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
from cifarviz.layers.base import Layer, format_shape
from cifarviz.layers.registry import layer_summary
from cifarviz.runs.earlier_losses import losses_text
from cifarviz.runs.run_headline import format_duration, headline
from cifarviz.runs.stored_weights import training_position
from cifarviz.value import Value
from cifarviz.value_text import format_value

# With more runs than this, each run is a row instead of a column.
_COLUMNS = 4

# Fields of layers that are listed even if they have their default.
_ALWAYS_LISTED = frozenset({"filters", "units", "kernel_size", "pool_size", "rate", "activation"})
_PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")


def format_settings(experiment: Experiment) -> dict[str, str]:
    """Return every setting except the layers: its label, and its value as text."""
    draft = make_draft(experiment, experiment.preset or "")
    texts: dict[str, str] = {"Preset": experiment.preset or "none"}
    for name in SECTIONS:
        section = draft.section(name)
        section_type = section_class(name, section)
        title = section_type.title if "kind" in section else ""
        fields = {key: value for key, value in section.items() if key != "kind"}
        if section_type is Augmentation:
            fields = {key: value for key, value in fields.items() if value}
        details = _format_fields(section_type, fields)
        text = f"{title} ({details})" if title and details else title or details
        texts[_section_label(name)] = text or "none"
    for name in OPTIONAL_SECTIONS:
        on = draft.is_on(name)
        texts[_section_label(name)] = (
            _format_fields(OPTIONAL_SECTIONS[name], draft.section(name)) if on else "off"
        )
    for name in SINGLE_FIELDS:
        texts[_section_label(name)] = format_value(draft.settings[name])
    network = experiment.architecture
    texts["Network"] = f"{network.layer_count} layers, {network.parameters:,} parameters"
    return texts


def layer_table(experiment: Experiment) -> Html:
    """Return a row per layer: name, settings, output shape, parameters."""
    specs = {name: layer for name, layer, _ in experiment.architecture.walk()}
    rows = [
        (
            row.name,
            _format_layer(specs[row.name]),
            format_shape(row.output_shape) if row.output_shape else None,
            f"{row.parameters:,}",
        )
        for row in experiment.architecture.trace().all_rows
    ]
    return table(["Layer", "Settings", "Output", "Parameters"], rows, style="layers")


def differences(contents: Sequence[RunContents]) -> Html:
    """Return only the settings that differ, with a column or a row per run, and the layers."""
    experiments = [item.run.trained_experiment for item in contents]
    columns = [format_settings(experiment) for experiment in experiments]
    rows = [
        (label, *(column[label] for column in columns))
        for label in columns[0]
        if len({column[label] for column in columns}) > 1
    ]
    losses = [losses_text(item.run) for item in contents]
    if len(set(losses)) > 1:
        rows.append(("Losses", *losses))
    parts: list[Html] = []
    names = [item.name for item in contents]
    if rows and len(contents) <= max(_COLUMNS, len(rows)):
        parts.append(table(["Setting", *names], rows))
    elif rows:
        labels, *values = zip(*rows, strict=True)
        by_run = [(name, *row) for name, row in zip(names, values, strict=True)]
        parts.append(table(["Run", *labels], by_run))
    first = make_draft(experiments[0], "")
    for name, experiment in zip(names[1:], experiments[1:], strict=True):
        other = replace(make_draft(experiment, ""), settings=first.settings)
        if layers := changes(first, other):
            listed = "; ".join(change.text for change in layers)
            parts.append(paragraph(f"Layers of {name} compared with {names[0]}: {listed}."))
    if not parts:
        parts.append(paragraph("These runs have the same settings."))
    return joined(parts)


def settings_table(experiment: Experiment) -> Html:
    """Return a table with a row per setting."""
    return table([], format_settings(experiment).items())


def _format_fields(section_type: type[Value], fields: Mapping[str, object]) -> str:
    texts = []
    for name, value in fields.items():
        if name == "dataset":
            texts.append(format_dataset(value))
        elif name == "variant":
            texts.append(format_value(value).lower())
        elif name == "train_images":
            texts.append(
                "all training images" if value is None else f"{format_value(value)} training images"
            )
        else:
            texts.append(f"{section_type.label(name)} {format_value(value)}")
    return ", ".join(texts)


def _format_layer(layer: Layer) -> str:
    layer_type = type(layer)
    if layer.is_block:
        return f"{layer_type.title}: {layer_summary(layer.model_dump(mode='json'))}"
    defaults = layer_type().model_dump()
    texts = [
        f"{layer_type.label(name)} {format_value(value)}"
        for name, value in layer.model_dump().items()
        if name != "type" and (name in _ALWAYS_LISTED or value != defaults[name])
    ]
    return f"{layer_type.title}: {', '.join(texts)}" if texts else layer_type.title


def _section_label(name: str) -> str:
    label = Experiment.label(name)
    return label[:1].upper() + label[1:]


def environment_table(item: RunContents) -> Html:
    """Return machine, precision and times of the run; versions are of the exporting machine."""
    run = item.run
    speed = run.images_per_second
    rows = [
        ("Run", run.id),
        ("Origin", run.origin),
        ("State", f"{run.state} {training_position(run)} (of {run.experiment.epochs})"),
        ("Best epoch", headline(run) or None),
        ("Machine", run.machine),
        ("Precision", run.precision or "not chosen yet"),
        ("Time at work", format_duration(run.seconds)),
        ("Training speed", None if speed is None else f"{speed:,.0f} images/s"),
        ("Training images", _count(run.train_images)),
        ("Validation images", _count(run.validation_images)),
        ("Versions at export", versions()),
    ]
    notes = [sentence for sentence in (run.message, run.precision_reason, run.note) if sentence]
    return joined([table([], rows), *map(paragraph, notes)])


def versions() -> str:
    """Return the versions of Python, cifarviz and numerical packages on this machine."""
    texts = [f"Python {platform.python_version()}", f"cifarviz {__version__}"]
    for package in _PACKAGES:
        try:
            texts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(texts)


def reproduction(item: RunContents) -> Html:
    """Return how to repeat the run: the command if there is one, script and experiment."""
    run = item.run
    command = command_line(run.experiment)
    parts: list[Html | str] = []
    if command is not None:
        parts += [paragraph("Train the same run from the command line:"), code(command)]
    else:
        parts.append(
            paragraph(
                "The command line has no options for some settings of this run. Use its Keras "
                "script instead."
            )
        )
    parts.append(code(f"{program_name()} export {run.id} --as script --out train.py"))
    try:
        parts.append(folded("Keras script", code(script(run))))
    except CifarvizError as error:
        parts.append(paragraph(str(error)))
    parts.append(folded("Experiment (JSON)", code(run.experiment.to_json())))
    return joined(parts)


def command_line(experiment: Experiment) -> str | None:
    """Return the ``train`` command for this experiment; ``None`` if there is none."""
    preset = PRESETS.get(experiment.preset or "")
    if preset is None:
        return None
    base = preset.experiment
    changes = {
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
        if Experiment.make(**{**dict(base), **changes}) != experiment:
            return None
    except ExperimentInvalid:
        return None
    arguments = [f"{program_name()} train", preset.name, f"--data {experiment.data.variant}"]
    for name in ("epochs", "batch_size", "seed"):
        if getattr(experiment, name) != getattr(base, name):
            arguments.append(f"--{name.replace('_', '-')} {getattr(experiment, name)}")
    if experiment.data.train_images is not None:
        arguments.append(f"--train-images {experiment.data.train_images}")
    if experiment.precision != "auto":
        arguments.append(f"--precision {experiment.precision}")
    return " ".join(arguments)


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"
