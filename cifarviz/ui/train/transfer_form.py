"""Starting the first layers of a draft with what another run has learned."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.experiment.architecture import Trace
from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.draft_transfer import (
    freezable_layers,
    frozen_layers,
    has_foreign_network,
    with_frozen_layers,
    with_transfer,
    without_transfer,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.transfer import Transfer
from cifarviz.layers.registry import layer_label
from cifarviz.people.person import is_teacher
from cifarviz.runs.records import Run, parse_experiment
from cifarviz.training.fork_start import check_transfer
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_count, quoted, sentence_case
from cifarviz.ui.pickers import available_checkpoints, checkpoint_label, run_labels
from cifarviz.ui.query import widget_key, widget_value
from cifarviz.ui.train.fields import edit_draft, render_problem

_RANDOM = "Random weights"


def with_transfer_checked(draft: Draft, assessment: Assessment) -> Assessment:
    """Add a problem to ``assessment`` if the weights of the chosen run cannot be taken."""
    if not draft.is_on("transfer") or assessment.experiment is None:
        return assessment
    try:
        check_transfer(cache.store(), assessment.experiment)
    except CifarvizError as error:
        problems = {**assessment.problems, "transfer": str(error)}
        return replace(assessment, problems=problems, experiment=None, sizes=None)
    return assessment


def render_transfer_form(draft: Draft, trace: Trace, problems: Mapping[str, str]) -> None:
    """Show what the weights start as: random, or those of a run up to a layer, some frozen."""
    sources = _sources(draft)
    is_on = draft.is_on("transfer")
    st.markdown("## Initial weights", help=Experiment.help_text("transfer"))
    if not sources and not is_on:
        st.caption(
            "All layers start with random weights. Once you have trained a network on images with "
            f"{format_count(draft.image_shape[2], 'channel')}"
            f"{'' if is_teacher() else ', or the teacher shows one'}, a new one can start with "
            "what it has learned."
        )
        return
    chosen = str(draft.section("transfer")["run"]) if is_on else ""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _render_run_input(draft, sources, chosen)
        if is_on and chosen in sources:
            _render_checkpoint_input(draft, sources[chosen])
        if is_on:
            _render_layers_input(draft)
            _render_frozen_input(draft)
    render_problem(problems.get("transfer"))
    if is_on and has_foreign_network(draft):
        st.caption(
            "Your layers do not fit its weights, so the network and the preprocessing are those of "
            f"this run now. *{_RANDOM}* brings yours back."
        )
    if is_on and trace.ok and "transfer" not in problems and chosen in sources:
        st.caption(_describe(draft, trace, sources[chosen]))


def _sources(draft: Draft) -> dict[str, Run]:
    """Return the ended runs with weights on images with as many channels, by id."""
    runs = {}
    for run in cache.store().all():
        experiment = parse_experiment(run.experiment_json)
        if run.state.active or run.damage or isinstance(experiment, CifarvizError):
            continue
        same_channels = experiment.architecture.input_shape[2] == draft.image_shape[2]
        if same_channels and available_checkpoints(run):
            runs[run.id] = run
    return runs


def _render_run_input(draft: Draft, sources: Mapping[str, Run], chosen: str) -> None:
    labels = {"": _RANDOM, **run_labels(list(sources.values()))}
    # A run of the address that is not here any more: the problem below says so.
    labels.setdefault(chosen, f"Run {chosen[:20]}")
    key = f"{draft.generation}-transfer-run"

    def select() -> None:
        run_id = widget_value(key)
        if run_id in sources:
            source = sources[run_id].experiment
            edit_draft(lambda draft: with_transfer(draft, run_id, source))
        elif not run_id:
            edit_draft(without_transfer)

    st.selectbox(
        "The first layers start with",
        tuple(labels),
        tuple(labels).index(chosen),
        format_func=lambda run_id: labels[run_id],
        key=widget_key(key, chosen),
        help=f"{Transfer.help_text('run')} If your layers do not fit its weights, you get its "
        "network, with an output layer for your classes.",
        on_change=select,
        width=360,
    )


def _render_checkpoint_input(draft: Draft, run: Run) -> None:
    options = available_checkpoints(run)
    value = draft.section("transfer")["checkpoint"]
    key = f"{draft.generation}-transfer-checkpoint-{run.id}"
    st.selectbox(
        sentence_case(Transfer.label("checkpoint")),
        options,
        options.index(value) if value in options else None,
        format_func=lambda which: sentence_case(checkpoint_label(run, which)),
        key=widget_key(key, value),
        help=Transfer.help_text("checkpoint"),
        on_change=lambda: _set("checkpoint", widget_value(key)),
        width=250,
    )


def _render_layers_input(draft: Draft) -> None:
    labels = _layer_labels(draft)
    value = draft.section("transfer")["layers"]
    numbers = tuple(labels)
    key = f"{draft.generation}-transfer-layers-{len(numbers)}"
    st.selectbox(
        "Up to layer",
        numbers,
        numbers.index(value) if value in numbers else None,
        format_func=labels.__getitem__,
        key=widget_key(key, value),
        help=Transfer.help_text("layers"),
        on_change=lambda: _set("layers", widget_value(key)),
        width=180,
    )


def _render_frozen_input(draft: Draft) -> None:
    labels = {0: "None", **_layer_labels(draft)}
    numbers = (0, *freezable_layers(draft)[:-1])
    value = frozen_layers(draft)
    key = f"{draft.generation}-frozen-{len(numbers)}"

    def freeze() -> None:
        count = widget_value(key)
        edit_draft(lambda draft: with_frozen_layers(draft, count))

    st.selectbox(
        "Frozen up to layer",
        numbers,
        numbers.index(value) if value in numbers else None,
        format_func=labels.__getitem__,
        placeholder="As in the table",
        key=widget_key(key, value),
        help="Training leaves frozen layers as they are, so that only the others learn. Each layer "
        "can be frozen in the table, too. A fork of the run can unfreeze them all and go on with a "
        "smaller learning rate.",
        on_change=freeze,
        width=180,
    )


def _layer_labels(draft: Draft) -> dict[int, str]:
    return {n: f"{n}: {layer_label(layer.fields)}" for n, layer in enumerate(draft.layers, 1)}


def _set(name: str, value: object) -> None:
    edit_draft(
        lambda draft: draft.with_value("transfer", {**draft.section("transfer"), name: value})
    )


def _describe(draft: Draft, trace: Trace, run: Run) -> str:
    """Return what is taken, what is fresh, and what is frozen, in sentences."""
    taken = int(draft.section("transfer")["layers"])
    sentences = [
        f"Taken from {quoted(run.name)}: {_parameters(trace, range(taken))}. "
        f"Fresh: {_parameters(trace, range(taken, len(trace.rows)))}."
    ]
    frozen = trace.parameters - trace.trainable_parameters
    if frozen:
        sentences.append(
            f"{frozen:,} of {format_count(trace.parameters, 'parameter')} are not trained."
        )
    source = run.experiment.preprocessing
    own = {"kind": source.kind, **source.model_dump(mode="json")}
    if draft.section("preprocessing") != own:
        sentences.append(
            f"That run scaled its pixels in another way ({escaped(source.title)}): choose the same "
            "preprocessing on the Data tab."
        )
    return " ".join(sentences)


def _parameters(trace: Trace, numbers: Sequence[int]) -> str:
    rows = [trace.rows[number] for number in numbers if trace.rows[number].parameters]
    if not rows:
        return "nothing"
    total = format_count(sum(row.parameters for row in rows), "parameter")
    return f"{format_count(len(rows), 'layer')} with {total}"
