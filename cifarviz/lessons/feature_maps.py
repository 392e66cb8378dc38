"""Feature maps: what the layers of a trained network respond to."""

from cifarviz.lessons.lesson import Facts, Lesson, Question, Recordings, Step


def _facts(recordings: Recordings) -> Facts:
    run = recordings["run"].runs[0]
    # Layers with kernels over the picture: height, width, channels in, channels out.
    convolutions = [
        (name, layer.output_shape(shape), variable.shape[:2])
        for name, layer, shape in run.experiment.architecture.walk()
        for variable in layer.variables(shape)
        if len(variable.shape) == 4
    ]
    (first, (side, *_), (height, width)), *_, (last, (last_side, _, channels), _) = convolutions
    return {
        "run": run.id,
        "first": first,
        "kernel": f"{height} × {width}",
        "last": last,
        "channels": channels,
        "side": side,
        "last_side": last_side,
    }


FEATURE_MAPS = Lesson(
    name="feature-maps",
    title="What does the first layer see?",
    promise="Follow a picture through a trained network: edges and colours first, parts of things "
    "later.",
    icon="layers",
    recordings=("run",),
    facts=_facts,
    claims={
        "the network has several convolutions": lambda found: (
            _facts(found)["first"] != _facts(found)["last"]
        ),
        "its maps become smaller": lambda found: (
            _facts(found)["last_side"] < _facts(found)["side"] / 2
        ),
        "the network was trained": lambda found: found["run"].results[0].val_accuracy > 0.6,
    },
    steps=(
        Step(
            "First layer",
            "Each tile is a channel of the layer `{first}` for a picture of the test set: bright "
            "where its {kernel} pattern is found. Some channels find edges of one direction, "
            "others a colour.",
            "inside",
            {"run": "{run}", "checkpoint": "last", "image": "1", "layer": "{first}"},
        ),
        Step(
            "Before training",
            "The same layer after epoch 0, before the first step. Move the slider to the right "
            "and watch patterns form: the weights begin at random and the loss shapes them.",
            "inside",
            {
                "run": "{run}",
                "checkpoint": "epochs",
                "epoch": "0",
                "image": "1",
                "layer": "{first}",
            },
        ),
        Step(
            "Last convolution",
            "The last convolution, `{last}`, has {channels} channels that see most of the "
            "picture at once. Each responds strongly in a few places only: they stand for parts of "
            "things, and the dense layers decide by them.",
            "inside",
            {"run": "{run}", "checkpoint": "last", "image": "1", "layer": "{last}"},
        ),
        Step(
            "Explain",
            "Two questions. Choose other pictures and layers to check your answers.",
            "inside",
            {"run": "{run}", "checkpoint": "last", "image": "1", "layer": "{first}"},
            (
                Question(
                    "Why do maps of the last convolution look so coarse?",
                    (
                        "Pooling has left {last_side} × {last_side} of {side} × {side} positions.",
                        "The network is not trained well.",
                        "The picture has too few colours.",
                    ),
                    0,
                    "Each pooling layer keeps the strongest response of four neighbours. Where "
                    "exactly something is matters less and less; that it is there matters more.",
                ),
                Question(
                    "A channel has one colour everywhere for a picture. What does that mean?",
                    (
                        "The channel is broken.",
                        "Its pattern is not in this picture.",
                        "The picture is too dark.",
                    ),
                    1,
                    "After a convolution its activation, ReLU, sets negative responses to zero. "
                    "Inside strikes out the channels that are dead in this picture, and counts "
                    "those that are dead for all images.",
                ),
            ),
        ),
    ),
)
