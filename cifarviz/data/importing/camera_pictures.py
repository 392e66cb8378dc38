"""Pictures from the camera: stored in a private folder, and read from there by an import.

They come from a browser, which may send anything: number and size are limited here, and whether
they are pictures is found out by the import, as with any other file.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from cifarviz.data.importing.files import Files, FileUnreadable
from cifarviz.data.importing.options import MAX_CLASSES
from cifarviz.data.importing.pictures import LabeledPicture, PictureFormat, Skip
from cifarviz.data.importing.reading import clean_class_name
from cifarviz.errors import ImportRefused
from cifarviz.settings import Settings
from cifarviz.storage import storage_errors, temporary_folder

MAX_PICTURES: Final = 3000
MAX_PICTURE_BYTES: Final = 100_000
"""More than any JPEG of 192 × 192 pixels that a browser makes."""
_MAX_HOLDS: Final = 100_000
_JPEG: Final = b"\xff\xd8\xff"
_TABLE: Final = "cifarviz-camera.json"


class CameraPictures:
    """Pictures of some classes in a private folder of the home, until ``close``."""

    def __init__(self, id: str, classes: Sequence[str], settings: Settings) -> None:
        """``id`` is the browser's; raises ``ImportRefused`` and ``StorageFull``."""
        self.id = id
        self.names = _check_classes(classes)
        self.kept = False
        """Whether a data set was made of them."""
        self.complete = False
        """Whether all are there."""
        self._rows: list[dict[str, str]] = []
        self._resources = ExitStack()
        with storage_errors(settings.datasets):
            private = self._resources.enter_context(temporary_folder(settings.datasets))
            # Of a name that can be shown.
            self.folder: Path = private / "camera"
            self.folder.mkdir()

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, label: int, hold: int, content: bytes) -> None:
        """Store a picture of the class ``label``, taken while a button was held the n-th time.

        Raises ``ImportRefused`` and ``StorageFull``.
        """
        if not (0 <= label < len(self.names) and 0 <= hold < _MAX_HOLDS):
            raise unreadable_error()
        if len(content) > MAX_PICTURE_BYTES or not content.startswith(_JPEG):
            raise ImportRefused(
                "A picture is no JPEG, or larger than {most:,} bytes. Delete it, and try again.",
                most=MAX_PICTURE_BYTES,
            )
        if len(self) == MAX_PICTURES:
            raise ImportRefused(
                "There are more than {most:,} pictures. Delete some.", most=MAX_PICTURES
            )
        group = f"{label + 1}-{hold}"
        name = f"{group}/{len(self):04}.jpg"
        with storage_errors(self.folder):
            (self.folder / group).mkdir(exist_ok=True)
            (self.folder / name).write_bytes(content)
        self._rows.append({"file": name, "label": self.names[label], "group": group})

    def finish(self) -> None:
        """Make the folder ready for an import; raises ``ImportRefused`` if a class is empty."""
        found = {row["label"] for row in self._rows}
        for name in self.names:
            if name not in found:
                raise ImportRefused(
                    "“{class_name}” has no pictures. Take some, or delete the class.",
                    class_name=name,
                )
        with storage_errors(self.folder):
            (self.folder / _TABLE).write_text(json.dumps(self._rows), encoding="utf-8")
        self.complete = True

    def keep(self) -> None:
        """Delete them, since a data set was made of them."""
        self.kept = True
        self.close()

    def close(self) -> None:
        """Delete them."""
        self.complete = False
        self._resources.close()


def unreadable_error() -> ImportRefused:
    """Return the error for something that this version of the page does not send."""
    return ImportRefused("The pictures did not arrive in order. Reload the page, and try again.")


def _check_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the names as they will be stored; raises ``ImportRefused``."""
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise ImportRefused(
            "There must be 2 to {most} classes, not {count}.", most=MAX_CLASSES, count=len(classes)
        )
    names: list[str] = []
    for number, given in enumerate(classes, 1):
        if not given.strip():
            raise ImportRefused("Class {number} has no name. Type one.", number=number)
        name = clean_class_name(given)
        if name in names:
            raise ImportRefused(
                "Two classes are called “{name}”. Give each a name of its own.", name=name
            )
        names.append(name)
    return tuple(names)


def _pictures(files: Files, skip: Skip) -> Iterator[LabeledPicture]:
    known = set(files.names)
    for row in _read_rows(files):
        name = row["file"]
        if name in known:
            yield LabeledPicture(
                name, row["label"], None, partial(files.read, name), group=row["group"]
            )
        else:
            skip(name, "it is not there")


def _read_rows(files: Files) -> list[dict[str, str]]:
    try:
        rows: Any = json.loads(files.read(_TABLE))
        if all(isinstance(row[name], str) for row in rows for name in ("file", "label", "group")):
            return list(rows)
    except (FileUnreadable, ValueError, TypeError, LookupError, RecursionError):
        pass
    raise ImportRefused("“{file}” is damaged. Take the pictures again.", file=_TABLE)


CAMERA_PICTURES = PictureFormat(
    "pictures from the camera", lambda files: _TABLE in files.names, _pictures
)
