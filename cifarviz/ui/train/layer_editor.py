"""The network's diagram, and its layers as an editable table.

Widget keys contain the layer's id rather than its position, so that moving, copying or removing
rows does not affect other layers' values.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Literal

import streamlit as st

from cifarviz.experiment.architecture import MAX_LAYERS, LayerRow, Trace
from cifarviz.experiment.draft import Draft, DraftLayer
from cifarviz.experiment.draft_layers import fitting_branch
from cifarviz.figures.network_diagram import DrawnLayer, network_diagram, network_diagram_figure
from cifarviz.layers.base import format_shape
from cifarviz.layers.registry import LAYER_TYPES, layer_label, layer_summary
from cifarviz.ui import state
from cifarviz.ui.address import escaped, sentence_case
from cifarviz.ui.components.chart import chart
from cifarviz.ui.train import fields as setup_edits
from cifarviz.ui.train.fields import render_field, render_problem

_WIDTHS = (0.3, 1.9, 3.3, 1.15, 1.1, 1.75)
_HEADINGS = ("", "Layer", "Settings", "Output shape", "Parameters", "")
_ALIGNMENTS: Mapping[str, Literal["right"]] = MappingProxyType({"Parameters": "right"})
_FIELDS_A_ROW = 3
# A diagram of more than three rows is scrolled, so that the table stays on the screen.
_TALLEST_DIAGRAM = 330


def render_layer_editor(draft: Draft, trace: Trace) -> None:
    """Show the diagram, the table of layers, and a form to add a layer."""
    _render_diagram(draft, trace)
    with st.container(gap=None, key="layer-table"):
        help_texts = _glossary(draft)
        for place, heading in zip(st.columns(_WIDTHS), _HEADINGS, strict=True):
            place.caption(
                heading,
                help=help_texts.get(heading),
                text_alignment=_ALIGNMENTS.get(heading, "left"),
            )
        _render_cells("", "Input", "raw pixels, 0 to 255", format_shape(draft.image_shape), "")
        opened = state.setup_memory().open_layer
        _render_rows(draft, draft.layers, trace.rows, opened)
        render_problem(trace.problem)
    if trace.ok:
        _render_totals(trace)
    _render_add_layer(draft)


def _glossary(draft: Draft) -> Mapping[str, str]:
    """Return an explanation by column; of the layer types, those in the network."""
    types = dict.fromkeys(inner.type for layer in draft.layers for inner in layer.all_layers())
    layers = [f"- **{LAYER_TYPES[kind].title}**: {LAYER_TYPES[kind].explanation}" for kind in types]
    return {
        "Layer": "\n".join(layers),
        "Settings": "\n".join(map(_field_help, ("filters", "padding", "activation"))),
        "Output shape": "The layer’s output: height × width × channels, or the length of a flat "
        "vector. A channel is a map of values, like the red of a colour image.",
        "Parameters": "How many numbers the layer learns.",
    }


def _field_help(name: str) -> str:
    """Explain a field, by the first layer type that has it."""
    spec = next(spec for spec in LAYER_TYPES.values() if name in spec.model_fields)
    return f"- **{sentence_case(spec.label(name))}**: {spec.help_text(name)}"


def _render_totals(trace: Trace) -> None:
    total, frozen = trace.parameters, trace.parameters - trace.trainable_parameters
    facts = [f"**{total:,} parameters**"]
    if frozen:
        facts.append(f"{frozen:,} of them not trained")
    st.markdown(" · ".join([*facts, f"{_operations(trace.operations)} per image"]))


def _render_diagram(draft: Draft, trace: Trace) -> None:
    layers = tuple(map(_drawn, draft.layers, trace.rows))
    figure, height, min_width = _diagram(layers, draft.image_shape)
    with st.container(height=_TALLEST_DIAGRAM if height > _TALLEST_DIAGRAM else "content"):
        chart(
            figure,
            key="network-diagram",
            height=height,
            min_width=min_width,
            file_name="network",
            description="Diagram of the network, layer by layer",
        )


def _drawn(layer: DraftLayer, row: LayerRow) -> DrawnLayer:
    branches = zip(layer.branches, row.branches, strict=True)
    return DrawnLayer(
        layer_label(layer.fields),
        layer.type,
        row.output_shape,
        row.parameters,
        row.problem is not None,
        tuple(tuple(map(_drawn, inside, rows)) for inside, rows in branches),
    )


@lru_cache(maxsize=64)
def _diagram(
    layers: tuple[DrawnLayer, ...], input_shape: tuple[int, ...]
) -> tuple[Mapping[str, Any], int, int]:
    diagram = network_diagram(layers, input_shape=input_shape)
    figure = dict(network_diagram_figure(diagram).to_plotly_json())
    return figure, diagram.height, diagram.min_width


def _render_rows(
    draft: Draft, layers: Sequence[DraftLayer], rows: Sequence[LayerRow], opened: str | None
) -> None:
    for number, (layer, row) in enumerate(zip(layers, rows, strict=True), start=1):
        is_open = any(inner.id == opened for inner in layer.all_layers())
        _render_layer(number, layer, row, len(layers), is_open=is_open)
        if is_open and layer.id == opened:
            _render_form(layer)
        if is_open and row.branches:
            _render_branches(draft, layer, row, opened)


def _render_layer(
    number: int, layer: DraftLayer, row: LayerRow, count: int, *, is_open: bool
) -> None:
    shape = "?" if row.output_shape is None else format_shape(row.output_shape)
    parameters = "?" if row.output_shape is None else f"{row.parameters:,}"
    buttons = _render_cells(
        str(number),
        f"**{LAYER_TYPES[layer.type].title}**",
        escaped(layer_summary(layer.plain())),
        shape,
        parameters,
    )
    with buttons, st.container(horizontal=True, gap=None, horizontal_alignment="right"):
        _render_buttons(number, layer, count, is_open=is_open)
    if is_open:
        render_problem(row.problem)
    else:
        # Those of the layers inside a block, too, whose rows are not shown.
        for problem in row.problems("Inside") if row.branches else filter(None, [row.problem]):
            render_problem(problem)


def _render_branches(draft: Draft, block: DraftLayer, row: LayerRow, opened: str | None) -> None:
    """Show the layers in each branch of an open block as a table inside the table."""
    spec = LAYER_TYPES[block.type]
    with st.container(border=True, key=f"layer-{block.id}-branches", gap="small"):
        if fitting := fitting_branch(draft, block.id):
            number, new = fitting
            layer = layer_label(new.model_dump(mode="json"))
            st.button(
                f"{spec.branch_title(number)}: use {layer}, which fits",
                icon=":material/build:",
                key=f"layer-{block.id}-fit",
                on_click=setup_edits.fit_block,
                args=(block.id,),
            )
        for number, (inside, rows) in enumerate(zip(block.branches, row.branches, strict=True)):
            with st.container(horizontal=True, vertical_alignment="center"):
                empty = "" if inside else ": carries the input as it is"
                st.markdown(f"**{spec.branch_title(number)}**{empty}")
                if not spec.branch_titles and len(block.branches) > spec.fewest_branches:
                    st.button(
                        "Remove the branch",
                        key=f"layer-{block.id}-remove-branch-{number}",
                        type="tertiary",
                        on_click=setup_edits.remove_branch,
                        args=(block.id, number),
                    )
            _render_rows(draft, inside, rows, opened)
            _render_add_inside(draft, block, number)
        if not spec.branch_titles:
            st.button(
                "Add a branch",
                icon=":material/add:",
                key=f"layer-{block.id}-add-branch",
                disabled=len(block.branches) >= spec.most_branches,
                on_click=setup_edits.add_branch,
                args=(block.id,),
            )


def _render_add_inside(draft: Draft, block: DraftLayer, branch: int) -> None:
    key = f"layer-{block.id}-branch-{branch}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            f"Type of a new layer in branch {branch + 1}",
            tuple(LAYER_TYPES),
            format_func=lambda kind: LAYER_TYPES[kind].title,
            key=f"{key}-new",
            label_visibility="collapsed",
            width=260,
        )
        st.button(
            "Add at the end",
            icon=":material/add:",
            key=f"{key}-add",
            disabled=_layer_count(draft) >= MAX_LAYERS,
            on_click=setup_edits.add_layer_to_branch,
            args=(block.id, branch, chosen),
        )


def _layer_count(draft: Draft) -> int:
    return sum(1 for layer in draft.layers for _ in layer.all_layers())


def _render_cells(*texts: str) -> st.delta_generator.DeltaGenerator:
    """Show a row of the table; return the column for its buttons."""
    *places, buttons = st.columns(_WIDTHS, vertical_alignment="center")
    for place, heading, text in zip(places, _HEADINGS, texts, strict=False):
        if text:
            place.markdown(text, text_alignment=_ALIGNMENTS.get(heading, "left"))
    return buttons


def _render_buttons(number: int, layer: DraftLayer, count: int, *, is_open: bool) -> None:
    def button(
        name: str, icon: str, label: str, act: Callable[[], None], *, disabled: bool = False
    ) -> None:
        # The style sheet shows the icon only; the label is for screen readers.
        st.button(
            label,
            icon=f":material/{icon}:",
            key=f"layer-{layer.id}-{name}",
            help=label,
            type="tertiary",
            disabled=disabled,
            on_click=act,
        )

    what = f"{escaped(layer_label(layer.fields))} (row {number})"
    editable = len(layer.fields) > 1 or bool(layer.branches)
    button(
        "edit",
        "expand_less" if is_open else "tune",
        f"Close the settings of {what}" if is_open else f"Change the settings of {what}",
        partial(setup_edits.toggle_layer_form, layer.id),
        disabled=not editable and not is_open,
    )
    button(
        "up",
        "arrow_upward",
        f"Move {what} up",
        partial(setup_edits.move_layer, layer.id, -1),
        disabled=number == 1,
    )
    button(
        "down",
        "arrow_downward",
        f"Move {what} down",
        partial(setup_edits.move_layer, layer.id, 1),
        disabled=number == count,
    )
    button(
        "copy",
        "content_copy",
        f"Duplicate {what}",
        partial(setup_edits.copy_layer, layer.id),
    )
    button("remove", "delete", f"Remove {what}", partial(setup_edits.remove_layer, layer.id))


def _render_form(layer: DraftLayer) -> None:
    spec = LAYER_TYPES[layer.type]
    with st.container(border=True, key=f"layer-{layer.id}-form"):
        st.caption(spec.explanation)
        names = [name for name in layer.fields if name != "type"]
        for first in range(0, len(names), _FIELDS_A_ROW):
            for place, name in zip(
                st.columns(_FIELDS_A_ROW), names[first : first + _FIELDS_A_ROW], strict=False
            ):
                with place:
                    render_field(
                        spec,
                        name,
                        layer.fields[name],
                        partial(setup_edits.set_layer_field, layer.id, name),
                        key=f"layer-{layer.id}-{name}",
                    )


def _render_add_layer(draft: Draft) -> None:
    full = _layer_count(draft) >= MAX_LAYERS
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Type of a new layer",
            tuple(LAYER_TYPES),
            format_func=lambda kind: LAYER_TYPES[kind].title,
            key=f"{draft.generation}-new-layer",
            help="The new layer goes to the lowest position where the network stays valid.",
            width=260,
        )
        st.button(
            "Add layer",
            icon=":material/add:",
            key="add-layer",
            disabled=full,
            on_click=setup_edits.add_new_layer,
            args=(chosen,),
            help=f"A network can have at most {MAX_LAYERS} layers." if full else None,
        )
    st.caption(LAYER_TYPES[chosen].explanation)


def _operations(count: int) -> str:
    if count >= 1_000_000:
        return f"{count / 1e6:,.1f} million multiplications"
    return f"{count:,} multiplications"
