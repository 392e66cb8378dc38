"""This computer's processor, and how TensorFlow uses it, decided in one place.

What is decided: whether TensorFlow uses oneDNN, how many threads an operation has and how many
operations work at a time, into how many parts a batch is split, and whether bfloat16 is worth
timing. The variables of the environment come first, then what a tune-up measured on this
processor with these versions (``training/tune_up.py``), then the processor's capabilities. It
takes effect when TensorFlow is imported, so nothing here imports it.
"""

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from cifarviz import __version__

_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16", "svebf16"})
# Instruction sets by the flags that prove them, the newest first.
_INSTRUCTION_SETS = (
    ("AMX", ("amx_bf16", "amx_tile")),
    ("AVX-512 with bfloat16", ("avx512f", "avx512_bf16")),
    ("AVX-512 with VNNI", ("avx512f", "avx512_vnni")),
    ("AVX-512", ("avx512f",)),
    ("AVX2 with VNNI", ("avx2", "avx_vnni")),
    ("AVX2", ("avx2",)),
    ("AVX", ("avx",)),
    ("SVE with bfloat16", ("svebf16",)),
    ("NEON with bfloat16", ("bf16",)),
    ("NEON", ("asimd",)),
)
# oneDNN's own limit on the instructions it uses. Without one of these words it has none for
# bfloat16.
_ISA_LIMIT = "ONEDNN_MAX_CPU_ISA"
_ISA_WITH_BFLOAT16 = ("BF16", "AMX", "FP16", "AVX10", "DEFAULT", "ALL")

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
INTRA_THREADS = "TF_NUM_INTRAOP_THREADS"
INTER_THREADS = "TF_NUM_INTEROP_THREADS"
BATCH_PARTS = "CIFARVIZ_BATCH_PARTS"
VARIABLES = (ONEDNN, INTRA_THREADS, INTER_THREADS, BATCH_PARTS)
"""The variables of the environment that come before anything decided here."""

# Set beside the first of them when that is our choice: a process started from this one decides
# by itself, and may find a tune-up made since.
_CHOSEN = "CIFARVIZ_CHOSE_ONEDNN"


def _given() -> Mapping[str, str]:
    """Return what somebody set; later, what is set may be our choice."""
    given = {name: value for name in VARIABLES if (value := os.environ.get(name))}
    if os.environ.get(_CHOSEN) == given.get(ONEDNN):
        given.pop(ONEDNN, None)
    return given


_GIVEN = _given()
TUNED_FILE = "processor.json"
"""The name of the file in the home with what a tune-up found."""


@dataclass(frozen=True)
class ProcessorUse:
    """How TensorFlow uses the processor; 0 and ``None`` leave it to TensorFlow.

    ``intra_threads``: threads of one operation. ``inter_threads``: operations at a time.
    ``batch_parts``: into how many parts a batch is split, which are computed side by side.
    """

    onednn: bool | None = None
    intra_threads: int = 0
    inter_threads: int = 0
    batch_parts: int = 1

    def environment(self) -> dict[str, str]:
        """Return the variables that make a new process use the processor like this."""
        values = {
            INTRA_THREADS: self.intra_threads,
            INTER_THREADS: self.inter_threads,
            BATCH_PARTS: self.batch_parts,
            **({} if self.onednn is None else {ONEDNN: int(self.onednn)}),
            _CHOSEN: "",
        }
        return {name: str(value) for name, value in values.items()}

    def with_environment(self, environment: Mapping[str, str]) -> "ProcessorUse":
        """Return this with what ``environment`` sets, which comes first.

        Where it sets threads and not the parts, parts follow from the threads: a part for each
        operation at a time, if an operation has one thread.
        """
        onednn, intra, inter = self.onednn, self.intra_threads, self.inter_threads
        parts = self.batch_parts
        if environment.get(ONEDNN):
            onednn = environment[ONEDNN].strip().lower() not in ("0", "false")
        if environment.get(INTRA_THREADS) or environment.get(INTER_THREADS):
            intra, inter = _count(environment, INTRA_THREADS), _count(environment, INTER_THREADS)
            parts = max(inter, 1) if intra == 1 else 1
        return ProcessorUse(onednn, intra, inter, _count(environment, BATCH_PARTS) or parts)

    def describe(self) -> str:
        """Say it in words: ``oneDNN on, 2 operations at a time with 1 thread each, …``."""
        onednn = {None: "oneDNN as TensorFlow decides", True: "oneDNN on", False: "oneDNN off"}
        parts = "whole batches"
        if self.batch_parts > 1:
            parts = f"batches in {self.batch_parts} parts side by side"
        if not self.intra_threads and not self.inter_threads:
            threads = "TensorFlow’s own threads"
        else:
            threads = f"{_plural(self.inter_threads, 'operation')} at a time with " + (
                f"{_plural(self.intra_threads, 'thread')} each"
            )
        return f"{onednn[self.onednn]}, {threads}, {parts}"


TENSORFLOW_ALONE = ProcessorUse()
"""As TensorFlow is without cifarviz."""


def configure(home: Path) -> None:
    """Decide how to use the processor, just before TensorFlow is imported.

    ``home`` is where the result of a tune-up is looked for. Does nothing once TensorFlow is
    imported.
    """
    global _in_use
    if "tensorflow" in sys.modules:
        return
    tuned = load_tuned(home)
    _in_use = (tuned.use if tuned else default_use()).with_environment(_GIVEN)
    if ONEDNN in _GIVEN:
        return
    # Also what the process that started this one chose.
    for name in (ONEDNN, _CHOSEN):
        os.environ.pop(name, None)
    if _in_use.onednn is not None:
        os.environ[ONEDNN] = os.environ[_CHOSEN] = str(int(_in_use.onednn))


def in_use() -> ProcessorUse:
    """Return how this process uses the processor."""
    return _in_use


def given_variables() -> Mapping[str, str]:
    """Return those of ``VARIABLES`` that the process was started with."""
    return _GIVEN


def default_use() -> ProcessorUse:
    """Return what is best as far as the processor's capabilities tell, without measuring.

    oneDNN was quicker on every processor measured, those with AVX2 among them, where TensorFlow
    leaves it off. On two cores an operation keeps to one of them, and two halves of a batch are
    computed side by side. Beyond that TensorFlow's threads stay, until a tune-up has measured
    (docs/performance.md).
    """
    onednn = True if "avx2" in flags() else None
    return {
        1: ProcessorUse(onednn, 1, 1, 1),
        2: ProcessorUse(onednn, 1, 2, 2),
    }.get(usable_cores(), ProcessorUse(onednn))


def core_shares(count: int) -> tuple[tuple[int, ...], ...]:
    """Return the numbers of the cores for each of ``count`` processes, or of as many as cores.

    The shares are disjoint and of one size, so that equal runs are equally fast; cores that are
    left over have none.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    else:
        cores = list(range(usable_cores()))
    count = min(count, len(cores))
    size = len(cores) // count
    return tuple(tuple(cores[size * n : size * (n + 1)]) for n in range(count))


def share_use(home: Path, cores: int) -> ProcessorUse:
    """Return how a process uses so many cores, while others use the rest.

    As ``default_use``, with as many threads as cores, since TensorFlow's own number would be that
    of the whole computer where a process cannot be kept to its cores.
    """
    tuned = load_tuned(home)
    onednn = (tuned.use if tuned else default_use()).onednn
    threads = (1, cores, cores) if cores <= 2 else (cores, cores, 1)
    return ProcessorUse(onednn, *threads).with_environment(_GIVEN)


def environment_with(use: ProcessorUse) -> dict[str, str]:
    """Return the variables for a new Python process of cifarviz that uses the processor so."""
    others = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    paths = [str(Path(__file__).parent.parent), *filter(None, [others.get("PYTHONPATH")])]
    return {
        **others,
        **use.environment(),
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


@dataclass(frozen=True)
class Trial:
    """Images a second of each preset that was timed, with this use of the processor."""

    use: ProcessorUse
    images_per_second: Mapping[str, float]


@dataclass(frozen=True)
class Tuned:
    """What a tune-up found: the best use, and what was measured, in order."""

    use: ProcessorUse
    trials: tuple[Trial, ...]
    date: str
    """When, as ``2026-11-29``."""


def load_tuned(home: Path) -> Tuned | None:
    """Return the result of a tune-up on this processor with these versions, if there is one."""
    try:
        content = json.loads((home / TUNED_FILE).read_text("utf-8"))
        if content["measured_with"] != measured_with():
            return None
        return Tuned(
            ProcessorUse(**content["use"]),
            tuple(
                Trial(ProcessorUse(**trial["use"]), dict(trial["images_per_second"]))
                for trial in content["trials"]
            ),
            content["date"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tuned_content(tuned: Tuned) -> dict[str, object]:
    """Return what ``load_tuned`` reads, as JSON values."""
    return {"measured_with": measured_with(), **asdict(tuned)}


def measured_with() -> dict[str, str]:
    """Return what a measurement depends on: processor, cores and versions."""
    return {
        "processor": machine_name(),
        "instruction_set": instruction_set(),
        "limit": os.environ.get(_ISA_LIMIT, ""),
        "cifarviz": __version__,
        **{package: version(package) for package in ("tensorflow", "keras")},
    }


@cache
def machine_name(cores: int | None = None) -> str:
    """Return the processor and the usable cores: ``Intel(R) Xeon(R) Processor, 2 cores``.

    ``cores``: so many of them, for a process that has a share.
    """
    return f"{_processor()}, {_plural(cores or usable_cores(), 'core')}"


@cache
def instruction_set() -> str:
    """Return the newest instructions for numbers that the processor has: ``AVX2``, ``AMX``."""
    present = flags()
    return next((name for name, needed in _INSTRUCTION_SETS if present.issuperset(needed)), "–")


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool | None:
    """Whether bfloat16 is worth timing; ``None`` if unknown.

    Without instructions for it, or with oneDNN, which uses them, off, it is emulated and several
    times slower.
    """
    present = flags(cpuinfo)
    if not present:
        return None
    limit = os.environ.get(_ISA_LIMIT, "").upper()
    allowed = not limit or any(word in limit for word in _ISA_WITH_BFLOAT16)
    return bool(present & _BFLOAT16_FLAGS) and allowed and _in_use.onednn is not False


def flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """Return the processor's capabilities as Linux lists them; empty elsewhere.

    They are called ``flags`` on x86, ``Features`` on Arm.
    """
    return frozenset(
        flag
        for name, value in _facts(cpuinfo)
        if name in ("flags", "Features")
        for flag in value.split()
    )


@cache
def _facts(cpuinfo: Path) -> list[tuple[str, str]]:
    """Return names and values for each core; empty if the file cannot be read."""
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return []
    parts = (line.partition(":") for line in lines)
    return [(name.strip(), value.strip()) for name, _, value in parts]


def _processor() -> str:
    for name, value in _facts(_CPUINFO):
        if name == "model name":
            return value
    return platform.processor() or platform.machine() or "unknown processor"


def _count(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "").strip()
    return int(text) if text.isdecimal() else 0


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_in_use = default_use().with_environment(_GIVEN)
