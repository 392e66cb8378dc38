"""MNIST: 70,000 grey pictures of handwritten digits (LeCun, Cortes and Burges, 1998)."""

from cifarviz.datasets import idx
from cifarviz.datasets.info import DatasetInfo, FileFormat
from cifarviz.datasets.sources import Archive


def _archives(server: str) -> tuple[Archive, ...]:
    return (
        Archive(
            f"{server}/train-images-idx3-ubyte.gz",
            9_912_422,
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        ),
        Archive(
            f"{server}/train-labels-idx1-ubyte.gz",
            28_881,
            "d53e105ee54ea40749a09fcbcd1e9432",
        ),
        Archive(
            f"{server}/t10k-images-idx3-ubyte.gz",
            1_648_877,
            "9fb629c4189551a2d022fa330f9573f3",
        ),
        Archive(
            f"{server}/t10k-labels-idx1-ubyte.gz",
            4_542,
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    )


MNIST = DatasetInfo(
    name="mnist",
    title="MNIST",
    classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
    image_shape=(28, 28, 1),
    train_images=60_000,
    test_images=10_000,
    file_format=FileFormat(
        caps=idx.member_caps,
        collector=idx.IdxFiles,
        # The folder of PyTorch.
        folders=("MNIST/raw",),
    ),
    citation=(
        "Yann LeCun, Léon Bottou, Yoshua Bengio, Patrick Haffner: Gradient-Based Learning Applied "
        "to Document Recognition. Proceedings of the IEEE 86(11), 2278–2324, 1998."
    ),
    terms="The authors' page states no licence.",
    page="http://yann.lecun.com/exdb/mnist/",
    dark_background=True,
    keras_module="mnist",
    official=_archives("http://yann.lecun.com/exdb/mnist"),
    mirrors=(
        _archives("https://ossci-datasets.s3.amazonaws.com/mnist"),
        _archives("https://storage.googleapis.com/cvdf-datasets/mnist"),
    ),
)
