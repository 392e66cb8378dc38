"""Every error cifarviz raises on purpose.

::

    CifarvizError
    ├── DataError
    │   ├── DatasetNotFound      the data set is not on this machine
    │   │   └── DatasetChanged   … any more: it has other images than a run was trained on
    │   ├── DatasetDamaged       bytes that are not the published data set
    │   ├── ImportRefused        files that cannot become a data set
    │   ├── FetchCancelled       the user cancelled a download or an import
    │   └── ImageUnreadable      a file that cannot be shown as an image
    │       └── ImageDecoderBusy … for now, because too many others are being decoded
    ├── ExperimentInvalid        an invalid value, or two that do not go together
    ├── RunError
    │   ├── RunNotFound          no run has this id
    │   ├── RunDamaged           an invalid record in the store
    │   ├── LimitExceeded        more than a student of a class may use
    │   ├── TransitionRefused    a run in this state cannot do that
    │   ├── LeaseLost            another owner trains the run by now
    │   ├── MessageRefused       a message from a node that is repeated, or not the next one
    │   ├── ArtifactMissing      missing weights or predictions
    │   └── ArtifactDamaged      … or they cannot be read, or do not fit
    ├── StoreError
    │   ├── IndexDamaged         the index of all runs cannot be read; “repair” rebuilds it
    │   ├── ArchiveDamaged       a file that is no packed run, or no backup
    │   ├── UnknownFormat        written by another version of cifarviz
    │   └── StorageFull          the disk, or the folder, is full or read-only
    ├── AccessRefused            somebody may not do that
    │   └── AttemptsExceeded     … for now, because of too many wrong codes
    ├── SettingInvalid           an environment variable with an invalid value
    ├── ClusterError             computers that train together: none answers, wrong token, …
    ├── OutputPathInvalid        a path for files at which none can be written
    ├── TrainingFailed           the loss is NaN, no memory left, …
    └── TuneUpFailed             nothing could be timed
        └── TuneUpGivenUp        … as a run began, or somebody stopped it

The message is a sentence or two for the user: what happened, what was expected, and what to do.
Pages and the command line print it as it is. It is a template with named values, which programs
read from the error.
"""

import numbers


class CifarvizError(Exception):
    """Base of all errors that cifarviz raises on purpose.

    ``template`` has a place for each of ``values``, as in ``"{count:,} images"``; without values
    it is the message itself, braces and all. Values are never read as templates: numbers, texts,
    truth values and ``None`` are stored as they are, anything else as text, so that JSON can hold
    them.
    """

    def __init__(self, template: str = "", **values: object) -> None:
        self.template = template
        self.values = {name: _plain(value) for name, value in values.items()}
        super().__init__(template.format(**self.values) if values else template)


def _plain(value: object) -> str | int | float | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else str(value)


class AccessRefused(CifarvizError):
    """What the person who asks for it may not do or see."""


class AttemptsExceeded(AccessRefused):
    """Too many wrong codes or pass phrases in a short time."""


class SettingInvalid(CifarvizError):
    """An environment variable with an invalid value."""


class ClusterError(CifarvizError):
    """Something about the computers that train runs together."""


class DataError(CifarvizError):
    """Something about a data set or an image."""


class CalibrationImpossible(DataError):
    """Too few images are on this machine to tell what a network knows."""


class DatasetNotFound(DataError):
    """The data set is not on this machine, and no source had it."""


class DatasetChanged(DatasetNotFound):
    """The images of a data set have changed since a run was trained on them."""


class DatasetDamaged(DataError):
    """Bytes that are not the published data set."""


class ImportRefused(DataError):
    """Files that cannot become a data set, or a data set that cannot be deleted or exported."""


class FetchCancelled(DataError):
    """The user cancelled a download or an import."""


class ImageUnreadable(DataError):
    """A file that cannot be shown as an image."""


class ImageDecoderBusy(ImageUnreadable):
    """A file that may be decoded later: too many others are being decoded."""


class ExperimentInvalid(CifarvizError, ValueError):
    """An invalid value of an experiment, or two that do not go together."""


class RunError(CifarvizError):
    """Something about one run."""


class RunNotFound(RunError):
    """No run has this id."""


class RunDamaged(RunError):
    """The store's record of a run is invalid."""


class LimitExceeded(RunError):
    """More than a student may use of the computer that a class shares."""


class TransitionRefused(RunError):
    """A run in this state cannot do what was requested."""


class LeaseLost(RunError):
    """The attempt that reports on a run has ended, or is no longer the newest."""


class MessageRefused(RunError):
    """A message about a run that was taken before, or that is not the next one."""


class ArtifactMissing(RunError):
    """Weights, predictions or another file of a run are missing."""


class ArtifactDamaged(RunError):
    """A file of a run that cannot be read, or does not fit its network."""


class StoreError(CifarvizError):
    """Something about the folder that holds all runs."""


class IndexDamaged(StoreError):
    """The index of a home's runs, ``runs.sqlite3``, cannot be read."""


class ArchiveDamaged(StoreError):
    """A file that is no packed run or no backup, or incomplete."""


class UnknownFormat(StoreError):
    """Written by a version of cifarviz that this one cannot read."""


class StorageFull(StoreError):
    """The disk, or the folder, is full or read-only."""


class OutputPathInvalid(CifarvizError):
    """A path for files at which none can be written."""


class TrainingFailed(CifarvizError):
    """Training cannot go on: the loss is NaN, memory ran out, …"""


class LibraryHalfLoaded(CifarvizError):
    """The import of TensorFlow has failed in the middle, so that this process cannot train."""


class TuneUpFailed(CifarvizError):
    """No use of the processor could be timed."""


class TuneUpGivenUp(TuneUpFailed):
    """A run began, or somebody stopped the tune-up."""
