"""Forking a run, and opening dialogs."""

from collections.abc import Callable, Sequence
from typing import ParamSpec

import streamlit as st

from cifarviz.analysis.overfitting import Fit
from cifarviz.errors import CifarvizError
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.forking import ForkChanges, fork_experiment
from cifarviz.experiment.run_names import fork_name, unique_name
from cifarviz.runs.curation import LONGEST_NAME
from cifarviz.runs.records import Run
from cifarviz.runs.stored_weights import epochs_to_fork
from cifarviz.training.fork_start import carries_optimizer
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, sentence_case
from cifarviz.ui.errors import error_text, render_errors
from cifarviz.ui.navigation import go_to
from cifarviz.ui.queueing import queue_fork_once
from cifarviz.value_text import format_number

Arguments = ParamSpec("Arguments")
_MOST_EPOCHS = 1000
_COLUMNS = 3

# Used when the parent has no epochs left after the chosen one.
_USUAL_EPOCHS = 5


def render_fork_button(run: Run, fit: Fit) -> None:
    """Show the Fork button, if the run has saved weights of any epoch."""
    if run.damage is not None:
        return
    epochs = list(epochs_to_fork(cache.store().folder(run.id), run))
    if not epochs:
        return
    if st.button(
        "Fork",
        icon=":material/fork_right:",
        help="Starts a new run from one of this run’s epochs, with changes.",
    ):
        open_dialog(f"Fork “{escaped(run.name)}”", _render_fork_form, run, fit, epochs)


def _render_fork_form(run: Run, fit: Fit, epochs: Sequence[int]) -> None:
    parent = run.experiment
    usual = fit.overfitting_start or run.best_epoch or epochs[-1]
    near = min(epochs, key=lambda epoch: abs(epoch - usual))
    left, right = st.columns(2)
    epoch = left.selectbox(
        "After epoch",
        epochs,
        index=list(epochs).index(near),
        key="fork-epoch",
        help="Epochs with saved weights. The one nearest to where overfitting starts, or to the "
        "best epoch, is selected first.",
    )
    rest = parent.epochs - epoch
    more = right.number_input(
        "Additional epochs",
        1,
        _MOST_EPOCHS,
        rest if rest > 0 else _USUAL_EPOCHS,
        key=f"fork-epochs-{epoch}",
        help="How many epochs the fork trains; by default, those this run had left.",
    )
    try:
        changed = _render_changes_form(parent, int(more), run.train_images)
        experiment = fork_experiment(parent, epoch, changed)
        name = fork_name(run.name, parent, experiment, epoch)
    except CifarvizError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    name = unique_name(name, {other.name for other in cache.store().all()})
    typed_name = st.text_input(
        "Name of the run",
        placeholder=name,
        max_chars=LONGEST_NAME,
        key="fork-name",
        autocomplete="off",
        help="Leave empty to use the name shown here.",
    )
    folder = cache.store().folder(run.id)
    carried = carries_optimizer(run, folder, experiment, epoch)
    st.caption(
        "The optimiser keeps its state: without changes, the fork is what this run would have "
        "become."
        if carried
        else "The optimiser starts fresh: its state is that of the layers trained before."
        if changed.unfreeze
        else "The optimiser starts fresh: its state is saved only with a run’s last epoch."
    )
    if st.button("Fork and train", type="primary", icon=":material/play_arrow:", key="fork-go"):
        with render_errors():
            new_run = queue_fork_once(run, epoch, experiment, name, typed_name.strip())
            go_to("train", view="watch", run=new_run.id)


def _render_changes_form(parent: Experiment, epochs: int, train_images: int | None) -> ForkChanges:
    rates = ", ".join(map(format_number, parent.architecture.dropout_rates))
    left, right = st.columns(2)
    rate = left.number_input(
        "Learning rate",
        0.0,
        100.0,
        None,
        format="%g",
        step=parent.optimizer.learning_rate / 10,
        placeholder=f"Unchanged ({format_number(parent.optimizer.learning_rate)})",
        key="fork-rate",
        help=type(parent.optimizer).help_text("learning_rate"),
    )
    dropout = right.number_input(
        "Dropout",
        0.0,
        0.95,
        None,
        step=0.05,
        placeholder=f"Unchanged ({rates or 'none'})",
        key="fork-dropout",
        help="The rate of every dropout layer. A network without dropout gets a layer before its "
        "last dense layer.",
    )
    images = left.number_input(
        "Training images",
        1,
        None,
        None,
        step=100,
        placeholder=f"Unchanged ({train_images:,})" if train_images else "Unchanged",
        key="fork-images",
        help="How many images the fork trains on. A larger number includes the run’s images.",
    )
    with st.expander(
        "Augmentation", expanded=parent.augmentation.is_on, icon=":material/auto_fix_high:"
    ):
        augmentation = _render_augmentation(parent)
    unfreeze = parent.architecture.is_partly_frozen and st.checkbox(
        "Unfreeze all layers",
        key="fork-unfreeze",
        help="Trains the frozen layers, too. With a learning rate of about a tenth, they are "
        "adjusted to your images without losing what they have learned.",
    )
    return ForkChanges(
        epochs,
        learning_rate=rate,
        dropout=dropout,
        augmentation=augmentation,
        train_images=None if images is None else int(images),
        unfreeze=unfreeze,
    )


def _render_augmentation(parent: Experiment) -> Augmentation:
    chosen: dict[str, object] = {}
    is_grey = parent.architecture.input_shape[2] == 1
    for number, (name, value) in enumerate(parent.augmentation):
        if number % _COLUMNS == 0:
            columns = st.columns(_COLUMNS, vertical_alignment="bottom")
        place, key = columns[number % _COLUMNS], f"fork-{name}"
        label, hint = sentence_case(Augmentation.label(name)), Augmentation.help_text(name)
        if isinstance(value, bool):
            chosen[name] = place.toggle(label, value, key=key, help=hint)
            continue
        least, most = (type(value)(bound or 0) for bound in Augmentation.limits(name))
        chosen[name] = place.number_input(
            label,
            least,
            most,
            value,
            format="%d" if isinstance(value, int) else "%g",
            # Mixup and CutMix may be large, and usually are not.
            step=0.05 if most <= 1 or name in ("mixup", "cutmix") else type(value)(1),
            key=key,
            help=hint,
            disabled=is_grey and name in ("saturation", "hue") and not value,
        )
    return Augmentation.make(**chosen)


def open_dialog(
    title: str,
    content: Callable[Arguments, None],
    *args: Arguments.args,
    **more: Arguments.kwargs,
) -> None:
    """Open a dialog; the page reruns when it is dismissed.

    A rerun would close it and lose its input, so components/live.js requests none while it is open.
    """

    def render() -> None:
        with st.container(key="open-dialog"):
            content(*args, **more)

    st.dialog(title, width="medium", on_dismiss="rerun")(render)()
