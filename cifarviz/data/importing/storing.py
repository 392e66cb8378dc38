"""Writing a data set of one's own into a folder: four arrays, its description, and the marker."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cifarviz.data import cache
from cifarviz.data.image_set import Split
from cifarviz.data.progress import ProgressReporter
from cifarviz.datasets import own
from cifarviz.datasets.info import DatasetInfo, Fingerprints
from cifarviz.datasets.registry import built_in_datasets
from cifarviz.people.person import current_person, require_maker

# Images that are copied at once.
_BLOCK: Final = 4096


@dataclass(frozen=True, eq=False)
class ChosenImages:
    """The images of a split: ``positions`` in ``pixels``, uint8 (n, h, w, c), and their labels."""

    pixels: NDArray[np.uint8]
    positions: Sequence[int] | NDArray[np.int64]
    labels: NDArray[np.uint8 | np.uint16]


def is_made_of_published(facts: Mapping[str, Any]) -> bool:
    """Return whether images were taken from a published data set, by the facts of a derivation."""
    derived = facts.get("derived")
    built_in = {info.name for info in built_in_datasets()}
    return isinstance(derived, Mapping) and derived.get("dataset") in built_in


def write_dataset(
    folder: Path,
    info: DatasetInfo,
    images: Mapping[Split, ChosenImages],
    facts: Mapping[str, Any],
    watch: ProgressReporter,
) -> DatasetInfo:
    """Write a whole data set into an empty folder; returns ``info`` with its fingerprints.

    ``facts`` are further JSON values of the description. It belongs to the current person. Raises
    ``AccessRefused`` for a viewer, ``StorageFull`` and ``FetchCancelled``.
    """
    require_maker()
    total = info.nbytes
    cache.check_free_space(folder, total)
    watch.stage("writing", total)
    done = 0
    digests = {}
    for split, chosen in images.items():
        digest = hashlib.sha256()
        with (folder / f"{split}_images.npy").open("wb") as file:
            header = {
                "descr": "|u1",
                "fortran_order": False,
                "shape": (len(chosen.positions), *info.image_shape),
            }
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, len(chosen.positions), _BLOCK):
                block = chosen.pixels[chosen.positions[start : start + _BLOCK]]
                file.write(block.data)
                digest.update(block.data)
                done += block.nbytes
                watch.advance(done, total)
        labels = chosen.labels.astype(info.label_dtype)
        np.save(folder / f"{split}_labels.npy", labels)
        digests[f"{split}_images"] = digest.hexdigest()
        digests[f"{split}_labels"] = hashlib.sha256(labels.tobytes()).hexdigest()
    owner = current_person().owner
    # Images that anybody has are no secret, and the next one needs not make them again.
    shown = is_made_of_published(facts)
    stored = replace(info, fingerprints=Fingerprints(**digests), owner=owner, shown=shown)
    assert stored.fingerprints is not None
    (folder / own.DESCRIPTION).write_text(own.description(stored, **facts), encoding="utf-8")
    cache.write_marker(folder, info.name, info.citation, stored.fingerprints)
    return stored
