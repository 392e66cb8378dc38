"""The forms of Setup on when a run ends and what is kept of it."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from cifarviz.experiment.choices import EarlyStopping
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.ui import cache
from cifarviz.ui.query import widget_key, widget_value
from cifarviz.ui.setup import edits as setup_edits
from cifarviz.ui.setup.fields import choice_input, field_input, sentence_case, show_problem
from cifarviz.ui.setup.single_field import single_field
from cifarviz.ui.tensorboard_command import show_tensorboard_command
from cifarviz.ui.unbroken import unbroken

Problems = Mapping[str, str]


def keeping_forms(draft: Draft, problems: Problems) -> None:
    """Which epoch is best, early stopping, checkpoints, TensorBoard files, test answers."""
    st.markdown("##### When to stop and what to keep")
    _best_epoch(draft, problems)
    _early_stopping(draft, problems)
    _single(draft, "best_only", problems)
    _tensorboard(draft, problems)
    _single(draft, "mirrored_answers", problems)
    _single(draft, "test_epochs", problems, placeholder="None; such as 15, 30, 45, 60")


def _best_epoch(draft: Draft, problems: Problems) -> None:
    validated = draft.section("validation")["kind"] != "none"
    images = "validation" if validated else "training"
    words = {
        "loss": f"The lowest {images} loss",
        "accuracy": f"The highest {images} accuracy",
    }
    choice_input(
        "Which epoch is best (monitor)",
        tuple(words),
        str(draft.settings["monitor"]),
        partial(setup_edits.set_value, "monitor"),
        # Another menu when its words change: the browser keeps a menu's old ones.
        key=f"{draft.generation}-monitor-{images}",
        hint=Experiment.help_text("monitor"),
        words=words.__getitem__,
    )
    show_problem(problems.get("monitor"))


def _early_stopping(draft: Draft, problems: Problems) -> None:
    key = f"{draft.generation}-early_stopping"
    on = draft.is_on("early_stopping")
    st.toggle(
        sentence_case(Experiment.words("early_stopping")),
        value=on,
        key=widget_key(key, on),
        help=Experiment.help_text("early_stopping"),
        on_change=unbroken(lambda: setup_edits.set_switch("early_stopping", widget_value(key))),
    )
    if on:
        fields = draft.section("early_stopping")
        for place, name in zip(
            st.columns([1, 1.6], vertical_alignment="bottom"), fields, strict=True
        ):
            with place:
                field_input(
                    EarlyStopping,
                    name,
                    fields[name],
                    partial(setup_edits.set_value, f"early_stopping.{name}"),
                    key=f"{key}-{name}",
                )
    show_problem(problems.get("early_stopping"))


def _tensorboard(draft: Draft, problems: Problems) -> None:
    _single(draft, "tensorboard", problems)
    if draft.settings["tensorboard"] is not True or "tensorboard" in problems:
        return
    st.caption(
        "Each run writes into a folder of its own under the one below. TensorBoard itself is "
        "installed apart, by `pip install tensorboard`, and opened by this command:"
    )
    show_tensorboard_command(cache.settings().tensorboard_dir)


def _single(draft: Draft, name: str, problems: Problems, placeholder: str = "") -> None:
    single_field(draft, name, placeholder)
    show_problem(problems.get(name))
