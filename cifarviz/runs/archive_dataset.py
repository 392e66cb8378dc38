"""The imported data set of a packed run.

==================  ===========================================================================
``dataset.json``    its description: title, classes, sizes, fingerprints, source and licence
``data/….npy``      its four arrays, only where the person who packed the run wanted that
==================  ===========================================================================

Feature maps of first layers look like the images, so they are packed with the arrays only.
"""

import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cifarviz.data import cache, library
from cifarviz.data.importing.options import MAX_BYTES, MAX_CLASSES, MAX_IMAGES, SIDES
from cifarviz.data.placing import find_equals, placed_folder
from cifarviz.data.progress import ProgressReporter
from cifarviz.data.verification import check_arrays
from cifarviz.datasets import own
from cifarviz.datasets.arrays import ARRAY_NAMES
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import built_in_datasets, find_dataset, is_registered
from cifarviz.errors import DatasetDamaged, DatasetNotFound, ImportRefused
from cifarviz.experiment.experiment import Experiment
from cifarviz.people.person import current_person
from cifarviz.runs.archive_facts import archive_damaged, parse_json
from cifarviz.runs.records import Run
from cifarviz.settings import Settings
from cifarviz.storage import remove_leftovers, storage_errors, temporary_folder

DESCRIPTION: Final = own.DESCRIPTION
"""The member that describes the data set."""

ARRAYS: Final = {f"data/{name}.npy": name for name in ARRAY_NAMES}
"""The members that hold its images and labels."""

_MAX_DESCRIPTION_BYTES = 200_000
# Arrays that are imported may keep a side as short as this.
_SHORTEST_SIDE = 8
_MAX_NPY_HEADER = 256
_SHA256 = re.compile(r"[0-9a-f]{64}")


def own_dataset(experiment: Experiment) -> DatasetInfo | None:
    """Return the data set of an experiment if it was imported, else ``None``."""
    info = find_dataset(experiment.data.dataset)
    return info if info.own else None


def has_pictures(run: Run, settings: Settings) -> bool:
    """Whether a run's data set was imported and its images are here: they can be packed."""
    info = own_dataset(run.experiment)
    return info is not None and library.status(info, settings).full_available


def write_dataset(
    file: zipfile.ZipFile, info: DatasetInfo, settings: Settings, *, with_pictures: bool
) -> None:
    """Write the description of an imported data set, and its arrays if asked for.

    Raises ``DatasetNotFound`` if they are missing, and ``DatasetDamaged``.
    """
    # Written anew: the file of the home has a report with names of files.
    file.writestr(DESCRIPTION, own.description(info))
    if not with_pictures:
        return
    library.load(info, "full", settings)
    problem = library.find_damage(info, settings, ProgressReporter())
    if problem is not None:
        raise DatasetDamaged("{problem} Import the pictures again.", problem=problem)
    folder = library.full_folder(info, settings)
    for member, name in ARRAYS.items():
        file.write(folder / f"{name}.npy", member)


@dataclass(frozen=True)
class PackedDataset:
    """The data set of a run that is being imported.

    ``info`` has the name and title that it has, or will have, in this home; ``name`` was its name
    where the run was packed. ``here``: its images are in this home; ``packed``: they are in the
    file.
    """

    info: DatasetInfo
    name: str
    here: bool
    packed: bool

    @property
    def stores_images(self) -> bool:
        """Whether its images are to be taken from the file."""
        return self.packed and not self.here

    def max_bytes(self, member: str) -> int:
        """Return how large a member of the archive can be."""
        if member == DESCRIPTION:
            return _MAX_DESCRIPTION_BYTES
        return self.info.array_bytes(ARRAYS[member]) + _MAX_NPY_HEADER

    def notice(self) -> str:
        """Return sentences for the person who imports it."""
        title = self.info.title
        if self.here:
            return f"The run was trained on {title}, which is here already, as “{self.info.name}”."
        renamed = (
            ""
            if self.info.name == self.name
            else f" It is called “{self.info.name}” here, since another data set has its name."
        )
        if self.packed:
            return f"The run’s data set, {title}, was imported with it.{renamed}"
        return (
            f"The run was packed without the images of {title}.{renamed} Its curves and weights "
            "are here. To see its images and evaluate it, import the same pictures on the Data "
            "page, or a run that was packed with them."
        )

    @contextmanager
    def stored(self, settings: Settings, arrays: Path) -> Iterator[None]:
        """Store the description, and the arrays in the folder ``arrays``; undone by an exception.

        Raises ``ArchiveDamaged`` for arrays that are not those described, and ``StorageFull``.
        """
        datasets = settings.datasets
        with ExitStack() as stack:
            stack.enter_context(storage_errors(datasets))
            settings.locks.mkdir(parents=True, exist_ok=True)
            remove_leftovers(datasets)
            new = stack.enter_context(temporary_folder(datasets)) / "new"
            new.mkdir()
            info = replace(self.info, owner=current_person().owner, shown=False)
            text = own.description(info, imported=_now())
            (new / DESCRIPTION).write_text(text, encoding="utf-8")
            if self.stores_images:
                self._move_arrays(arrays, new)
            stack.enter_context(library.fetch_lock(self.info, settings))
            # Another import may have stored the same meanwhile, or another data set of its name.
            own.forget()
            stored = [info.name for info in find_equals(self.info, datasets)]
            if self.info.name not in stored and (datasets / self.info.name).exists():
                raise ImportRefused(
                    "Another data set was stored as “{name}” meanwhile. Import the run again.",
                    name=self.info.name,
                )
            done = library.status(self.info, settings).full_available
            if self.info.name not in stored or (self.stores_images and not done):
                stack.enter_context(placed_folder(new, self.info, settings))
            yield

    def _move_arrays(self, arrays: Path, folder: Path) -> None:
        for name in ARRAY_NAMES:
            shutil.move(arrays / f"{name}.npy", folder / f"{name}.npy")
        try:
            check_arrays(cache.read_arrays(folder), self.info, "data", ProgressReporter())
        except (DatasetDamaged, DatasetNotFound) as error:
            raise archive_damaged(
                "its images and labels are not those that “{member}” describes", member=DESCRIPTION
            ) from error
        assert self.info.fingerprints is not None
        cache.write_marker(folder, self.info.name, "a packed run", self.info.fingerprints)


def read_dataset(
    file: zipfile.ZipFile, facts: dict[str, Any], settings: Settings
) -> PackedDataset | None:
    """Return the imported data set that the archive describes, ``None`` if it describes none.

    ``facts``, the content of ``run.json``, get its name in this home. Raises ``ArchiveDamaged``.
    """
    names = set(file.namelist())
    data = _data_facts(facts)
    name = data.get("dataset")
    arrays = names & ARRAYS.keys()
    if DESCRIPTION not in names:
        if arrays:
            raise archive_damaged("it has images, but no “{member}”", member=DESCRIPTION)
        if own.is_valid_name(name) and not is_registered(name):
            raise archive_damaged(
                "it was trained on “{name}”, an imported data set that it does not describe",
                name=name,
            )
        return None
    if not isinstance(name, str) or not own.is_valid_name(name):
        raise archive_damaged("“experiment.data.dataset” is no name of an imported data set")
    if arrays and len(arrays) < len(ARRAYS):
        raise archive_damaged(
            "“{member}” is missing", member=next(iter(sorted(ARRAYS.keys() - arrays)))
        )
    info = _read_description(file, name)
    with storage_errors(settings.locks):
        settings.locks.mkdir(parents=True, exist_ok=True)
        # While another import stores it, it is neither here nor is its name free.
        with library.fetch_lock(info, settings):
            own.forget()
            renamed = _with_free_name(info, settings)
            equals = find_equals(info, settings.datasets)
            info = equals[0] if equals else renamed
            here = bool(equals) and library.status(info, settings).full_available
    data["dataset"] = info.name
    return PackedDataset(info, name, here, packed=bool(arrays))


def _data_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the experiment on its data; empty where that is invalid."""
    experiment = facts.get("experiment")
    data = experiment.get("data") if isinstance(experiment, dict) else None
    return data if isinstance(data, dict) else {}


def _read_description(file: zipfile.ZipFile, name: str) -> DatasetInfo:
    """Return the described data set, if it can be one that was imported."""
    if file.getinfo(DESCRIPTION).file_size > _MAX_DESCRIPTION_BYTES:
        raise archive_damaged("“{member}” is too large", member=DESCRIPTION)
    with file.open(DESCRIPTION) as member:
        return parse_dataset(member.read(_MAX_DESCRIPTION_BYTES), name)


def parse_dataset(description: bytes, name: str) -> DatasetInfo:
    """Return the data set that a stranger's description describes, if it can have been imported.

    Raises ``ArchiveDamaged``.
    """
    content = parse_json(description, DESCRIPTION)
    try:
        own.check_format(content)
        info = own.parse_description(content, name)
    except ValueError as error:
        raise archive_damaged(
            "“{member}” is invalid: {problem}", member=DESCRIPTION, problem=error
        ) from error
    for is_valid, problem in (
        (len(info.classes) <= MAX_CLASSES, f"it has more than {MAX_CLASSES} classes"),
        (
            info.train_images + info.test_images <= MAX_IMAGES,
            f"it has more than {MAX_IMAGES:,} images",
        ),
        (info.nbytes <= MAX_BYTES, f"its images take more than {MAX_BYTES / 1e9:.0f} GB"),
        (
            all(_SHORTEST_SIDE <= side <= SIDES[-1] for side in info.image_shape[:2]),
            f"its images do not have {_SHORTEST_SIDE} to {SIDES[-1]} pixels a side",
        ),
        (info.title.strip() != "", "it has no title"),
        (
            all(
                text.isprintable()
                for text in (info.title, info.citation, info.terms, *info.classes)
            ),
            "a text has characters that cannot be shown",
        ),
        (
            info.fingerprints is not None
            and all(_SHA256.fullmatch(mark) for mark in asdict(info.fingerprints).values()),
            "a fingerprint is not a SHA-256",
        ),
    ):
        if not is_valid:
            raise archive_damaged(
                "“{member}” is invalid: {problem}", member=DESCRIPTION, problem=problem
            )
    return info


def _with_free_name(info: DatasetInfo, settings: Settings) -> DatasetInfo:
    """Return ``info`` with a name and a title that no data set has here, numbered if need be."""
    known = (*built_in_datasets(), *own.datasets_in(settings.datasets, deleted=True))
    titles, names = ({info.title for info in known}, {info.name for info in known})
    numbered = [(info.name, info.title)] + [
        (f"{info.name[:34].rstrip('-')}-{number}", f"{info.title[:190]} {number}")
        for number in range(2, 10_000)
    ]
    name = next(
        name for name, _ in numbered if not (name in names or (settings.datasets / name).exists())
    )
    title = next(title for _, title in numbered if title not in titles)
    return replace(info, name=name, title=title)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
