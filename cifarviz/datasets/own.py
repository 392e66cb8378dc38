"""Data sets that people have imported: each is described by a file beside its arrays.

A description is trusted as little as any other file: what it says is checked before a
``DatasetInfo`` is made of it.
"""

import json
import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from cifarviz.datasets.info import DatasetInfo, Fingerprints
from cifarviz.people.person import may_see

DESCRIPTION = "dataset.json"
_REPLACED = ".replaced"
_FORMAT = 1
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
NAME_RULE = "1 to 40 small letters, digits and hyphens, such as “my-pictures”"
_LONGEST = 200

# The folders of the homes that this process uses, in the order of their first use; the one that was
# used last, by thread; and the data set of an archive that is being read.
_folders: list[Path] = []
_last_used: ContextVar[Path | None] = ContextVar("last_used", default=None)
_packed: ContextVar[DatasetInfo | None] = ContextVar("packed", default=None)


def use_folder(folder: Path) -> None:
    """From now on, find the data sets that were imported into this folder.

    Of two homes with data sets of one name, that of the home used last is found, by thread.
    """
    if folder not in _folders:
        _finish_replacements(folder)
        _folders.append(folder)
    _last_used.set(folder)


@contextmanager
def known_while_read(info: DatasetInfo | None) -> Iterator[None]:
    """Find this data set, if any, as if it were imported, while an archive is read."""
    token = _packed.set(info)
    try:
        yield
    finally:
        _packed.reset(token)


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
    # Letters without their accents.
    plain = unicodedata.normalize("NFKD", title.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    letters = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return letters[:34].strip("-") or "pictures"


def split_title(text: str) -> tuple[str, str]:
    """Return the name and the title that a typed name means, which may have spaces and capitals.

    Anything else is a name, valid or not, and has no title.
    """
    if is_valid_name(text) or not re.fullmatch(r"[\w][\w \-]*", text):
        return text, ""
    return plain_name(text), text


def find_own(name: str) -> DatasetInfo | None:
    """Return the imported data set of this name, if there is one that the person sees."""
    if not is_valid_name(name):
        return None
    if (packed := _packed.get()) is not None and packed.name == name:
        return packed
    found = (_load(folder / name) for folder in _used_folders())
    return next((info for info in found if info is not None and _is_seen(info)), None)


def own_datasets(*, deleted: bool = False) -> tuple[DatasetInfo, ...]:
    """Return the imported data sets that the person sees, by title.

    With ``deleted`` also those without images.
    """
    packed = _packed.get()
    found = {packed.name: packed} if deleted and packed is not None else {}
    for folder in _used_folders():
        for info in filter(_is_seen, datasets_in(folder, deleted=deleted)):
            found.setdefault(info.name, info)
    return tuple(sorted(found.values(), key=lambda info: (info.title.casefold(), info.name)))


def _is_seen(info: DatasetInfo) -> bool:
    return may_see(info.owner, shown=info.shown)


def datasets_in(folder: Path, *, deleted: bool) -> tuple[DatasetInfo, ...]:
    """Return the data sets that were imported into this folder, by whomever."""
    names = [name for name, is_left in _names(folder) if deleted or not is_left]
    return tuple(info for name in names if (info := _load(folder / name)) is not None)


def undescribed_folders(folder: Path) -> list[Path]:
    """Return the folders of imported data sets whose descriptions cannot be read."""
    return [folder / name for name, _ in _names(folder) if _load(folder / name) is None]


def _used_folders() -> list[Path]:
    last = _last_used.get()
    return sorted(_folders, key=lambda folder: folder != last)


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
        "owner": info.owner,
        "shown": info.shown,
        **facts,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_description(folder: Path) -> Mapping[str, Any]:
    """Return the JSON values of a description; raises ``OSError`` or ``ValueError``."""
    content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    check_format(content)
    return content


def check_format(content: object) -> None:
    """Raise ``ValueError`` unless these JSON values are a description that this version reads."""
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError("it is a description of another format")


def forget() -> None:
    """Forget what was found: to be called after a change of a folder by this process."""
    _names_once.cache_clear()


def _names(folder: Path) -> tuple[tuple[str, bool], ...]:
    try:
        return _names_once(folder, folder.stat().st_mtime_ns)
    except OSError:
        return ()


# Every run's experiment asks for all data sets.
@lru_cache(maxsize=64)
def _names_once(folder: Path, _modified: int) -> tuple[tuple[str, bool], ...]:
    """Return the name of each described data set, and whether only its description is there."""
    described = (path.parent for path in folder.glob(f"*/{DESCRIPTION}"))
    return tuple((path.name, is_deleted(path)) for path in described if is_valid_name(path.name))


def _load(folder: Path) -> DatasetInfo | None:
    try:
        stamp = (folder / DESCRIPTION).stat()
    except OSError:
        return None
    return _load_once(folder, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=256)
def _load_once(folder: Path, _modified: int, _size: int) -> DatasetInfo | None:
    try:
        return parse_description(read_description(folder), folder.name)
    except (OSError, ValueError, RecursionError):
        return None


def parse_description(content: Mapping[str, Any], name: str) -> DatasetInfo:
    """Return the data set of these JSON values; raises ``ValueError`` for invalid ones."""
    try:
        numbers = [content["train_images"], content["test_images"], *content["image_shape"]]
        texts = [content["title"], content["citation"], content["terms"], *content["classes"]]
        # Earlier descriptions lack these.
        derived_from = content.get("derived_from", "")
        dark_background = content.get("dark_background", False)
        texts.append(derived_from)
        owner, shown = content.get("owner"), content.get("shown", False)
        texts.append(owner or "")
        marks = {field.name: content["fingerprints"][field.name] for field in fields(Fingerprints)}
    except (KeyError, TypeError) as error:
        raise ValueError("a value is missing") from error
    if not (
        all(type(number) is int for number in numbers)
        and len(content["image_shape"]) == 3
        and all(isinstance(text, str) and len(text) <= _LONGEST for text in texts)
        and all(isinstance(mark, str) for mark in marks.values())
        and isinstance(dark_background, bool)
        and isinstance(shown, bool)
        and (owner is None or isinstance(owner, str))
    ):
        raise ValueError("a value is of the wrong kind, or too long")
    return DatasetInfo(
        name=name,
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
        owner=owner,
        shown=shown,
    )
