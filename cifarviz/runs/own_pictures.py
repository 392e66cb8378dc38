"""Deleting imported pictures with what runs stored of them.

Feature maps of pinned images show the images, so they are deleted; predictions are numbers by the
numbers of images, and stay. Runs keep their histories and weights.
"""

from collections.abc import Sequence
from functools import partial

from cifarviz.data.importing import editing
from cifarviz.data.importing.editing import PicturesDeleted, PictureSelection
from cifarviz.data.progress import ProgressReporter
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import CifarvizError, ImportRefused
from cifarviz.people.person import TEACHER, acting_as
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.pins import has_pinned_images, pinned_images, save_pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_epochs, snapshot_name
from cifarviz.runs.store import RunStore


def runs_on_dataset(store: RunStore, info: DatasetInfo) -> list[Run]:
    """Return the runs on a data set, whosever they are, the newest first, without damaged ones."""
    with acting_as(TEACHER):
        return [run for run in store.all() if _dataset_of(run) == info.name]


def delete_own_dataset(store: RunStore, name: str) -> DatasetInfo:
    """Delete an imported data set with all that was made of its images; its runs stay.

    Raises ``ImportRefused``, also while a run trains on it, and ``StorageFull``.
    """
    info, runs = _find_unused(store, name)
    # First, so that none is left if the process is killed in between.
    _delete_maps(store, runs)
    editing.delete_dataset(name, store.settings, used=bool(runs))
    save_pinned_images(store, info, None)
    return info


def delete_own_pictures(
    store: RunStore,
    name: str,
    selection: PictureSelection,
    watch: ProgressReporter | None = None,
) -> PicturesDeleted:
    """Delete pictures of an imported data set with all that was made of them.

    Its runs stay, and know that its images have changed. Raises as ``editing.delete_pictures``,
    and ``ImportRefused`` while a run trains on it.
    """
    info, runs = _find_unused(store, name)
    _note_fingerprint(store, runs, info)
    pinned = pinned_images(store, info) if has_pinned_images(store, info) else None
    deleted = editing.delete_pictures(
        name,
        selection,
        store.settings,
        used=bool(runs),
        before_swap=partial(_delete_test_maps, store, runs),
        watch=watch,
    )
    if pinned is not None:
        gone = deleted.test
        left = [image - int((gone < image).sum()) for image in pinned if image not in gone]
        save_pinned_images(store, deleted.info, left)
    return deleted


def _find_unused(store: RunStore, name: str) -> tuple[DatasetInfo, list[Run]]:
    """Return a data set and its runs; raises ``ImportRefused`` while one of them is active."""
    info = editing.find_own_dataset(name, store.settings)
    runs = runs_on_dataset(store, info)
    if any(run.state.active for run in runs):
        raise ImportRefused("A run trains on “{name}”. Stop it first.", name=info.title)
    return info, runs


def _note_fingerprint(store: RunStore, runs: Sequence[Run], info: DatasetInfo) -> None:
    """Store the fingerprint of runs of earlier versions, before it is another."""
    for run in runs:
        if run.data_fingerprint is None:
            store.describe(run.id, data_fingerprint=info.fingerprint)


def _delete_test_maps(store: RunStore, runs: Sequence[Run], deleted: PicturesDeleted) -> None:
    if len(deleted.test):
        _delete_maps(store, runs)


def _delete_maps(store: RunStore, runs: Sequence[Run]) -> None:
    for run in runs:
        artifacts = FolderArtifacts(store.folder(run.id))
        for epoch in snapshot_epochs(artifacts.folder, "maps"):
            artifacts.remove(snapshot_name("maps", epoch))


def _dataset_of(run: Run) -> str | None:
    try:
        return run.experiment.data.dataset
    except CifarvizError:
        return None
