"""Compiling, training and measuring in code."""

from cifarviz.experiment.experiment import Experiment, Loss
from cifarviz.experiment.optimizers import SGD, Adam, AdamW, RMSprop
from cifarviz.experiment.schedules import Constant
from cifarviz.export.code.data import has_validation
from cifarviz.export.code.section import Section, blocks, call


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
