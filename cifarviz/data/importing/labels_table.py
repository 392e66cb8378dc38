"""A CSV table of files and labels beside pictures."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from cifarviz.data.image_set import Split
from cifarviz.data.importing.class_folders import is_picture
from cifarviz.data.importing.files import Files, FileUnreadable
from cifarviz.data.importing.pictures import LabeledPicture, PictureFormat, Skip
from cifarviz.errors import ImportRefused

_FILE = ("file", "filename", "file_name", "path", "filepath", "image", "image_id", "img", "id")
_LABEL = ("label", "class", "category", "target", "class_name")
_MAX_ROWS = 1_000_000
_SPLIT = ("split", "set", "subset")
_SPLITS: dict[str, Split] = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "test", "valid": "test", "validation": "test",
}  # fmt: skip


def _tables(files: Files) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return the tables with a column for files and one for labels, and their rows."""
    names = [name for name in files.names if PurePosixPath(name).suffix.lower() == ".csv"]
    return [(name, rows) for name in names if (rows := _read(files, name)) is not None]


def _recognizes(files: Files) -> bool:
    return any(is_picture(name) for name in files.names) and bool(_tables(files))


def _pictures(files: Files, skip: Skip) -> Iterator[LabeledPicture]:
    known = {name for name in files.names if is_picture(name)}
    # Names without folders or endings, where no other file has them.
    ends = [
        (end, name)
        for name in known
        for end in {PurePosixPath(name).stem, PurePosixPath(name).name}
    ]
    counts = Counter(end for end, _ in ends)
    by_end = {end: name for end, name in ends if counts[end] == 1}
    # In the order of the files, which is quick to read.
    order = {name: position for position, name in enumerate(files.names)}
    found: list[LabeledPicture] = []
    named: set[str] = set()
    for place, rows in _tables(files):
        # Two tables are often called train.csv and test.csv.
        usual = _SPLITS.get(PurePosixPath(place).stem.lower())
        folder = PurePosixPath(place).parent
        for number, (file, label, split) in enumerate(rows, 2):
            file = file.replace("\\", "/")
            beside = (folder / file).as_posix()
            name = next((n for n in (beside, file, by_end.get(file)) if n in known), None)
            if name is None:
                missing = file or f"line {number}"
                several = counts[file] > 1
                reason = "but several files have this name" if several else "but it is not there"
                skip(missing, f"{place} names it, {reason}")
            elif name in named:
                skip(name, f"{place} names it again")
            elif not label:
                skip(name, f"{place} gives it no label")
            else:
                wanted = _SPLITS.get(split.lower(), usual)
                found.append(LabeledPicture(name, label, wanted, partial(files.read, name)))
            if name is not None:
                named.add(name)
    for name in sorted(known - named):
        skip(name, "no table names it")
    yield from sorted(found, key=lambda picture: order[picture.place])


def _read(files: Files, name: str) -> list[tuple[str, str, str]] | None:
    """Return file, label and split of each row; ``None`` for a table of something else."""
    try:
        text = files.read(name).decode("utf-8-sig")
        dialect = csv.Sniffer().sniff(text[:4096], ",;\t") if text.strip() else csv.excel
    except (FileUnreadable, UnicodeDecodeError):
        # Some other table, it seems; the report names it as skipped.
        return None
    except csv.Error:
        dialect = csv.excel
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), dialect=dialect)
        columns = {(title or "").strip().lower(): title for title in reader.fieldnames or ()}
        file, label, split = (
            next((columns[title] for title in titles if title in columns), None)
            for titles in (_FILE, _LABEL, _SPLIT)
        )
        if file is None or label is None:
            return None
        return [
            (_cell(row, file), _cell(row, label), "" if split is None else _cell(row, split))
            for row in itertools.islice(reader, _MAX_ROWS)
        ]
    except csv.Error as error:
        raise ImportRefused(
            "“{file}” cannot be read as a table: {reason}.", file=name, reason=error
        ) from error


def _cell(row: dict[str, str], column: str) -> str:
    return (row.get(column) or "").strip()


LABELS_TABLE = PictureFormat("a CSV table beside pictures", _recognizes, _pictures)
