"""The training of an exported program: batches, learning rate, epochs."""

from textwrap import dedent

from cifarviz.experiment.experiment import Augmentation, Experiment, Loss
from cifarviz.experiment.optimizers import SGD, Adam, AdamW, RMSprop
from cifarviz.experiment.schedules import Constant, Cosine, OneCycle, StepSchedule
from cifarviz.export.code.data import has_validation
from cifarviz.export.code.section import Section, blocks, call

_SHIFTED = dedent(
    '''\
    def shifted_positions(size, offsets):
        """Where each row (or column) of a moved image comes from; the border is mirrored."""
        positions = np.abs(np.arange(size) + offsets[:, None])
        return np.minimum(positions, 2 * (size - 1) - positions)
    '''
)
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
_NUMPY = ("import numpy as np",)


def training_section(experiment: Experiment) -> Section:
    """Compile the model and fit it, with the callbacks the run had."""
    metrics = '"accuracy", cross_entropy' if _more_in_objective(experiment) else '"accuracy"'
    compiling = call(
        "model.compile",
        [
            f"optimizer={_optimizer(experiment.optimizer)}",
            f"loss={_loss(experiment.loss)}",
            f"metrics=[{metrics}]",
            "jit_compile=False",
        ],
    )
    fitting = call(
        "model.fit",
        [
            "training_batches()",
            "steps_per_epoch=STEPS_PER_EPOCH",
            "epochs=EPOCHS",
            *(
                [
                    "validation_data=(validation_images, validation_labels)",
                    "validation_batch_size=500",
                ]
                if has_validation(experiment)
                else []
            ),
            "callbacks=callbacks",
            "shuffle=False",
        ],
    )
    callbacks = "".join(f"    {one},\n" for one in _callbacks(experiment))
    code = blocks(
        [
            _test_answers(experiment.test_epochs),
            blocks(
                [
                    _cross_entropy(experiment),
                    "# Without XLA: on a processor it makes networks like this one slower.\n"
                    + compiling,
                    f"callbacks = [\n{callbacks}]",
                    fitting,
                ]
            ),
        ],
        gap=2,
    )
    return Section("Training", _text(experiment), code, ("import keras",))


def evaluation_section(experiment: Experiment) -> Section:
    """Measure the network on the test images and keep its weights."""
    keep = (
        "# best.weights.h5 holds the weights of the best epoch; this run kept no others."
        if experiment.best_only
        else 'network.save_weights("last.weights.h5")'
    )
    code = "\n".join(
        [
            "measured = model.evaluate(test_images, test_labels, batch_size=500, verbose=0, "
            "return_dict=True)",
            'print(f"On {len(test_images):,} test images:")',
            "print(f\"accuracy {measured['accuracy']:.4f}, "
            f"loss {{measured['{loss_name(experiment)}']:.4f}}\")",
            keep,
        ]
    )
    text = "How good the network is on images it has never learned from."
    stopping = experiment.early_stopping
    if stopping is not None and stopping.restore_best_weights:
        text += " It has the weights of its best epoch again."
    return Section("Evaluation", text, code)


def loss_name(experiment: Experiment) -> str:
    """The column of Keras' history that cifarviz calls the loss: the plain cross-entropy."""
    return "cross_entropy" if _more_in_objective(experiment) else "loss"


def _more_in_objective(experiment: Experiment) -> str:
    """What is in Keras' loss beside the plain cross-entropy, in words; empty if nothing is."""
    parts = {
        "label smoothing": experiment.loss.label_smoothing,
        "the L2 penalty": experiment.l2,
    }
    return " and ".join(name for name, value in parts.items() if value)


def _text(experiment: Experiment) -> str:
    text = "`history.csv` gets the loss and accuracy of each epoch, counted from 0."
    if more := _more_in_objective(experiment):
        text += (
            f" Keras' own loss has {more} in it; `cross_entropy` has not, and is the loss that "
            "cifarviz shows."
        )
    return text


def _optimizer(optimizer: SGD | Adam | AdamW | RMSprop) -> str:
    arguments = ["LEARNING_RATE"]
    match optimizer:
        case SGD():
            if optimizer.momentum:
                arguments.append(f"momentum={optimizer.momentum!r}")
            if optimizer.nesterov:
                arguments.append("nesterov=True")
        case AdamW():
            arguments.append(f"weight_decay={optimizer.weight_decay!r}")
    names = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
    return f"keras.optimizers.{names[optimizer.kind]}({', '.join(arguments)})"


def _loss(loss: Loss) -> str:
    if loss.labels == "integer":
        return '"sparse_categorical_crossentropy"'
    if loss.label_smoothing == 0:
        return '"categorical_crossentropy"'
    smoothing = loss.label_smoothing
    return f"keras.losses.CategoricalCrossentropy(label_smoothing={smoothing!r})"


def _cross_entropy(experiment: Experiment) -> str:
    """A metric for the loss that cifarviz shows, where Keras' own has more in it."""
    more = _more_in_objective(experiment)
    if not more:
        return ""
    name = "Sparse" if experiment.loss.labels == "integer" else ""
    metric = f'keras.metrics.{name}CategoricalCrossentropy(name="cross_entropy")'
    return f"# The loss without {more}.\ncross_entropy = {metric}"


def _callbacks(experiment: Experiment) -> list[str]:
    measured = "accuracy" if experiment.monitor == "accuracy" else loss_name(experiment)
    monitor = f"val_{measured}" if has_validation(experiment) else measured
    watched = [f'monitor="{monitor}"', f'mode="{"max" if measured == "accuracy" else "min"}"']
    callbacks = []
    if not isinstance(experiment.schedule, Constant):
        callbacks.append("schedule")
    callbacks += [
        "keras.callbacks.TerminateOnNaN()",
        'keras.callbacks.CSVLogger("history.csv")',
        _indented(
            call(
                "keras.callbacks.ModelCheckpoint",
                ['"best.weights.h5"', *watched, "save_best_only=True", "save_weights_only=True"],
                indent=4,
            )
        ),
    ]
    stopping = experiment.early_stopping
    if stopping is not None:
        arguments = [*watched, f"patience={stopping.patience}"]
        if stopping.restore_best_weights:
            arguments.append("restore_best_weights=True")
        callbacks.append(_indented(call("keras.callbacks.EarlyStopping", arguments, indent=4)))
    if experiment.test_epochs:
        callbacks.append("KeepTestAnswers()")
    return callbacks


def _indented(text: str) -> str:
    """A call of several lines, for a place that indents its first one itself."""
    return text.lstrip(" ")


def _test_answers(epochs: tuple[int, ...]) -> str:
    if not epochs:
        return ""
    return (
        f"TEST_EPOCHS = {set(epochs)!r}\n\n\n"
        "class KeepTestAnswers(keras.callbacks.Callback):\n"
        '    """Keeps the probabilities of the test images, so that epochs can vote later."""\n\n'
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        if epoch + 1 in TEST_EPOCHS:\n"
        "            answers = self.model.predict(test_images, batch_size=500, verbose=0)\n"
        '            np.save(f"test-probabilities-epoch-{epoch + 1:04d}.npy", answers)'
    )


def batches_section(experiment: Experiment) -> Section:
    """A generator of training batches: a new order in each epoch, images changed at random."""
    changes = experiment.augmentation
    changed = changes.flip or changes.shift > 0
    given = "augmented(train_images[chosen], step)" if changed else "train_images[chosen]"
    code = blocks([_augmentation(changes), _generator(given, changed)], gap=2)
    imports = ["import math", "import numpy as np"]
    if changed:
        imports.append("import tensorflow as tf")
    text = (
        "Each epoch goes through all training images in an order of its own, which follows from "
        "the seed and the number of the epoch. (`fit` with a global seed and `shuffle=True` would "
        "repeat one and the same order in every epoch.)"
    )
    if changed:
        text += (
            " Each image is changed a little at random, so that the network never sees quite the "
            "same one twice."
        )
    return Section("Batches", text, code, tuple(imports))


def _generator(given: str, changed: bool) -> str:
    count = "            step += 1\n" if changed else ""
    start = "    step = 0\n" if changed else ""
    return (
        "STEPS_PER_EPOCH = math.ceil(len(train_images) / BATCH_SIZE)\n\n\n"
        "def training_batches():\n"
        '    """Give the batches of all epochs, one after the other."""\n'
        f"{start}"
        "    for epoch in range(1, EPOCHS + 1):\n"
        "        order = np.random.default_rng([SEED, epoch]).permutation(len(train_images))\n"
        "        for first in range(0, len(order), BATCH_SIZE):\n"
        "            chosen = order[first : first + BATCH_SIZE]\n"
        f"{count}"
        f"            yield {given}, train_labels[chosen]"
    )


def _augmentation(changes: Augmentation) -> str:
    if not changes.flip and not changes.shift:
        return ""
    what = []
    if changes.flip:
        what.append("mirror a random half of the images")
    if changes.shift:
        what.append(f"move {'each' if what else 'each image'} by up to {_pixels(changes.shift)}")
    words = ", and ".join(what)
    lines = [
        "def augmented(images, step):",
        f'    """{words[0].upper()}{words[1:]}."""',
        "    # Random numbers that follow from the seed and the number of the step, and from no",
        "    # state, so that another run of this program gives the same images.",
        "    seed = np.array([SEED, 2 * step], np.int32)",
    ]
    if changes.flip:
        lines += [
            "    mirrored = tf.random.stateless_uniform([len(images)], seed).numpy() < 0.5",
            "    images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)",
        ]
    if changes.shift:
        most = changes.shift
        lines += [
            "    down, right = tf.random.stateless_uniform(",
            f"        [2, len(images)], seed + 1, {-most}, {most + 1}, tf.int32",
            "    ).numpy()",
            "    rows = shifted_positions(images.shape[1], down)",
            "    columns = shifted_positions(images.shape[2], right)",
            "    which = np.arange(len(images))",
            "    images = images[which[:, None, None], rows[:, :, None], columns[:, None, :]]",
        ]
    lines.append("    return images")
    return blocks([_SHIFTED if changes.shift else "", "\n".join(lines)], gap=2)


def _pixels(number: int) -> str:
    return "1 pixel" if number == 1 else f"{number} pixels"


def learning_rate_section(schedule: Constant | StepSchedule | Cosine | OneCycle) -> Section | None:
    """The schedule as a callback named ``schedule``; ``None`` where the rate is constant."""
    match schedule:
        case Constant():
            return None
        case StepSchedule():
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
