"""What `make audit` makes of the output of pip-audit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SAFE = {"name": "numpy", "version": "2.4.6", "vulns": []}
SKIPPED = {"name": "keras", "skip_reason": "Dependency not found and could not be audited"}
VULNERABLE = {
    "name": "pillow",
    "version": "9.0.0",
    "vulns": [{"id": "CVE-2022-22817", "fix_versions": ["9.0.1"], "aliases": []}],
}


def _audit(folder: Path, printed: str, error: str = "") -> tuple[int, str]:
    """Return exit code and output, with a pip-audit that prints this."""
    (folder / "pip_audit.py").write_text(
        f"import sys\nprint({printed!r})\nprint({error!r}, file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "scripts.audit", "some.lock"],
        cwd=ROOT,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("packages", "code", "expected"),
    [
        ([SAFE], 0, "1 packages of some.lock: 0 known vulnerabilities.\n"),
        ([VULNERABLE], 1, "pillow 9.0.0: CVE-2022-22817, mended in 9.0.1\n"),
        ([SAFE, SKIPPED, VULNERABLE], 1, "NOT AUDITED: 1 of 3 packages (keras)"),
        ([SKIPPED], 0, "NOT AUDITED: 1 of 1 packages (keras)"),
    ],
)
def test_vulnerabilities_fail_the_audit_and_gaps_are_said(
    tmp_path: Path, packages: list[dict], code: int, expected: str
) -> None:
    ended, output = _audit(tmp_path, json.dumps({"dependencies": packages, "fixes": []}))
    assert ended == code
    assert expected in output


def test_without_a_network_the_audit_says_so_and_passes(tmp_path: Path) -> None:
    code, output = _audit(tmp_path, "", "ERROR: Could not connect to the vulnerability feed")
    assert code == 0
    assert output.startswith("NOT AUDITED: vulnerabilities could not be looked up (ERROR: Could")
