"""Folders and settings, read from the environment.

============================  =================================================================
``CIFARVIZ_HOME``             runs and downloaded data; default ``~/.cifarviz``
``CIFARVIZ_DATA_DIR``         a folder or archive that holds a full data set; comes before
                              any other source
``CIFARVIZ_PAGE_DIRS``        folders, separated as in ``PATH``, below which files may be read whose
                              paths are typed into a page; default: all, but only for a browser on
                              this computer
``CIFARVIZ_TENSORBOARD_DIR``  TensorBoard files, a folder a run; default ``tensorboard`` in the
                              home
``CIFARVIZ_EXECUTOR``         what trains queued runs; default ``local``: this computer;
                              ``ray``: the computers of a cluster
``CIFARVIZ_RUNS_AT_ONCE``     how many runs train at once on this computer; default 1, in a thread
                              of the program. More train in processes of their own, each on its
                              share of the cores. ``auto``: as many as ``tune-up --runs-at-once``
                              has found to be best
``CIFARVIZ_CLUSTER``          the address of that cluster, as ``192.168.1.20:6379``; default: the
                              one that was started or joined here
``CIFARVIZ_CLUSTER_CPUS``     processor cores of a node that a run takes; default: all those of the
                              node with the fewest
``CIFARVIZ_CLUSTER_GPUS``     GPUs of a node that a run takes, or a part of one, as ``0.5``; default
                              ``0``
``CIFARVIZ_CLASS``            ``1``: who opens the dashboard has to join the class or sign in
                              (``cifarviz serve --class`` sets it)
``CIFARVIZ_CLASS_ADDRESS``    the address at which a class opens the dashboard, as
                              ``https://class.example.org``, if a proxy stands before it
``CIFARVIZ_CLASS_STUDENTS``   whose accounts at a school's server come in as students: e-mail
                              addresses, parts of them from ``@`` on, or subjects, with spaces
                              between them; ``*``: everybody's
``CIFARVIZ_CLASS_TEACHERS``   whose come in as the teacher
``CIFARVIZ_RUN_MB``           megabytes that one run's snapshots may take; default 100
``CIFARVIZ_SNAPSHOTS_MB``     megabytes that those of all runs may take; default 5000
``CIFARVIZ_WARM_UP``          ``0`` keeps the dashboard from loading TensorFlow before it is needed
``CIFARVIZ_TUNE_UP``          ``0`` keeps the dashboard from measuring this computer by itself
``CIFARVIZ_RECORDED``         ``0`` starts a new home without the recorded demonstration run
``KERAS_HOME``                Keras' folder, whose data cache is also searched; default
                              ``~/.keras``
============================  =================================================================
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cifarviz.errors import SettingInvalid

LOCAL = "local"
"""The executor that trains on this computer."""
_MEASURED = "auto"


@dataclass(frozen=True)
class Settings:
    """Folders, as absolute paths, none of which needs to exist yet; and switches."""

    home: Path
    data_dir: Path | None
    tensorboard_dir: Path
    keras_home: Path
    page_dirs: tuple[Path, ...] | None = None
    """Folders below which paths may be typed into a page; ``None``: any."""
    warm_up: bool = True
    tune_up: bool = True
    recorded: bool = True
    executor: str = LOCAL
    """A name among ``executors.registry.EXECUTORS``."""
    runs_at_once: int | None = 1
    """How many runs the executor ``local`` trains at once at most; ``None``: as was measured."""
    cluster: str | None = None
    """The address of the cluster for the executor ``ray``; ``None``: that of this home."""
    cluster_cpus: int | None = None
    """Cores that a run takes there; ``None``: those of the node with the fewest."""
    cluster_gpus: float = 0.0
    """GPUs that a run takes there."""
    class_open: bool = False
    """Whether only people of the class may use the dashboard."""
    class_address: str | None = None
    """The address of a proxy before it; ``None``: its own."""
    class_students: tuple[str, ...] = ()
    """Accounts that come in as students: see ``people.accounts``."""
    class_teachers: tuple[str, ...] = ()
    """Accounts that come in as the teacher."""
    run_budget: int = 100_000_000
    """Bytes that the snapshots of one run may take."""
    snapshots_budget: int = 5_000_000_000
    """Bytes that the snapshots of all runs may take."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables in the table above from ``environ`` (default: the process's own).

        Raises ``SettingInvalid``.
        """
        env = os.environ if environ is None else environ
        data_dir = env.get("CIFARVIZ_DATA_DIR", "").strip()
        home = _folder(env.get("CIFARVIZ_HOME"), "~/.cifarviz")
        return cls(
            home=home,
            data_dir=_folder(data_dir, "") if data_dir else None,
            tensorboard_dir=_folder(env.get("CIFARVIZ_TENSORBOARD_DIR"), str(home / "tensorboard")),
            keras_home=_folder(env.get("KERAS_HOME"), "~/.keras"),
            page_dirs=_folders(env.get("CIFARVIZ_PAGE_DIRS", "")),
            run_budget=_megabytes(env, "CIFARVIZ_RUN_MB", 100),
            snapshots_budget=_megabytes(env, "CIFARVIZ_SNAPSHOTS_MB", 5000),
            warm_up=env.get("CIFARVIZ_WARM_UP", "").strip() != "0",
            tune_up=env.get("CIFARVIZ_TUNE_UP", "").strip() != "0",
            recorded=env.get("CIFARVIZ_RECORDED", "").strip() != "0",
            executor=env.get("CIFARVIZ_EXECUTOR", "").strip() or LOCAL,
            runs_at_once=_runs_at_once(env),
            class_open=env.get("CIFARVIZ_CLASS", "").strip() == "1",
            class_address=_address(env, "CIFARVIZ_CLASS_ADDRESS"),
            class_students=tuple(env.get("CIFARVIZ_CLASS_STUDENTS", "").split()),
            class_teachers=tuple(env.get("CIFARVIZ_CLASS_TEACHERS", "").split()),
            cluster=env.get("CIFARVIZ_CLUSTER", "").strip() or None,
            cluster_cpus=_cores(env, "CIFARVIZ_CLUSTER_CPUS"),
            cluster_gpus=_gpus(env, "CIFARVIZ_CLUSTER_GPUS"),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that give a new process the same settings."""
        folders = {
            "CIFARVIZ_HOME": self.home,
            "CIFARVIZ_DATA_DIR": self.data_dir or "",
            "CIFARVIZ_PAGE_DIRS": os.pathsep.join(map(str, self.page_dirs or ())),
            "CIFARVIZ_TENSORBOARD_DIR": self.tensorboard_dir,
            "KERAS_HOME": self.keras_home,
        }
        others = {
            "CIFARVIZ_EXECUTOR": self.executor,
            "CIFARVIZ_RUNS_AT_ONCE": self.runs_at_once or _MEASURED,
            "CIFARVIZ_CLASS": int(self.class_open),
            "CIFARVIZ_CLASS_ADDRESS": self.class_address or "",
            "CIFARVIZ_CLASS_STUDENTS": " ".join(self.class_students),
            "CIFARVIZ_CLASS_TEACHERS": " ".join(self.class_teachers),
            "CIFARVIZ_CLUSTER": self.cluster or "",
            "CIFARVIZ_CLUSTER_CPUS": self.cluster_cpus or "",
            "CIFARVIZ_CLUSTER_GPUS": self.cluster_gpus,
            "CIFARVIZ_RUN_MB": self.run_budget // 1_000_000,
            "CIFARVIZ_SNAPSHOTS_MB": self.snapshots_budget // 1_000_000,
            "CIFARVIZ_WARM_UP": int(self.warm_up),
            "CIFARVIZ_TUNE_UP": int(self.tune_up),
            "CIFARVIZ_RECORDED": int(self.recorded),
        }
        return {name: str(value) for name, value in {**folders, **others}.items()}

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
        """Lock files; their content has no meaning."""
        return self.home / "locks"


def _folders(text: str) -> tuple[Path, ...] | None:
    found = tuple(_folder(part, "") for part in text.split(os.pathsep) if part.strip())
    return found or None


def _folder(value: str | None, default: str) -> Path:
    text = (value or "").strip() or default
    return Path(text).expanduser().absolute()


def _address(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name, "").strip().rstrip("/")
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+(/[\w.~/-]*)?", text):
        raise SettingInvalid(
            "{name} must be an address such as https://class.example.org, not “{text}”.",
            name=name,
            text=text,
        )
    return text or None


def _cores(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise SettingInvalid(
            "{name} must be a number of cores, 1 or more, not “{text}”.", name=name, text=text
        )
    return int(text)


def _gpus(env: Mapping[str, str], name: str) -> float:
    text = env.get(name, "").strip() or "0"
    try:
        count = float(text)
    except ValueError:
        count = -1.0
    # Ray divides a GPU, and takes several only whole.
    if not (0 <= count <= 1 or (count.is_integer() and 1 < count < 1000)):
        raise SettingInvalid(
            "{name} must be a whole number of GPUs, or a part of one such as 0.5, not “{text}”.",
            name=name,
            text=text,
        )
    return count


def _megabytes(env: Mapping[str, str], name: str, default: int) -> int:
    """Read a variable in megabytes; returns bytes."""
    text = env.get(name, "").strip() or str(default)
    if not text.isdecimal():
        raise SettingInvalid(
            "{name} must be a number of megabytes, 0 or more, not “{text}”.", name=name, text=text
        )
    return int(text) * 1_000_000


def _runs_at_once(env: Mapping[str, str]) -> int | None:
    text = env.get("CIFARVIZ_RUNS_AT_ONCE", "").strip() or "1"
    if text == _MEASURED:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise SettingInvalid(
            "CIFARVIZ_RUNS_AT_ONCE must be a number of runs, 1 or more, or “auto”, not “{text}”.",
            text=text,
        )
    return int(text)
