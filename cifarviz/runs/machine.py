"""What this machine is called where speeds are compared, and what its processor can do."""

import os
import platform
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16", "svebf16"})


@cache
def machine_name() -> str:
    """Processor and number of usable cores, such as ``Intel(R) Xeon(R) Processor, 2 cores``."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return f"{_processor()}, {cores} cores"


def has_bfloat16(cpuinfo: Path = _CPUINFO) -> bool | None:
    """Whether the processor has instructions for bfloat16; ``None`` where that can't be read.

    Linux lists what a processor can do: as ``flags`` on x86, as ``Features`` on Arm.
    """
    listed = {
        flag
        for name, value in _facts(cpuinfo)
        if name in ("flags", "Features")
        for flag in value.split()
    }
    return bool(listed & _BFLOAT16_FLAGS) if listed else None


def _facts(cpuinfo: Path) -> list[tuple[str, str]]:
    """What the file says of each core, as names with values; nothing where it can't be read."""
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
