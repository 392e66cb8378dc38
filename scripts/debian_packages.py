"""Install what tests need beside Python packages, as Debian's packages.

``python -m scripts.debian_packages`` installs nginx, before which a class is tested, if it is
missing, or says how to; ``scripts.chromium`` installs the browser.
"""

import os
import shutil
import subprocess
from pathlib import Path

_APT = ("apt-get", "-qq", "-o", "Acquire::Retries=3")
_NGINX = ("nginx", "openssl")
# Where a system has its services; not in the PATH of every user.
_SERVICES = "/usr/sbin"

MISSING_NGINX = (
    "nginx and openssl were not found. Install them (Debian, Ubuntu: apt-get install nginx-light "
    "openssl)."
)


def find_nginx() -> str | None:
    """Return the path of nginx; None without it, or without openssl, which makes certificates."""
    paths = [find_program(name) for name in _NGINX]
    return paths[0] if all(paths) else None


def find_program(name: str) -> str | None:
    """Return the path of a program or service of this computer."""
    return shutil.which(name) or shutil.which(name, path=_SERVICES)


def install(purpose: str, *packages: str) -> bool:
    """Install packages for root with apt-get; returns False where that cannot be."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not root or not shutil.which("apt-get"):
        return False
    print(f"Installing Debian's {packages[0]} for {purpose}.", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "-y", "--no-install-recommends", *packages)):
        subprocess.run([*_APT, *arguments], env=environment, stdin=subprocess.DEVNULL, check=False)
    return True


def main() -> None:
    """Print the path of nginx, or why there is none."""
    # Where systemd runs, Debian would start it as a service.
    if find_nginx() is None and not Path("/run/systemd/system").exists():
        install("the test of a class behind a proxy", "nginx-light", "openssl")
    print(f"nginx: {path}" if (path := find_nginx()) else MISSING_NGINX, flush=True)


if __name__ == "__main__":
    main()
