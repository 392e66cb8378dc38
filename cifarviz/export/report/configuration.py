"""What a run was made of, in tables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cifarviz.experiment.architecture import in_words
from cifarviz.experiment.changes import changes
from cifarviz.experiment.draft import OPTIONAL, SECTIONS, SINGLES, draft_of, section_class
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.words import dataset_words
from cifarviz.export.report.contents import RunContents
from cifarviz.export.report.markup import Html, joined, paragraph, table
from cifarviz.layers.base import Layer
from cifarviz.runs.earlier_losses import losses_words
from cifarviz.value import Value
from cifarviz.value_text import value_words

# More runs than this are better read as rows.
_COLUMNS = 4
# Fields that are said of a layer also where they have their default.
_ALWAYS = frozenset({"filters", "units", "kernel_size", "pool_size", "rate", "activation"})


def settings(experiment: Experiment) -> dict[str, str]:
    """Every setting but the layers: what it is called, and its value in words."""
    draft = draft_of(experiment, experiment.preset or "")
    said: dict[str, str] = {"Started from": experiment.preset or "no preset"}
    for name in SECTIONS:
        fields = draft.section(name)
        made = section_class(name, fields)
        title = made.title if "kind" in fields else ""
        own = _fields_words(made, {key: one for key, one in fields.items() if key != "kind"})
        both = f"{title} ({own})" if title and own else title or own
        said[_capital(Experiment.words(name))] = both
    for name in OPTIONAL:
        on = draft.is_on(name)
        own = _fields_words(OPTIONAL[name], draft.section(name)) if on else "off"
        said[_capital(Experiment.words(name))] = own
    for name in SINGLES:
        said[_capital(Experiment.words(name))] = value_words(draft.settings[name])
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
    first = draft_of(experiments[0], "")
    for one, experiment in zip(contents[1:], experiments[1:], strict=True):
        other = replace(draft_of(experiment, ""), settings=first.settings)
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
            said.append(dataset_words(value))
        elif name == "variant":
            said.append(value_words(value).lower())
        elif name == "train_images":
            said.append(
                "all training images" if value is None else f"{value_words(value)} training images"
            )
        else:
            said.append(f"{made.words(name)} {value_words(value)}")
    return ", ".join(said)


def _layer_words(layer: Layer) -> str:
    made = type(layer)
    usual = made().model_dump()
    said = [
        f"{made.words(name)} {value_words(value)}"
        for name, value in layer.model_dump().items()
        if name != "type" and (name in _ALWAYS or value != usual[name])
    ]
    return f"{made.title}: {', '.join(said)}" if said else made.title


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
