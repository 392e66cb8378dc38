"""Putting the complete folder of an imported data set in its place, and finding equal data sets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cifarviz.data import cache
from cifarviz.datasets import own
from cifarviz.datasets.info import DatasetInfo
from cifarviz.people.person import may_change
from cifarviz.settings import Settings
from cifarviz.storage import temporary_folder


def find_equals(info: DatasetInfo, folder: Path) -> list[DatasetInfo]:
    """Return the person's data sets in a home with the same images, labels and classes.

    Those with images come before those of which only the description is left.
    """
    equals = [
        other
        for other in own.datasets_in(folder, deleted=True)
        if (other.fingerprints, other.classes) == (info.fingerprints, info.classes)
        and may_change(other.owner)
    ]
    return sorted(equals, key=lambda other: not _has_images(other, folder))


def find_left_description(info: DatasetInfo, folder: Path) -> DatasetInfo | None:
    """Return the data set equal to ``info`` whose images are missing in this home, if any."""
    without = (other for other in find_equals(info, folder) if not _has_images(other, folder))
    return next(without, None)


def _has_images(info: DatasetInfo, folder: Path) -> bool:
    return cache.find_problem(folder / info.name, info) is None


@contextmanager
def placed_folder(folder: Path, info: DatasetInfo, settings: Settings) -> Iterator[None]:
    """Put ``folder``, in the home's ``data``, in the place of a data set; undone by an exception.

    What is left of a deleted data set there is replaced. The caller holds the data set's lock.
    """
    place = settings.datasets / info.name
    with temporary_folder(settings.datasets) as aside:
        before = aside / "before"
        if place.exists():
            place.rename(before)
        try:
            folder.rename(place)
            own.forget()
            yield
        except BaseException:
            if not folder.exists():
                place.rename(folder)
            if before.exists():
                before.rename(place)
            raise
        finally:
            own.forget()
