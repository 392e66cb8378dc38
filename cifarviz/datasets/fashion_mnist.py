"""Fashion-MNIST: 70,000 grey pictures of ten kinds of clothes (Xiao and others, 2017)."""

from pathlib import Path

from cifarviz.datasets import idx
from cifarviz.datasets.info import DatasetInfo, FileFormat, Fingerprints
from cifarviz.datasets.sources import Archive, DebianPackage

_FILES = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

FASHION_MNIST = DatasetInfo(
    name="fashion-mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    translations={
        "ko": (
            "티셔츠",
            "바지",
            "스웨터",
            "드레스",
            "코트",
            "샌들",
            "셔츠",
            "스니커즈",
            "가방",
            "앵클 부츠",
        )
    },
    image_shape=(28, 28, 1),
    train_images=60_000,
    test_images=10_000,
    # The published files have no channel axis; the bytes are the same with one channel.
    fingerprints=Fingerprints(
        train_images="2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        train_labels="657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        test_images="c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        test_labels="3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
    file_format=FileFormat(
        caps=idx.member_caps,
        collector=idx.IdxFiles,
        # The folders of PyTorch, the authors' repository and an unpacked Debian package.
        folders=("FashionMNIST/raw", "data/fashion", "usr/share/datasets/fashion-mnist"),
        archives=("dataset-fashion-mnist_*.deb",),
    ),
    citation=(
        "Han Xiao, Kashif Rasul, Roland Vollgraf: Fashion-MNIST: a Novel Image Dataset for "
        "Benchmarking Machine Learning Algorithms. arXiv:1708.07747, 2017."
    ),
    terms="The MIT License (MIT), Copyright © 2017 Zalando SE.",
    page="https://github.com/zalandoresearch/fashion-mnist",
    has_sample=True,
    one_of_each=(19, 64, 169, 353, 347, 484, 726, 611, 469, 348),
    dark_background=True,
    keras_module="fashion_mnist",
    official=(
        Archive(
            f"{_FILES}/train-images-idx3-ubyte.gz",
            26_421_880,
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        ),
        Archive(
            f"{_FILES}/train-labels-idx1-ubyte.gz",
            29_515,
            "25c81989df183df01b3e8a0aad5dffbe",
        ),
        Archive(
            f"{_FILES}/t10k-images-idx3-ubyte.gz",
            4_422_102,
            "bef4ecab320f06d8554ea6380940ec79",
        ),
        Archive(
            f"{_FILES}/t10k-labels-idx1-ubyte.gz",
            5_148,
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    debian=DebianPackage(
        "dataset-fashion-mnist", 30_900_652, Path("/usr/share/datasets/fashion-mnist")
    ),
)
