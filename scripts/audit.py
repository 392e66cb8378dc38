"""Looks up the known vulnerabilities of every package in a lock file.

python -m scripts.audit requirements-dev.lock

Exit code 1 means that there are some. Where they cannot be looked up, that is printed and the exit
code is 0, so that a build without a network passes; pip-audit itself would not say so.
"""

import json
import subprocess
import sys
from typing import Any

_SHOWN_PACKAGES = 5


def find_problems(report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return a line for each vulnerability, and the packages that were not looked up.

    ``report``: what ``pip-audit --format json`` prints.
    """
    problems: list[str] = []
    skipped: list[str] = []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            skipped.append(package["name"])
        for vulnerability in package.get("vulns", ()):
            fixed = ", ".join(vulnerability["fix_versions"]) or "no release"
            problems.append(
                f"{package['name']} {package['version']}: {vulnerability['id']}, mended in {fixed}"
            )
    return problems, skipped


def audit(lock: str) -> int:
    """Print what is known of the packages of a lock file; return the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes"]
    options = ["--disable-pip", "--progress-spinner", "off", "--format", "json"]
    result = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    try:
        report = json.loads(result.stdout)
    except ValueError:
        reason = (result.stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]
        print(f"NOT AUDITED: vulnerabilities could not be looked up ({reason}).")
        return 0
    problems, skipped = find_problems(report)
    count = len(report["dependencies"])
    print(*problems, sep="\n", end="\n" if problems else "")
    if skipped:
        names = ", ".join(skipped[:_SHOWN_PACKAGES]) + (" …" * (len(skipped) > _SHOWN_PACKAGES))
        print(
            f"NOT AUDITED: {len(skipped)} of {count} packages ({names}), as the package index "
            "here has no list of vulnerabilities."
        )
    if len(skipped) < count:
        print(f"{count - len(skipped)} packages of {lock}: {len(problems)} known vulnerabilities.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(audit(sys.argv[1]))
