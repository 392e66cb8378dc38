"""What is known of a data set besides its images; it travels with copies and parts of it."""

from dataclasses import dataclass

from cifarviz.datasets.info import DatasetInfo


@dataclass(frozen=True)
class Origin:
    """The title, source and licence of images, as sentences; empty where nobody says.

    ``derived_from``: the data set whose images they are. ``dark_background``: as in
    ``DatasetInfo``.
    """

    title: str = ""
    source: str = ""
    licence: str = ""
    derived_from: str = ""
    dark_background: bool = False

    @classmethod
    def of(cls, info: DatasetInfo) -> "Origin":
        """Return what is known of a data set."""
        return cls(info.title, info.citation, info.terms, info.derived_from, info.dark_background)
