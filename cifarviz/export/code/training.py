"""The training sections of an exported program: batches, learning rate, epochs."""

from textwrap import dedent

from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import Optimizer
from cifarviz.experiment.schedules import (
    AnySchedule,
    Constant,
    Cosine,
    Milestones,
    OneCycle,
    StepSchedule,
)
from cifarviz.export.code.augmentation import augmentation_code, batch_code
from cifarviz.export.code.data import has_one_hot_labels, has_validation
from cifarviz.export.code.section import Section, blocks, call

_RATE_CALLBACK = dedent(
    '''\
    class LearningRatePerStep(keras.callbacks.Callback):
        """Sets the learning rate before each training step."""

        def on_train_begin(self, logs=None):
            self.step = 0

        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = LEARNING_RATE * rate_fraction(self.step)
            self.step += 1
    '''
)
_BALANCED_ORDER = dedent(
    '''\
    def balanced_order(rng):
        """Return as many images as there are, resampled with each class equally often."""
        each, left = divmod(len(train_images), len(members))
        more = rng.permutation(len(members)) < left
        drawn = [
            np.resize(rng.permutation(positions), each + extra)
            for positions, extra in zip(members, more)
        ]
        return rng.permutation(np.concatenate(drawn))
    '''
)
# The same as training.muon; a test compares the two.
_MUON = dedent(
    '''\
    class KernelMuon(keras.optimizers.Muon):
        """Keras' Muon, for the kernels of convolutions too; Adam for everything else.

        A kernel (height, width, channels, filters) is a matrix (height * width * channels,
        filters). The output layer is trained by Adam, and so are depthwise kernels.
        """

        def build(self, variables):
            kernels = {
                variable.path: len(variable.shape)
                for variable in variables
                if variable.path.endswith("kernel") and "depthwise" not in variable.path
            }
            outputs = [path for path, axes in kernels.items() if axes == 2][-1:]
            self.matrices = kernels.keys() - set(outputs)
            super().build(variables)

        def _should_use_adamw(self, variable):
            return variable.path not in self.matrices

        def zeropower_via_newtonschulz5(self, x, steps):
            matrix = keras.ops.reshape(x, (-1, x.shape[-1]))
            return keras.ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)
    '''
)
_OPTIMIZER_CLASSES = {"KernelMuon": _MUON}
_NUMPY = ("import numpy as np",)


def training_section(experiment: Experiment) -> Section:
    """Return the section that compiles and fits the model with the run's callbacks."""
    metrics = '"accuracy", cross_entropy' if _extra_loss_terms(experiment) else '"accuracy"'
    compiling = call(
        "model.compile",
        [
            _optimizer(experiment.optimizer),
            f"loss={_loss(experiment)}",
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
    callbacks = "".join(f"    {callback},\n" for callback in _callbacks(experiment))
    code = blocks(
        [
            _test_predictions(experiment.test_epochs),
            _OPTIMIZER_CLASSES.get(experiment.optimizer.keras_class, ""),
            blocks(
                [
                    _cross_entropy(experiment),
                    "# No XLA: on a CPU it makes such networks slower.\n" + compiling,
                    f"callbacks = [\n{callbacks}]",
                    fitting,
                ]
            ),
        ],
        gap=2,
    )
    return Section("Training", _text(experiment), code, ("import keras",))


def evaluation_section(experiment: Experiment) -> Section:
    """Return the section that evaluates the network and saves its weights."""
    save = (
        "# best.weights.h5 has the weights of the best epoch; this run saved no others."
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
            save,
        ]
    )
    text = "Evaluate the network on the test images."
    stopping = experiment.early_stopping
    if stopping is not None and stopping.restore_best_weights:
        text += " Early stopping has restored the weights of the best epoch."
    return Section("Evaluation", text, code)


def loss_name(experiment: Experiment) -> str:
    """Return the column of Keras' history with the plain cross-entropy, cifarviz' loss."""
    return "cross_entropy" if _extra_loss_terms(experiment) else "loss"


def _extra_loss_terms(experiment: Experiment) -> str:
    """Return the terms of Keras' loss beside the cross-entropy as text; empty if none."""
    parts = {
        "label smoothing": experiment.loss.label_smoothing,
        "class weights": experiment.data.class_balance == "class_weights",
        "the L2 penalty": experiment.l2,
    }
    *others, last = [name for name, value in parts.items() if value] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def _text(experiment: Experiment) -> str:
    text = "`history.csv` has the loss and accuracy of each epoch, counted from 0."
    if more := _extra_loss_terms(experiment):
        text += (
            f" Keras' loss includes {more}; `cross_entropy` does not, and is the loss that "
            "cifarviz shows."
        )
    return text


def _optimizer(optimizer: Optimizer) -> str:
    arguments = [f"{name}={value!r}" for name, value in optimizer.keras_arguments().items()]
    name = optimizer.keras_class
    if name not in _OPTIMIZER_CLASSES:
        name = f"keras.optimizers.{name}"
    return call(f"optimizer={name}", ["LEARNING_RATE", *arguments], indent=4).lstrip()


def _loss(experiment: Experiment) -> str:
    if not has_one_hot_labels(experiment):
        return '"sparse_categorical_crossentropy"'
    smoothing = experiment.loss.label_smoothing
    if smoothing == 0:
        return '"categorical_crossentropy"'
    return f"keras.losses.CategoricalCrossentropy(label_smoothing={smoothing!r})"


def _cross_entropy(experiment: Experiment) -> str:
    """A metric for the plain cross-entropy, where Keras' loss includes more."""
    more = _extra_loss_terms(experiment)
    if not more:
        return ""
    name = "" if has_one_hot_labels(experiment) else "Sparse"
    metric = f'keras.metrics.{name}CategoricalCrossentropy(name="cross_entropy")'
    return f"# The loss without {more}.\ncross_entropy = {metric}"


def _callbacks(experiment: Experiment) -> list[str]:
    metric = "accuracy" if experiment.monitor == "accuracy" else loss_name(experiment)
    monitor = f"val_{metric}" if has_validation(experiment) else metric
    monitoring = [f'monitor="{monitor}"', f'mode="{"max" if metric == "accuracy" else "min"}"']
    callbacks = []
    if not isinstance(experiment.schedule, Constant):
        callbacks.append("schedule")
    callbacks += [
        "keras.callbacks.TerminateOnNaN()",
        'keras.callbacks.CSVLogger("history.csv")',
        call(
            "keras.callbacks.ModelCheckpoint",
            ['"best.weights.h5"', *monitoring, "save_best_only=True", "save_weights_only=True"],
            indent=4,
        ).lstrip(),
    ]
    stopping = experiment.early_stopping
    if stopping is not None:
        arguments = [*monitoring, f"patience={stopping.patience}"]
        if stopping.restore_best_weights:
            arguments.append("restore_best_weights=True")
        callbacks.append(call("keras.callbacks.EarlyStopping", arguments, indent=4).lstrip())
    if experiment.test_epochs:
        callbacks.append("SaveTestPredictions()")
    return callbacks


def _test_predictions(epochs: tuple[int, ...]) -> str:
    if not epochs:
        return ""
    return (
        f"TEST_EPOCHS = {set(epochs)!r}\n\n\n"
        "class SaveTestPredictions(keras.callbacks.Callback):\n"
        '    """Saves the probabilities of the test images after some epochs, for ensembles."""\n\n'
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        if epoch + 1 in TEST_EPOCHS:\n"
        "            predictions = self.model.predict(test_images, batch_size=500, verbose=0)\n"
        '            np.save(f"test-probabilities-epoch-{epoch + 1:04d}.npy", predictions)'
    )


def batches_section(experiment: Experiment) -> Section:
    """Return the section with the generator of training batches: shuffled and augmented."""
    augmentation = experiment.augmentation
    balance = experiment.data.class_balance
    resampling = _BALANCED_ORDER if balance == "resampling" else ""
    code = blocks([augmentation_code(augmentation), resampling, _generator(experiment)], gap=2)
    imports = ["import math", "import numpy as np"]
    if augmentation.is_on:
        imports.append("import tensorflow as tf")
    which = "as many images of each class" if resampling else "all training images"
    text = (
        f"Each epoch goes through {which} in a new order, determined by the seed and the epoch. "
        "(`fit` with a global seed and `shuffle=True` would repeat the same order in every epoch.)"
    )
    if balance == "class_weights":
        text += " Each image comes with its weight in the loss."
    if augmentation.is_on:
        text += " Images are augmented at random."
    if augmentation.mixes_labels:
        text += (
            " Each is mixed with another, and so is its label: accuracy counts the class with the "
            "largest share."
        )
    return Section("Batches", text, code, tuple(imports))


def _generator(experiment: Experiment) -> str:
    augmented = experiment.augmentation.is_on
    balance = experiment.data.class_balance
    weights = ", image_weights[chosen]" if balance == "class_weights" else ""
    order = (
        "balanced_order(np.random.default_rng([SEED, epoch]))"
        if balance == "resampling"
        else "np.random.default_rng([SEED, epoch]).permutation(len(train_images))"
    )
    count = "            step += 1\n" if augmented else ""
    start = "    step = 0\n" if augmented else ""
    return (
        "STEPS_PER_EPOCH = math.ceil(len(train_images) / BATCH_SIZE)\n\n\n"
        "def training_batches():\n"
        '    """Yield the batches of all epochs."""\n'
        f"{start}"
        "    for epoch in range(1, EPOCHS + 1):\n"
        f"        order = {order}\n"
        "        for first in range(0, len(order), BATCH_SIZE):\n"
        "            chosen = order[first : first + BATCH_SIZE]\n"
        f"{count}"
        f"            yield {batch_code(experiment.augmentation)}{weights}"
    )


def learning_rate_section(schedule: AnySchedule) -> Section | None:
    """Return the section that defines the callback ``schedule``; ``None`` for a constant rate."""
    match schedule:
        case Constant():
            return None
        case StepSchedule():
            return Section(
                "Learning rate",
                f"The learning rate is multiplied by {schedule.factor!r} after every epoch."
                if schedule.every_epochs == 1
                else f"The learning rate is multiplied by {schedule.factor!r} after every "
                f"{schedule.every_epochs} epochs.",
                "def rate_of_epoch(epoch, _):\n"
                '    """Return the learning rate of an epoch, counted from 0."""\n'
                f"    return LEARNING_RATE * {schedule.factor!r} ** "
                f"(epoch // {schedule.every_epochs})\n\n\n"
                "schedule = keras.callbacks.LearningRateScheduler(rate_of_epoch)",
            )
        case Milestones():
            return Section(
                "Learning rate",
                f"The learning rate is multiplied by {schedule.factor!r} after each milestone.",
                f"MILESTONES = {list(schedule.epochs)!r}\n\n\n"
                "def rate_of_epoch(epoch, _):\n"
                '    """Return the learning rate of an epoch, counted from 0."""\n'
                "    passed = sum(milestone <= epoch for milestone in MILESTONES)\n"
                f"    return LEARNING_RATE * {schedule.factor!r} ** passed\n\n\n"
                "schedule = keras.callbacks.LearningRateScheduler(rate_of_epoch)",
            )
        case Cosine():
            return Section(
                "Learning rate", _cosine_text(schedule), _per_step(_cosine(schedule)), _NUMPY
            )
        case OneCycle():
            text = (
                "The learning rate rises linearly over the first part of the run, then falls "
                "linearly to the last step."
                if schedule.warmup_fraction
                else "The learning rate falls linearly from the first step to the last."
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
        text += (
            " It first rises over 1 epoch."
            if schedule.warmup_epochs == 1
            else f" It first rises over {schedule.warmup_epochs} epochs."
        )
    return text


def _cosine(schedule: Cosine) -> str:
    lines = [
        "def rate_fraction(step):",
        '    """Return the fraction of the learning rate at a step, counted from 0."""',
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
    # The order of the corners also covers a peak on the first or the last step.
    return "\n".join(
        [
            f"PEAK_STEP = round({schedule.warmup_fraction!r} * LAST_STEP)",
            "# Fractions of the learning rate at some steps; linear in between.",
            "CORNERS = {",
            *([f"    0: {schedule.start_fraction!r},"] if schedule.warmup_fraction else []),
            f"    LAST_STEP: {schedule.final_fraction!r},",
            "    PEAK_STEP: 1.0,",
            "}",
            "",
            "",
            "def rate_fraction(step):",
            '    """Return the fraction of the learning rate at a step, counted from 0."""',
            "    steps = sorted(CORNERS)",
            "    return np.interp(step, steps, [CORNERS[corner] for corner in steps])",
        ]
    )
