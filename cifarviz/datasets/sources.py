"""The sources of a full data set, besides a folder or archive of the user."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Archive:
    """A file on a web server: its address, its size in bytes and its MD5, in hex."""

    url: str
    bytes: int
    md5: str | None = None

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class NpmPackage:
    """An npm package: ``name@version`` and its size in bytes."""

    spec: str
    bytes: int


@dataclass(frozen=True)
class DebianPackage:
    """A Debian package: its name, its size in bytes and the folder of its files."""

    name: str
    bytes: int
    folder: Path
