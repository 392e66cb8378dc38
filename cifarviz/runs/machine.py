"""This machine's name, to compare speeds by, and its processor's capabilities."""

import os
import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16", "svebf16"})


@cache
def machine_name() -> str:
    """Return the processor and the usable cores: ``Intel(R) Xeon(R) Processor, 2 cores``."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return f"{_processor()}, {cores} cores"


def has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool | None:
    """Whether the processor has instructions for bfloat16; ``None`` if unknown.

    Linux lists a processor's capabilities: as ``flags`` on x86, as ``Features`` on Arm.
    """
    listed = {
        flag
        for name, value in _facts(cpuinfo)
        if name in ("flags", "Features")
        for flag in value.split()
    }
    return bool(listed & _BFLOAT16_FLAGS) if listed else None


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
