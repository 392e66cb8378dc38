"""The data of a run in code: where they come from, what is held back, how many are taken."""

from cifarviz.data.library import image_counts
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find
from cifarviz.escaping import python_literal
from cifarviz.experiment.experiment import Experiment, NoValidation, SplitValidation
from cifarviz.export.code.section import Section, blocks, comment


def data_section(experiment: Experiment, folder: str) -> Section:
    """Load, split and limit the images; ``folder`` is the Python that gives the data's folder."""
    info = find(experiment.data.dataset)
    sample = experiment.data.variant == "sample"
    split = experiment.validation
    imports = ["import keras", "import numpy as np"]
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
            _one_hot(experiment, len(info.classes)),
            'print(f"{len(train_images):,} training images of {train_images.shape[1:]}")',
        ]
    )
    if sample:
        where = (
            f"The sample of {train:,} training images is in `{sample_file_name(info)}`, which came "
            "with this file and has to lie in the same folder."
        )
    elif info.keras_module is not None:
        where = f"Keras downloads {info.title} the first time and keeps it in `~/.keras/datasets`."
    else:
        where = (
            f"The four arrays of {info.title} are in the folder `{info.name}` that cifarviz keeps "
            "them in (`cifarviz data status` says where). Copy it into the folder of this file."
        )
    return Section("Data", where, code, tuple(imports))


def sample_file_name(info: DatasetInfo) -> str:
    """The file that holds a data set's sample beside a script or a notebook."""
    return f"{info.name}-sample.npz"


def set_sizes(experiment: Experiment) -> tuple[int, int]:
    """How many training and test images the data of an experiment have before any split."""
    info = find(experiment.data.dataset)
    return image_counts(info, experiment.data.variant)


def has_validation(experiment: Experiment) -> bool:
    """Whether any images tell how well the network does on new ones."""
    return not isinstance(experiment.validation, NoValidation)


def _load_sample(info: DatasetInfo, folder: str) -> str:
    return (
        f"FOLDER = {folder}\n"
        f'with np.load(FOLDER / "{sample_file_name(info)}") as data:\n'
        '    train_images, train_labels = data["train_images"], data["train_labels"]\n'
        '    test_images, test_labels = data["test_images"], data["test_labels"]'
    )


def _load_full(info: DatasetInfo, folder: str) -> str:
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
        "# One channel, as convolutions want it.\n"
        "train_images, test_images = train_images[..., None], test_images[..., None]"
        if info.image_shape[2] == 1
        else "# Labels as one row of numbers instead of one column.\n"
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
    """Where each image stands in the published data set, for which labels are made wrong."""
    if not _has_wrong_labels(experiment):
        return ""
    if experiment.data.variant == "full":
        return "train_indices = np.arange(len(train_images))"
    return (
        "# Where each image stands in the published data set.\n"
        f'train_indices = np.load(FOLDER / "{sample_file_name(find(experiment.data.dataset))}")'
        '["train_indices"]'
    )


def _split(validation: object, *, indexed: bool) -> str:
    if isinstance(validation, SplitValidation):
        why = f"{validation.fraction:.4g} of the training images are held back for validation: "
        return "\n".join(
            [
                comment(why + "the network never learns from them."),
                "learned_from, held_back = train_test_split(",
                f"    np.arange(len(train_images)), test_size={validation.fraction!r}, "
                f"random_state={validation.seed}",
                ")",
                "validation_images, validation_labels = train_images[held_back], "
                "train_labels[held_back]",
                "train_images, train_labels = train_images[learned_from], "
                "train_labels[learned_from]",
                *(["train_indices = train_indices[learned_from]"] if indexed else []),
            ]
        )
    if isinstance(validation, NoValidation):
        return comment("Nothing is held back: this run looked at no image it did not learn from.")
    why = "The test images are watched during training. Choosing by them flatters the result."
    return f"{comment(why)}\nvalidation_images, validation_labels = test_images, test_labels"


def _limit(experiment: Experiment) -> str:
    wanted = experiment.data.train_images
    unlimited = experiment.model_copy(
        update={"data": experiment.data.model_copy(update={"train_images": None})}
    )
    if wanted is None or wanted >= unlimited.sizes(*set_sizes(experiment)).train:
        return ""
    return "\n".join(
        [
            comment(f"Only {wanted:,} of them are learned from, drawn by the seed."),
            "chosen = np.random.default_rng([SEED, 2**32 - 1]).permutation(len(train_images))",
            f"chosen = chosen[:{wanted}]",
            "train_images, train_labels = train_images[chosen], train_labels[chosen]",
            *(["train_indices = train_indices[chosen]"] if _has_wrong_labels(experiment) else []),
        ]
    )


def _wrong_labels(experiment: Experiment, classes: int) -> str:
    """As data/wrong_labels.py does it."""
    if not _has_wrong_labels(experiment):
        return ""
    data = experiment.data
    return "\n".join(
        [
            comment(
                f"{data.wrong_labels:.4g} of the labels are made wrong on purpose, to see the "
                "network learn them by heart. Which, and what class each gets instead, follows "
                "from a seed and the image's place in the published data set."
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


def _one_hot(experiment: Experiment, classes: int) -> str:
    if experiment.loss.labels == "integer":
        return ""
    return "\n".join(
        [
            "# Each label as a row of zeros with a single 1.",
            f"train_labels = keras.utils.to_categorical(train_labels, {classes})",
            *(
                [f"validation_labels = keras.utils.to_categorical(validation_labels, {classes})"]
                if has_validation(experiment)
                else []
            ),
            f"test_labels = keras.utils.to_categorical(test_labels, {classes})",
        ]
    )
