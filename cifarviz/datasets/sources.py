"""Where the full set of a data set may come from, beside a folder somebody names."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """A file that a web server offers: its address, its size in bytes and its MD5, in hex."""

    url: str
    bytes: int
    md5: str | None = None

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class NpmPackage:
    """A package that the npm client gets: ``name@version`` and the size in bytes."""

    spec: str
    bytes: int


@dataclass(frozen=True)
class DebianPackage:
    """A Debian package: its name, its size in bytes and the folder it puts the files in."""

    name: str
    bytes: int
    folder: Path
