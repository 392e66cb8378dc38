"""The learning rate over a run, in code."""

from textwrap import dedent

from cifarviz.experiment.schedules import Constant, Cosine, OneCycle, Step
from cifarviz.export.code.section import Section

_RATE_CALLBACK = dedent(
    '''\
    class LearningRatePerStep(keras.callbacks.Callback):
        """Sets the learning rate before each training step."""

        def on_train_begin(self, logs=None):
            self.step = 0

        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = LEARNING_RATE * share_of_rate(self.step)
            self.step += 1
    '''
)


def learning_rate_section(schedule: Constant | Step | Cosine | OneCycle) -> Section | None:
    """The schedule as a callback named ``schedule``; ``None`` where the rate is constant."""
    match schedule:
        case Constant():
            return None
        case Step():
            return Section(
                "Learning rate",
                f"The learning rate is multiplied by {schedule.factor!r} after every "
                + ("epoch." if schedule.every_epochs == 1 else f"{schedule.every_epochs} epochs."),
                "def rate_of_epoch(epoch, _):\n"
                '    """The learning rate of an epoch, counted from 0."""\n'
                f"    return LEARNING_RATE * {schedule.factor!r} ** "
                f"(epoch // {schedule.every_epochs})\n\n\n"
                "schedule = keras.callbacks.LearningRateScheduler(rate_of_epoch)",
            )
        case Cosine():
            return Section(
                "Learning rate", _cosine_text(schedule), _per_step(_cosine(schedule)), _NUMPY
            )
        case OneCycle():
            text = (
                "The learning rate rises in a straight line over the first part of the run, and "
                "falls in a straight line from there to its last step."
            )
            return Section("Learning rate", text, _per_step(_one_cycle(schedule)), _NUMPY)


_NUMPY = ("import numpy as np",)


def _per_step(function: str) -> str:
    return (
        "LAST_STEP = EPOCHS * STEPS_PER_EPOCH - 1\n\n\n"
        f"{function}\n\n\n{_RATE_CALLBACK}\n\nschedule = LearningRatePerStep()"
    )


def _cosine_text(schedule: Cosine) -> str:
    text = "The learning rate falls along half a cosine wave."
    if schedule.warmup_epochs:
        first = "epoch" if schedule.warmup_epochs == 1 else f"{schedule.warmup_epochs} epochs"
        text += f" Over the first {first} it rises to its full value."
    return text


def _cosine(schedule: Cosine) -> str:
    lines = [
        "def share_of_rate(step):",
        '    """What part of the full learning rate a step (from 0) gets."""',
    ]
    begin = "step"
    span = "max(LAST_STEP, 1)"
    if schedule.warmup_epochs:
        lines += [
            f"    warmup = {schedule.warmup_epochs} * STEPS_PER_EPOCH",
            "    if step < warmup:",
            "        return (step + 1) / (warmup + 1)",
        ]
        begin, span = "(step - warmup)", "max(LAST_STEP - warmup, 1)"
    lines.append(f"    wave = 0.5 * (1 + np.cos(np.pi * {begin} / {span}))")
    low = schedule.final_fraction
    lines.append(f"    return {low!r} + {1 - low!r} * wave" if low else "    return wave")
    return "\n".join(lines)


def _one_cycle(schedule: OneCycle) -> str:
    # The same corner cases as the schedule's own: a peak on the first or the last step.
    return "\n".join(
        [
            f"PEAK_STEP = round({schedule.warmup_fraction!r} * LAST_STEP)",
            "# Steps, and what part of the full rate they get; in between on a straight line.",
            "CORNERS = {",
            f"    0: {schedule.start_fraction!r},",
            f"    LAST_STEP: {schedule.final_fraction!r},",
            "    PEAK_STEP: 1.0,",
            "}",
            "",
            "",
            "def share_of_rate(step):",
            '    """What part of the full learning rate a step (from 0) gets."""',
            "    steps = sorted(CORNERS)",
            "    return np.interp(step, steps, [CORNERS[corner] for corner in steps])",
        ]
    )
