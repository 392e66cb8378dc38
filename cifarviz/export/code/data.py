"""The data section of an exported program: loading, validation split, limits, labels."""

from cifarviz.data.library import image_counts
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
from cifarviz.escaping import python_literal
from cifarviz.experiment.experiment import Experiment, NoValidation, SplitValidation
from cifarviz.export.code.section import Section, blocks, comment


def data_section(experiment: Experiment, folder: str) -> Section:
    """Return the section that loads, splits and limits the images.

    ``folder``: a Python expression for the folder of the data.
    """
    info = find_dataset(experiment.data.dataset)
    sample = experiment.data.variant == "sample"
    split = experiment.validation
    imports = ["import keras", "import numpy as np"]
    if info.own:
        imports.append("import hashlib")
    if isinstance(split, SplitValidation):
        imports.append("from sklearn.model_selection import train_test_split")
    train, _ = set_sizes(experiment)
    code = blocks(
        [
            _load_sample(info, folder) if sample else _load_full(info, folder),
            _class_names(info),
            _indices(experiment),
            _split(split, indexed=_has_wrong_labels(experiment)),
            _limit(experiment),
            _wrong_labels(experiment, len(info.classes)),
            _class_balance(experiment),
            _one_hot(experiment, len(info.classes)),
            'print(f"{len(train_images):,} training images of {train_images.shape[1:]}")',
        ]
    )
    if sample:
        where = (
            f"The sample of {train:,} training images is in `{sample_file_name(info)}`, which was "
            "exported with this file. Keep both in the same folder."
        )
    elif info.own:
        archive = archive_file_name(info)
        where = (
            "The images were imported into cifarviz, so there is no place to download them from. "
            f"Write them to an archive with `cifarviz data export {info.name} --output {archive}` "
            "and put it into the folder of this file. Other images are refused."
        )
    elif info.keras_module is not None:
        where = f"On first use Keras downloads {info.title} to `~/.keras/datasets`."
    else:
        where = (
            f"Copy the folder `{info.name}` with the arrays of {info.title} from cifarviz into the "
            "folder of this file (`cifarviz data status` prints its path)."
        )
    return Section("Data", where, code, tuple(imports))


def sample_file_name(info: DatasetInfo) -> str:
    """Return the file name of a data set's sample beside a script or notebook."""
    return f"{info.name}-sample.npz"


def archive_file_name(info: DatasetInfo) -> str:
    """Return the file name of an imported data set's archive beside a script or notebook."""
    return f"{info.name}.npz"


def set_sizes(experiment: Experiment) -> tuple[int, int]:
    """Return the numbers of training and test images before any split."""
    info = find_dataset(experiment.data.dataset)
    return image_counts(info, experiment.data.variant)


def has_validation(experiment: Experiment) -> bool:
    """Return whether the experiment validates at all."""
    return not isinstance(experiment.validation, NoValidation)


def has_one_hot_labels(experiment: Experiment) -> bool:
    """Return whether the program's labels are one-hot, as mixed labels must be."""
    return experiment.loss.labels == "one_hot" or experiment.augmentation.mixes_labels


def _load_sample(info: DatasetInfo, folder: str) -> str:
    return (
        f"FOLDER = {folder}\n"
        f'with np.load(FOLDER / "{sample_file_name(info)}") as data:\n'
        '    train_images, train_labels = data["train_images"], data["train_labels"]\n'
        '    test_images, test_labels = data["test_images"], data["test_labels"]'
    )


def _load_archive(info: DatasetInfo, folder: str) -> str:
    """The archive that ``cifarviz data export`` writes, compared with the fingerprints."""
    assert info.fingerprints is not None
    dtype = f"np.{info.label_dtype}"
    arrays = [
        ("train_images", "x_train", "np.uint8"),
        ("train_labels", "y_train", dtype),
        ("test_images", "x_test", "np.uint8"),
        ("test_labels", "y_test", dtype),
    ]
    load = [f'    {name} = data["{key}"].astype({dtype})' for name, key, dtype in arrays]
    marks = [
        f'    ({name}, "{getattr(info.fingerprints, name)}"),' for name, _key, _dtype in arrays
    ]
    return "\n".join(
        [
            f"ARCHIVE = {folder} / {python_literal(archive_file_name(info))}",
            "with np.load(ARCHIVE) as data:",
            *load,
            "# SHA-256 of the images and labels that the run trained on.",
            "for array, fingerprint in (",
            *marks,
            "):",
            "    if hashlib.sha256(array.tobytes()).hexdigest() != fingerprint:",
            '        raise ValueError(f"{ARCHIVE} does not hold the images of this run.")',
        ]
    )


def _load_full(info: DatasetInfo, folder: str) -> str:
    if info.own:
        return _load_archive(info, folder)
    module = info.keras_module
    if module is None:
        return (
            f"FOLDER = {folder}\n"
            f"DATA = FOLDER / {python_literal(info.name)}\n"
            "train_images, train_labels = (\n"
            '    np.load(DATA / "train_images.npy"), np.load(DATA / "train_labels.npy")\n'
            ")\n"
            'test_images, test_labels = np.load(DATA / "test_images.npy"), '
            'np.load(DATA / "test_labels.npy")'
        )
    load = f"(train_images, train_labels), (test_images, test_labels) = {module}.load_data()"
    shape = (
        "# Convolutions need a channel axis.\n"
        "train_images, test_images = train_images[..., None], test_images[..., None]"
        if info.image_shape[2] == 1
        else "# Labels of shape (n,) instead of (n, 1).\n"
        "train_labels, test_labels = train_labels.ravel(), test_labels.ravel()"
    )
    return f"{module} = keras.datasets.{module}\n{load}\n{shape}"


def _class_names(info: DatasetInfo) -> str:
    names = [python_literal(name) for name in info.classes]
    line = f"CLASS_NAMES = [{', '.join(names)}]"
    if len(line) > 96:
        inner = "".join(f"    {name},\n" for name in names)
        line = f"CLASS_NAMES = [\n{inner}]"
    return line


def _has_wrong_labels(experiment: Experiment) -> bool:
    return experiment.data.wrong_labels > 0


def _indices(experiment: Experiment) -> str:
    """The images' indices in the published data set, by which labels are made wrong."""
    if not _has_wrong_labels(experiment):
        return ""
    if experiment.data.variant == "full":
        return "train_indices = np.arange(len(train_images))"
    file_name = sample_file_name(find_dataset(experiment.data.dataset))
    return (
        "# Each image's index in the published data set.\n"
        f'train_indices = np.load(FOLDER / "{file_name}")'
        '["train_indices"]'
    )


def _split(validation: object, *, indexed: bool) -> str:
    if isinstance(validation, SplitValidation):
        share = f"{validation.fraction:.4g} of the training images"
        return "\n".join(
            [
                comment(f"Hold out {share} for validation; the network never trains on them."),
                "training, validation = train_test_split(",
                f"    np.arange(len(train_images)), test_size={validation.fraction!r}, "
                f"random_state={validation.seed}",
                ")",
                "validation_images, validation_labels = train_images[validation], "
                "train_labels[validation]",
                "train_images, train_labels = train_images[training], train_labels[training]",
                *(["train_indices = train_indices[training]"] if indexed else []),
            ]
        )
    if isinstance(validation, NoValidation):
        return comment("This run had no validation images.")
    why = (
        "The test images are also the validation images. Choosing epochs by them makes results "
        "on them too optimistic."
    )
    return f"{comment(why)}\nvalidation_images, validation_labels = test_images, test_labels"


def _limit(experiment: Experiment) -> str:
    count = experiment.data.train_images
    unlimited = experiment.model_copy(
        update={"data": experiment.data.model_copy(update={"train_images": None})}
    )
    if count is None or count >= unlimited.sizes(*set_sizes(experiment)).train:
        return ""
    return "\n".join(
        [
            comment(f"Train on only {count:,} of them, drawn with the seed."),
            "chosen = np.random.default_rng([SEED, 2**32 - 1]).permutation(len(train_images))",
            f"chosen = chosen[:{count}]",
            "train_images, train_labels = train_images[chosen], train_labels[chosen]",
            *(["train_indices = train_indices[chosen]"] if _has_wrong_labels(experiment) else []),
        ]
    )


def _wrong_labels(experiment: Experiment, classes: int) -> str:
    """The same calculation as in data/wrong_labels.py."""
    if not _has_wrong_labels(experiment):
        return ""
    data = experiment.data
    return "\n".join(
        [
            comment(
                f"Replace {data.wrong_labels:.4g} of the labels by wrong ones, to observe the "
                "network memorise them. A seed and the image's index in the published data set "
                "decide which labels are replaced and by which class."
            ),
            f"WRONG_SEED = {data.wrong_labels_seed}",
            "draws = np.random.default_rng([WRONG_SEED, 2**32 - 2]).random("
            "int(train_indices.max()) + 1)",
            "order = np.lexsort((train_indices, draws[train_indices]))",
            f"wrong = order[: round({data.wrong_labels!r} * len(train_indices))]",
            "draws = np.random.default_rng([WRONG_SEED, 2**32 - 3]).random("
            "int(train_indices.max()) + 1)",
            f"steps = 1 + (draws[train_indices[wrong]] * {classes - 1}).astype(int)",
            f"train_labels[wrong] = (train_labels[wrong] + steps) % {classes}",
        ]
    )


def _class_balance(experiment: Experiment) -> str:
    """The weight of each image, or the images of each class, as in training/class_balance.py."""
    match experiment.data.class_balance:
        case "none":
            return ""
        case "class_weights":
            why = "Each image's weight in the loss: all classes weigh the same in total."
            return "\n".join(
                [
                    comment(why),
                    "counts = np.bincount(train_labels)",
                    "shares = np.count_nonzero(counts) * counts[train_labels]",
                    'image_weights = (len(train_labels) / shares).astype("float32")',
                ]
            )
        case "resampling":
            return (
                "# The images of each class.\n"
                "members = [np.flatnonzero(train_labels == k) for k in np.unique(train_labels)]"
            )


def _one_hot(experiment: Experiment, classes: int) -> str:
    if not has_one_hot_labels(experiment):
        return ""
    return "\n".join(
        [
            "# One-hot labels.",
            f"train_labels = keras.utils.to_categorical(train_labels, {classes})",
            *(
                [f"validation_labels = keras.utils.to_categorical(validation_labels, {classes})"]
                if has_validation(experiment)
                else []
            ),
            f"test_labels = keras.utils.to_categorical(test_labels, {classes})",
        ]
    )
