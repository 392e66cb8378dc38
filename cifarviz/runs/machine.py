"""What this machine is called where speeds are compared."""

import os
import platform
from functools import cache
from pathlib import Path


@cache
def machine_name() -> str:
    """Processor and number of usable cores, such as ``Intel(R) Xeon(R) Processor, 2 cores``."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return f"{_processor()}, {cores} cores"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown processor"
