"""Data sets that people have imported: each is described by a file beside its arrays.

A description is trusted as little as any other file: what it says is checked before a
``DatasetInfo`` is made of it.
"""

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from cifarviz.datasets.info import DatasetInfo, Fingerprints

DESCRIPTION = "dataset.json"
_REPLACED = ".replaced"
_FORMAT = 1
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
NAME_RULE = "1 to 40 small letters, digits and hyphens, such as “my-pictures”"
_LONGEST = 200

# The folders of the homes that this process uses, in the order of their first use.
_folders: list[Path] = []


def use_folder(folder: Path) -> None:
    """From now on, find the data sets that were imported into this folder."""
    if folder not in _folders:
        _finish_replacements(folder)
        _folders.append(folder)


def replaced_folder(folder: Path) -> Path:
    """Return where the folder of a data set is put while another takes its place."""
    return folder.with_name(f".{folder.name}{_REPLACED}")


def _finish_replacements(folder: Path) -> None:
    """Finish what a killed process had begun: put a replaced folder back, or remove it."""
    for replaced in folder.glob(f".*{_REPLACED}"):
        with suppress(OSError):
            name = replaced.name[1 : -len(_REPLACED)]
            if (folder / name).exists():
                shutil.rmtree(replaced)
            else:
                replaced.rename(folder / name)


def is_valid_name(name: object) -> bool:
    """Whether an imported data set may have this name, which is also that of its folder."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def plain_name(title: str) -> str:
    """Return the name that a title stands for: ``my-pictures`` for “My pictures”."""
    letters = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")
    return letters[:34].strip("-") or "pictures"


def split_title(text: str) -> tuple[str, str]:
    """Return the name and the title that a typed name means, which may have spaces and capitals.

    Anything else is a name, valid or not, and has no title.
    """
    if is_valid_name(text) or not re.fullmatch(r"[\w][\w \-]*", text):
        return text, ""
    return plain_name(text), text


def find_own(name: str) -> DatasetInfo | None:
    """Return the imported data set of this name, if there is one on this machine."""
    if not is_valid_name(name):
        return None
    found = (_load(folder / name) for folder in tuple(_folders))
    return next((info for info in found if info is not None), None)


def own_datasets() -> tuple[DatasetInfo, ...]:
    """Return every imported data set, by title, but not those whose images were deleted."""
    found: dict[str, DatasetInfo] = {}
    for folder in tuple(_folders):
        for name in _names(folder):
            if (info := _load(folder / name)) is not None:
                found.setdefault(name, info)
    return tuple(sorted(found.values(), key=lambda info: (info.title.casefold(), info.name)))


def is_deleted(folder: Path) -> bool:
    """Whether only the description is left of an imported data set, for its runs."""
    try:
        return [path.name for path in folder.iterdir()] == [DESCRIPTION]
    except OSError:
        return True


def description(info: DatasetInfo, **facts: object) -> str:
    """Return the text of a description: ``info`` and further JSON values."""
    content = {
        "format": _FORMAT,
        "title": info.title,
        "classes": info.classes,
        "image_shape": info.image_shape,
        "train_images": info.train_images,
        "test_images": info.test_images,
        "citation": info.citation,
        "terms": info.terms,
        "derived_from": info.derived_from,
        "dark_background": info.dark_background,
        "fingerprints": None if info.fingerprints is None else asdict(info.fingerprints),
        **facts,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_description(folder: Path) -> Mapping[str, Any]:
    """Return the JSON values of a description; raises ``OSError`` or ``ValueError``."""
    content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError("a description of another format")
    return content


def forget() -> None:
    """Forget what was found: to be called after a change of a folder by this process."""
    _names_once.cache_clear()


def _names(folder: Path) -> tuple[str, ...]:
    try:
        return _names_once(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()


# Every run's experiment asks for all data sets.
@lru_cache(maxsize=64)
def _names_once(folder: Path, _modified: int) -> tuple[str, ...]:
    described = (path.parent for path in folder.glob(f"*/{DESCRIPTION}"))
    return tuple(
        path.name for path in described if is_valid_name(path.name) and not is_deleted(path)
    )


def _load(folder: Path) -> DatasetInfo | None:
    try:
        stamp = (folder / DESCRIPTION).stat()
    except OSError:
        return None
    return _load_once(folder, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=256)
def _load_once(folder: Path, _modified: int, _size: int) -> DatasetInfo | None:
    try:
        content = read_description(folder)
        numbers = [content["train_images"], content["test_images"], *content["image_shape"]]
        texts = [content["title"], content["citation"], content["terms"], *content["classes"]]
        # Descriptions of the first version lack these two.
        derived_from = content.get("derived_from", "")
        dark_background = content.get("dark_background", False)
        texts.append(derived_from)
        marks = {field.name: content["fingerprints"][field.name] for field in fields(Fingerprints)}
        if not (
            all(type(number) is int for number in numbers)
            and len(content["image_shape"]) == 3
            and all(isinstance(text, str) and len(text) <= _LONGEST for text in texts)
            and all(isinstance(mark, str) for mark in marks.values())
            and isinstance(dark_background, bool)
        ):
            return None
        return DatasetInfo(
            name=folder.name,
            title=content["title"],
            classes=tuple(content["classes"]),
            image_shape=tuple(content["image_shape"]),
            train_images=content["train_images"],
            test_images=content["test_images"],
            citation=content["citation"],
            terms=content["terms"],
            fingerprints=Fingerprints(**marks),
            dark_background=dark_background,
            derived_from=derived_from,
            own=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
