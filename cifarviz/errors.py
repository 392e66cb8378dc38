"""Every error cifarviz raises on purpose.

::

    CifarvizError
    ├── DataError
    │   ├── DatasetNotFound      the data set asked for is not on this machine
    │   ├── DatasetDamaged       bytes that are not the published data set
    │   ├── FetchCancelled       the user called the download off
    │   └── ImageUnreadable      a file that cannot be shown as an image
    │       └── ImageDecoderBusy … for now, because too many others are being decoded
    ├── ExperimentInvalid        a choice, or two that do not go together
    ├── RunError
    │   ├── RunNotFound          no run has this id
    │   ├── RunDamaged           a stored record that no run can have
    │   ├── TransitionRefused    a run in this state cannot do that
    │   ├── LeaseLost            a run that somebody else looks after by now
    │   ├── ArtifactMissing      weights or predictions that are not there
    │   └── ArtifactDamaged      … or that cannot be read, or do not fit
    ├── StoreError
    │   ├── ArchiveDamaged       a file that is no packed run
    │   ├── UnknownFormat        written by another version of cifarviz
    │   └── StorageFull          the disk, or the folder, takes no more
    ├── SettingInvalid           an environment variable with a value that means nothing
    ├── OutputPathInvalid             a place somebody named for files, where none can be written
    └── TrainingFailed           the loss is no longer a number, no memory left, …

The message is one sentence or two for the person at the screen: the rule, what came,
and what to do about it. Pages and the command line print it as it is. It is one template
with named values, which programs read from the error.
"""

import numbers


class CifarvizError(Exception):
    """Base of all errors that cifarviz raises on purpose.

    ``template`` has a place for each of ``values``, as in ``"{count:,} images"``; without values
    it is the message itself, braces and all. Values are never read as templates: numbers, texts,
    truth values and ``None`` are kept, anything else as its text, so that JSON can hold them.
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


class SettingInvalid(CifarvizError):
    """An environment variable with a value that means nothing."""


class DataError(CifarvizError):
    """Something about a data set or an image."""


class DatasetNotFound(DataError):
    """The data set asked for is not on this machine, or no source gave it."""


class DatasetDamaged(DataError):
    """Bytes that are not the published data set."""


class FetchCancelled(DataError):
    """The user called the download off."""


class ImageUnreadable(DataError):
    """A file that cannot be shown as an image."""


class ImageDecoderBusy(ImageUnreadable):
    """A file that may be decoded later: too many others are being decoded."""


class ExperimentInvalid(CifarvizError, ValueError):
    """A choice that cannot be trained, or two that do not go together."""


class RunError(CifarvizError):
    """Something about one run."""


class RunNotFound(RunError):
    """No run has this id."""


class RunDamaged(RunError):
    """The store's record of a run is one that no run can have."""


class TransitionRefused(RunError):
    """A run in this state cannot do what was asked."""


class LeaseLost(RunError):
    """Whoever reports on a run has been given up, or its attempt is not the newest any more."""


class ArtifactMissing(RunError):
    """Weights, predictions or another file of a run that is not there."""


class ArtifactDamaged(RunError):
    """A file of a run that cannot be read, or does not fit its network."""


class StoreError(CifarvizError):
    """Something about the folder that keeps all runs."""


class ArchiveDamaged(StoreError):
    """A file that is no packed run, or not all of one."""


class UnknownFormat(StoreError):
    """Written by a version of cifarviz that this one cannot read."""


class StorageFull(StoreError):
    """The disk, or the folder, takes no more."""


class OutputPathInvalid(CifarvizError):
    """A place that somebody named for files, where none can be written."""


class TrainingFailed(CifarvizError):
    """Training cannot go on: the loss is no longer a number, memory ran out, …"""
