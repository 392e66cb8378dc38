"""A folder for each class, possibly in folders for training and test images."""

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from cifarviz.data.image_set import Split
from cifarviz.data.importing.files import Files, folders_of
from cifarviz.data.importing.pictures import LabeledPicture, PictureFormat, Skip

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif"})
_TRAIN = frozenset({"train", "training"})
_TEST = frozenset({"test", "testing"})
_VALIDATION = frozenset({"val", "valid", "validation"})


def is_picture(name: str) -> bool:
    """Whether the name is that of a picture."""
    return PurePosixPath(name).suffix.lower() in ENDINGS


def _recognizes(files: Files) -> bool:
    return any(is_picture(name) for name in files.names)


def _pictures(files: Files, skip: Skip) -> Iterator[LabeledPicture]:
    names = [name for name in files.names if is_picture(name)]
    for name in files.names:
        if not is_picture(name):
            skip(name, "it is no PNG, JPEG, WebP, BMP or GIF")
    above = len(_folders_above(names))
    tops = {PurePosixPath(name).parts[above].lower() for name in names}
    splits = _splits(tops)
    for name in names:
        folders = PurePosixPath(name).parts[above:-1]
        split = splits.get(folders[0].lower()) if folders else None
        label = folders[1:] if split is not None else folders
        if not label:
            skip(name, "it is not in the folder of a class")
            continue
        yield LabeledPicture(name, label[0], split, partial(files.read, name))


def _folders_above(names: list[str]) -> tuple[str, ...]:
    """The folders around everything: not that of a class, nor one for training or test."""
    common = folders_of(names)
    is_split = [folder.lower() in _TRAIN | _TEST | _VALIDATION for folder in common]
    if True in is_split:
        return common[: is_split.index(True)]
    # All pictures in one folder: it is the only class.
    only = {len(PurePosixPath(name).parts) - 1 for name in names} == {len(common)}
    return common[:-1] if only else common


def _splits(tops: set[str]) -> dict[str, Split]:
    """What the outermost folders hold: validation images are test images if there are no others.

    Beside test images they are training images, since validation images are chosen from those.
    """
    if not tops & (_TRAIN | _TEST | _VALIDATION) or not tops <= _TRAIN | _TEST | _VALIDATION:
        return {}
    splits: dict[str, Split] = dict.fromkeys(_TRAIN, "train")
    splits |= dict.fromkeys(_TEST, "test")
    return splits | dict.fromkeys(_VALIDATION, "train" if tops & _TEST else "test")


CLASS_FOLDERS = PictureFormat("a folder for each class", _recognizes, _pictures)
