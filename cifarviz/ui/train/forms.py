"""The Data and Training tabs of Set up."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType

import plotly.graph_objects as go
import streamlit as st

from cifarviz.data import library
from cifarviz.data.statistics import class_counts
from cifarviz.data.wrong_labels import count_wrong_labels
from cifarviz.datasets.registry import all_datasets
from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.choices import EarlyStopping, Loss
from cifarviz.experiment.draft import SECTIONS, Draft, section_class
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.schedules import SCHEDULES, AnySchedule, learning_rates
from cifarviz.figures.learning_rate import learning_rate_curve, learning_rate_figure
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, format_count, sentence_case
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.chart import chart
from cifarviz.ui.navigation import link_to_full_set
from cifarviz.ui.query import widget_key, widget_value
from cifarviz.ui.server_paths import is_local_browser
from cifarviz.ui.tensorboard import render_tensorboard_command
from cifarviz.ui.train import fields as setup_edits
from cifarviz.ui.train.augmentation_form import render_augmentation_form
from cifarviz.ui.train.fields import (
    render_choice_input,
    render_field,
    render_problem,
    render_sample_notice,
)
from cifarviz.ui.train.rate_finder import render_rate_finder
from cifarviz.value_text import format_choice

# The preview of a long run does not need every step.
_MOST_STEPS = 20_000
_PREDICTIONS = (
    "Whether predictions are averaged over several versions of each image. This holds for "
    "validation, Evaluate and Predict; training does not change, and its accuracy is of single, "
    "changed images."
)
_STEPS_PER_EPOCH = 100
Problems = Mapping[str, str]

# Classes are called unequal if the largest has this many times the images of the smallest.
_UNEQUAL = 1.5
_BALANCE_TEXTS = MappingProxyType(
    {
        "none": "A network trained on them favours the common classes; class weights or "
        "resampling make each class count the same.",
        "class_weights": "In training, the loss of an image is multiplied by n / (classes × images "
        "of its class), so that each class counts the same. The losses shown are not weighted.",
        "resampling": "Each epoch draws as many images as there are training images, each class "
        "equally often: images of rare classes several times, those of common classes not all. "
        "Training loss and accuracy are those of the images drawn.",
    }
)

# The longest one-hot label that is written out.
_LONGEST_ROW = 16


def render_data_forms(draft: Draft, assessment: Assessment, *, stands_in: bool) -> None:
    """Show the forms of data set, validation, preprocessing and augmentation.

    ``stands_in``: the sample replaces a missing full set.
    """
    problems = assessment.problems
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("## Images")
        _render_data_form(draft, problems, stands_in=stands_in)
        _render_kind_form(draft, "validation", problems)
        if assessment.experiment is not None and assessment.sizes is not None:
            sizes = assessment.sizes
            counts = [f"{sizes.train:,} training images"]
            if wrong := count_wrong_labels(assessment.experiment.data.wrong_labels, sizes.train):
                counts.append(f"{wrong:,} of them with a wrong label")
            if sizes.validation:
                counts.append(f"{sizes.validation:,} validation images")
            st.caption(" · ".join(counts))
    with right:
        _render_kind_form(draft, "preprocessing", problems)
        render_augmentation_form(draft, problems.get("augmentation"))


def render_training_forms(draft: Draft, assessment: Assessment) -> None:
    """Show the forms of optimiser, schedule, loss, stopping and saving."""
    problems = assessment.problems
    left, right = st.columns(2, gap="large")
    with left:
        _render_kind_form(draft, "optimizer", problems)
        render_rate_finder(draft, assessment)
        st.markdown("## Schedule")
        _render_single_fields(draft, ("batch_size", "epochs"), problems)
        _render_single_fields(draft, ("seed", "precision"), problems)
        st.markdown("## Loss", help=Experiment.help_text("loss"))
        _render_loss_form(draft, problems)
    with right:
        _render_kind_form(draft, "schedule", problems, heading="Learning rate over the run")
        render_learning_rate(draft, assessment)
        render_saving_forms(draft, problems)


def _render_data_form(draft: Draft, problems: Problems, *, stands_in: bool) -> None:
    data = draft.section("data")
    spec = section_class("data", data)
    titles = {info.name: info.title for info in all_datasets()}
    render_choice_input(
        sentence_case(spec.label("dataset")),
        tuple(titles),
        data["dataset"],
        setup_edits.set_dataset,
        key=f"{draft.generation}-data-dataset",
        hint=spec.help_text("dataset"),
        format_option=titles.__getitem__,
    )
    here = library.available_variants(draft.dataset, cache.settings())
    variants = here or draft.dataset.variants
    counts: dict[str, str] = {
        variant: "{:,} + {:,}".format(*library.image_counts(draft.dataset, variant))
        for variant in variants
    }
    render_choice_input(
        "Sample or full set",
        variants,
        data["variant"],
        partial(setup_edits.set_value, "data.variant"),
        # A new key when the options change: the browser keeps the old options of a key.
        key=f"{draft.generation}-data-{'-'.join(variants)}",
        hint=f"{spec.help_text('variant')} The numbers are training + test images.",
        format_option=lambda variant: f"{format_choice(variant)} ({counts[variant]} images)",
    )
    if stands_in:
        render_sample_notice()
    elif "full" not in here:
        st.caption("The full set is not on this machine yet.")
        link_to_full_set()
    render_field(
        spec,
        "train_images",
        data["train_images"],
        partial(setup_edits.set_value, "data.train_images"),
        key=f"{draft.generation}-data-train_images",
        placeholder="All",
    )
    wrong, seed = st.columns(2)
    for place, name in ((wrong, "wrong_labels"), (seed, "wrong_labels_seed")):
        with place:
            render_field(
                spec,
                name,
                data[name],
                partial(setup_edits.set_value, f"data.{name}"),
                key=f"{draft.generation}-data-{name}",
            )
    _render_class_balance(draft)
    render_problem(problems.get("data"))


def _render_class_balance(draft: Draft) -> None:
    """Show the choice, what it does, and how unequal the classes of the data set are."""
    data = draft.section("data")
    render_field(
        section_class("data", data),
        "class_balance",
        data["class_balance"],
        partial(setup_edits.set_value, "data.class_balance"),
        key=f"{draft.generation}-data-class_balance",
    )
    texts = [_BALANCE_TEXTS[data["class_balance"]]]
    if unequal := _describe_unequal_classes(draft):
        texts.insert(0, unequal)
    elif data["class_balance"] == "none":
        return
    st.caption(" ".join(texts))


def _describe_unequal_classes(draft: Draft) -> str | None:
    """Return a sentence on the largest and the smallest class; ``None`` if they are similar."""
    variant = draft.section("data")["variant"]
    # Embedded samples have as many images of each class.
    if variant == "sample" or variant not in library.available_variants(
        draft.dataset, cache.settings()
    ):
        return None
    labels = cache.dataset(draft.dataset.name, variant).train.labels
    counts = class_counts(labels, draft.classes)
    # A class may have lost its images since; nothing makes it count.
    there = [label for label, count in enumerate(counts) if count]
    most, fewest = max(there, key=counts.__getitem__), min(there, key=counts.__getitem__)
    if counts[most] < _UNEQUAL * counts[fewest]:
        return None
    names = class_names(draft.dataset)
    return (
        f"The classes of this data set are unequal: {escaped(names[most])} has "
        f"{format_count(int(counts[most]), 'training image')} and {escaped(names[fewest])} has "
        f"{counts[fewest]:,}."
    )


def _render_loss_form(draft: Draft, problems: Problems) -> None:
    loss = draft.section("loss")
    one_hot = loss["labels"] == "one_hot"
    labels, smoothing, penalty = st.columns(3)
    with labels:
        render_field(
            Loss, "labels", loss["labels"], setup_edits.set_labels, key=f"{draft.generation}-labels"
        )
    with smoothing:
        # Another key while it is off, so that the text typed for one-hot labels is kept.
        render_field(
            Loss,
            "label_smoothing",
            loss["label_smoothing"],
            partial(setup_edits.set_value, "loss.label_smoothing"),
            key=f"{draft.generation}-label_smoothing{'' if one_hot else '-off'}",
            disabled=not one_hot,
        )
    with penalty:
        _render_single_field(draft, "l2")
    # Counting starts at 0. Non-breaking spaces keep the label on one line.
    label = min(3, draft.classes - 1)
    places = ["1" if place == label else "0" for place in range(draft.classes)]
    if len(places) > _LONGEST_ROW:
        places[label + 2 : -1] = ["…"]
    row = "\u00a0".join(places)
    st.caption(
        f"Class {label} is `{label}` as an integer (sparse) label and `{row}` as a one-hot "
        "(categorical) label. Loss and results are the same; only one-hot labels can be smoothed."
    )
    render_problem(problems.get("loss"))
    render_problem(problems.get("l2"))


def _render_kind_form(draft: Draft, section: str, problems: Problems, heading: str = "") -> None:
    """Show a heading, a menu of kinds, and the explanation and fields of the chosen kind."""
    kinds = SECTIONS[section]
    fields = draft.section(section)
    label = sentence_case(Experiment.label(section))
    st.markdown(f"## {heading or label}", help=Experiment.help_text(section))
    render_choice_input(
        label,
        tuple(kinds),
        fields["kind"],
        partial(setup_edits.set_kind, section),
        key=f"{draft.generation}-{section}-kind",
        headed=True,
        format_option=lambda kind: kinds[kind].title,
    )
    st.caption(kinds[fields["kind"]].explanation)
    _render_fields(draft, section)
    render_problem(problems.get(section))


def _render_fields(draft: Draft, section: str) -> None:
    fields = draft.section(section)
    names = [name for name in fields if name != "kind"]
    kind = fields.get("kind", "")
    # The label of a switch is on its right, so it is wider.
    widths = [1.6 if isinstance(fields[name], bool) and len(names) > 2 else 1 for name in names]
    widths += [1] * (2 - len(names))
    for place, name in zip(st.columns(widths, vertical_alignment="bottom"), names, strict=False):
        with place:
            render_field(
                section_class(section, fields),
                name,
                fields[name],
                partial(setup_edits.set_value, f"{section}.{name}"),
                key=f"{draft.generation}-{section}-{kind}-{name}",
            )


def _render_single_fields(draft: Draft, names: Sequence[str], problems: Problems) -> None:
    for place, name in zip(st.columns(len(names)), names, strict=True):
        with place:
            _render_single_field(draft, name)
    for name in names:
        render_problem(problems.get(name))


def render_saving_forms(draft: Draft, problems: Problems) -> None:
    """Show what is stopped and saved, and how predictions are averaged."""
    st.markdown("## Stopping and saving")
    _render_best_epoch(draft, problems)
    _render_early_stopping(draft, problems)
    _render_single_field(draft, "best_only", problems)
    _render_tensorboard(draft, problems)
    _render_single_field(
        draft, "test_epochs", problems, placeholder="None (for example 15, 30, 45, 60)"
    )
    st.markdown("## Predictions", help=_PREDICTIONS)
    _render_single_field(draft, "mirrored_answers", problems)
    _render_single_field(draft, "prediction_shift", problems)


def _render_best_epoch(draft: Draft, problems: Problems) -> None:
    validated = draft.section("validation")["kind"] != "none"
    images = "validation" if validated else "training"
    labels = {"loss": f"Lowest {images} loss", "accuracy": f"Highest {images} accuracy"}
    render_choice_input(
        "Best epoch by (monitor)",
        tuple(labels),
        str(draft.settings["monitor"]),
        partial(setup_edits.set_value, "monitor"),
        # A new key when the labels change: the browser keeps the old labels of a key.
        key=f"{draft.generation}-monitor-{images}",
        hint=Experiment.help_text("monitor"),
        format_option=labels.__getitem__,
    )
    render_problem(problems.get("monitor"))


def _render_early_stopping(draft: Draft, problems: Problems) -> None:
    key = f"{draft.generation}-early_stopping"
    on = draft.is_on("early_stopping")
    st.toggle(
        sentence_case(Experiment.label("early_stopping")),
        value=on,
        key=widget_key(key, on),
        help=Experiment.help_text("early_stopping"),
        on_change=lambda: setup_edits.set_switch("early_stopping", widget_value(key)),
    )
    if on:
        fields = draft.section("early_stopping")
        for place, name in zip(
            st.columns([1, 1.6], vertical_alignment="bottom"), fields, strict=True
        ):
            with place:
                render_field(
                    EarlyStopping,
                    name,
                    fields[name],
                    partial(setup_edits.set_value, f"early_stopping.{name}"),
                    key=f"{key}-{name}",
                )
    render_problem(problems.get("early_stopping"))


def _render_tensorboard(draft: Draft, problems: Problems) -> None:
    _render_single_field(draft, "tensorboard", problems)
    if draft.settings["tensorboard"] is not True or "tensorboard" in problems:
        return
    st.caption(
        "Each run writes to a folder of its own. Install TensorBoard with "
        "`pip install tensorboard`, and open all of them with this command:"
        if is_local_browser()
        else "Each run writes to a folder of its own."
    )
    render_tensorboard_command(cache.settings().tensorboard_dir)


def render_learning_rate(draft: Draft, assessment: Assessment) -> None:
    """Show the learning rate over the run, or which settings to correct first."""
    wrong = [name for name in ("optimizer", "schedule", "epochs") if name in assessment.problems]
    if wrong:
        settings = " and ".join(Experiment.label(name) for name in wrong)
        st.caption(f"Correct the {settings} to see the learning rate.")
        return
    schedule = draft.section("schedule")
    steps = _STEPS_PER_EPOCH if assessment.sizes is None else assessment.sizes.steps_per_epoch
    figure = _cached_figure(
        SCHEDULES[schedule["kind"]].make(**schedule),
        float(draft.section("optimizer")["learning_rate"]),
        max(1, min(steps, _MOST_STEPS // int(draft.settings["epochs"]))),
        int(draft.settings["epochs"]),
    )
    chart(
        figure,
        key="learning-rate",
        view=f"{schedule['kind']} {draft.settings['epochs']}",
        file_name="learning-rate",
        description="The learning rate over the run",
    )


@lru_cache(maxsize=32)
def _cached_figure(schedule: AnySchedule, rate: float, steps: int, epochs: int) -> go.Figure:
    rates = learning_rates(schedule, rate, steps, epochs)
    return learning_rate_figure(learning_rate_curve(rates, steps))


def _render_single_field(
    draft: Draft, name: str, problems: Problems = MappingProxyType({}), placeholder: str = ""
) -> None:
    """Show the field ``name`` of the experiment, with its problem below."""
    render_field(
        Experiment,
        name,
        draft.settings[name],
        partial(setup_edits.set_value, name),
        key=f"{draft.generation}-{name}",
        placeholder=placeholder,
    )
    render_problem(problems.get(name))
