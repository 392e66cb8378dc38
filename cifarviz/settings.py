"""Where things live and the few knobs, read from the environment.

============================  =================================================================
``CIFARVIZ_HOME``             runs and downloaded data; default ``~/.cifarviz``
``CIFARVIZ_DATA_DIR``         a folder or archive that holds a full data set; asked before any
                              other source
``CIFARVIZ_TENSORBOARD_DIR``  TensorBoard files, a folder a run; default ``tensorboard`` in the
                              home
``CIFARVIZ_WARM_UP``          ``0`` keeps the dashboard from loading TensorFlow before it is needed
``KERAS_HOME``                Keras' own folder, whose data cache is looked into; default
                              ``~/.keras``
============================  =================================================================
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Folders, as absolute paths, none of which needs to exist yet; and switches."""

    home: Path
    data_dir: Path | None
    tensorboard_dir: Path
    keras_home: Path
    warm_up: bool = True

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables in the table above from ``environ`` (default: the process's own)."""
        env = os.environ if environ is None else environ
        named = env.get("CIFARVIZ_DATA_DIR", "").strip()
        home = _folder(env.get("CIFARVIZ_HOME"), "~/.cifarviz")
        return cls(
            home=home,
            data_dir=_folder(named, "") if named else None,
            tensorboard_dir=_folder(env.get("CIFARVIZ_TENSORBOARD_DIR"), str(home / "tensorboard")),
            keras_home=_folder(env.get("KERAS_HOME"), "~/.keras"),
            warm_up=env.get("CIFARVIZ_WARM_UP", "").strip() != "0",
        )

    @property
    def datasets(self) -> Path:
        """Decoded full data sets, a folder each."""
        return self.home / "data"

    @property
    def runs(self) -> Path:
        """Artifacts, a folder a run."""
        return self.home / "runs"

    @property
    def locks(self) -> Path:
        """Files that processes lock; their content says nothing."""
        return self.home / "locks"


def _folder(value: str | None, default: str) -> Path:
    text = (value or "").strip() or default
    return Path(text).expanduser().absolute()
