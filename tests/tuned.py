"""A result of a tune-up for tests: the best use is 1.5 times as fast as TensorFlow alone."""

from cifarviz.processor import TENSORFLOW_ALONE, ProcessorUse, Trial, Tuned

BEST = ProcessorUse(True, 1, 8, 8)
TUNED = Tuned(
    BEST,
    (
        Trial(TENSORFLOW_ALONE, {"cifar10-vgg": 100.0, "cifar10-starter": 1000.0}),
        Trial(BEST, {"cifar10-vgg": 150.0, "cifar10-starter": 1500.0}),
    ),
    "2026-11-29",
)
