"""The set-up, requirements and documents of a fresh clone."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.version import Version

from cifarviz import __version__
from tests.source_tree import Tree

ROOT = Path(__file__).parent.parent


def _requirements(name: str) -> list[str]:
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r "))]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_has_a_lower_and_an_upper_bound(name: str) -> None:
    lines = _requirements(name)
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[a-z-]+>=[\d.]+,<[\d.]+", line)] == []


def test_only_the_tested_minor_release_of_streamlit_is_allowed() -> None:
    [line] = [line for line in _requirements("requirements.txt") if line.startswith("streamlit")]
    tested = Version(version("streamlit"))
    allowed = Requirement(line).specifier
    assert tested in allowed
    assert Version(f"{tested.major}.{tested.minor - 1}.99") not in allowed
    assert Version(f"{tested.major}.{tested.minor + 1}.0") not in allowed


PYTHONS = ("3.11", "3.12", "3.13")


def _locked(name: str, python: str) -> dict[str, Version]:
    """Return the release of each package in a lock file for a Python on Linux."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    locked: dict[str, Version] = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(line.partition("--hash")[0])
            if requirement.marker is None or requirement.marker.evaluate(environment):
                assert requirement.name not in locked
                [pin] = requirement.specifier
                assert pin.operator == "=="
                assert re.search(r"--hash=sha256:[0-9a-f]{64}", line)
                locked[requirement.name] = Version(pin.version)
    return locked


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_satisfy_the_requirements_and_agree(python: str) -> None:
    locked, with_tools = (
        _locked(name, python) for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert locked.items() <= with_tools.items()
    for name, packages in (("requirements.txt", locked), ("requirements-dev.txt", with_tools)):
        for line in _requirements(name):
            requirement = Requirement(line)
            assert packages[requirement.name] in requirement.specifier, line


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_contains_no_index_or_url(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|file:|@ ", text)


@pytest.mark.parametrize("name", ["Dockerfile", "scripts/setup_environment.sh"])
def test_a_lock_is_installed_only_with_its_hashes(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    installing = [line for line in lines if re.search(r"\binstall\b.*(\.lock|\$last)", line)]
    commands = [line for line in installing if not line.lstrip().startswith(("#", "say "))]
    assert commands
    assert [line for line in commands if "--require-hashes" not in line] == []


def test_the_build_requires_only_locked_packages() -> None:
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(requires) <= set(_requirements("requirements-dev.txt"))


def test_every_package_imported_is_required() -> None:
    tree = Tree(ROOT)
    imported = {i.module.split(".")[0] for source in tree.sources for i in tree.imports(source)}
    providers = packages_distributions()
    needed = {
        re.sub("[-_.]+", "-", providers.get(name, [name])[0]).lower()
        for name in imported - sys.stdlib_module_names - {"cifarviz"}
    }
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    lines = [*_requirements("requirements.txt"), *itertools.chain(*extras.values())]
    required = {line.split(">=")[0] for line in lines}
    assert needed <= required, needed - required


def test_the_set_up_looks_for_the_supported_pythons() -> None:
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert supported == ">=3.11,<3.14"
    assert (
        "(3, 11) <= sys.version_info[:2] <= (3, 13)"
        in (ROOT / "scripts/setup_environment.sh").read_text()
    )


def test_every_make_target_is_explained_by_make_help() -> None:
    text = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"make ([a-z-]+)", text.split("help:\n")[1].split("\n\n")[0]))
    phony = re.search(r"\.PHONY: (.*)", text)
    assert phony
    inner = {"help", "environment", "environment-dev"}
    assert named == set(phony[1].split()) - inner


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "make run" in text
    assert "make test" in text


def test_contributing_names_existing_files() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = [path for path in re.findall(r"`([^` ]+/[^` ]*)`", text) if "NAME" not in path]
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_citation_names_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"(?m)^version: (.*)$", text) == [__version__]


def test_every_command_is_documented() -> None:
    text = "\n".join(p.read_text() for p in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    missing = [name for name in _commands() if f"python -m cifarviz {name}" not in text]
    assert missing == []


def _commands() -> list[str]:
    """Return all commands, with the names of their groups."""
    from cifarviz.cli.app import app

    names: list[str] = []
    rest: list[tuple[str, object]] = [("", typer.main.get_command(app))]
    while rest:
        name, command = rest.pop()
        inner = getattr(command, "commands", None)
        if inner is None:
            names.append(name)
        else:
            rest += [(f"{name} {key}".strip(), value) for key, value in inner.items()]
    return sorted(names)


@pytest.fixture
def setup_environment(tmp_path: Path):
    """Run the set-up in an empty folder where only the given Pythons exist."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "cat", "cmp", "rm", "sed", "touch"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "requirements.lock").write_text("numpy==1\n")
    (folder / "requirements-dev.lock").write_text(
        "numpy==1\nuv==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n    # via -r x\nx==1\n"
    )

    def run(pythons: dict[str, str], **variables: str) -> tuple[int, str]:
        for name, script in pythons.items():
            (tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (tools / name).chmod(0o755)
        result = subprocess.run(
            [tools / "sh", ROOT / "scripts/setup_environment.sh", "requirements.lock"],
            cwd=folder,
            env={"PATH": str(tools), **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return result.returncode, result.stderr

    run.folder = folder  # type: ignore[attr-defined]
    return run


_FAKE_UV = '#!/bin/sh\necho "${UV_DEFAULT_INDEX:-} $*" >>uv-calls'


# A script that imitates a Python of some version for the set-up. Its pip can install a fake uv, and
# both log their arguments.
def _python(version: str, fits: bool, venv: bool = True, uv: str = "exit 0") -> str:
    return (
        f'case "$2" in *print*) echo {version} ;; *sys.exit*) exit {int(not fits)} ;; '
        f"*ensurepip*) exit {int(not venv)} ;; esac; "
        'if [ "$1$2" = -mpip ]; then echo "$*" >>pip-calls; case "$*" in *uv.lock*) '
        f"echo '{_FAKE_UV}; {uv}' >.venv/bin/uv; /bin/chmod +x .venv/bin/uv ;; esac; fi; "
        'if [ "$1$2" = -mvenv ]; then /bin/mkdir -p .venv/bin; cat "$0" >.venv/bin/python; '
        "/bin/chmod +x .venv/bin/python; echo made >>made; fi"
    )


@pytest.mark.parametrize(
    ("pythons", "message"),
    [
        ({}, "No Python was found: please install Python 3.11, 3.12 or 3.13"),
        ({"python3": _python("3.9", fits=False)}, "Python 3.9 (python3) is too old for TensorFlow"),
        ({"python3": _python("3.14", False)}, "Python 3.14 (python3) is too new for TensorFlow"),
        ({"python3": "exit 127"}, "No Python was found"),
        ({"python3": _python("3.11", True, venv=False)}, "came without its venv module"),
    ],
)
def test_an_unsuitable_python_is_reported_in_one_line(setup_environment, pythons, message) -> None:
    code, error = setup_environment(pythons)
    assert code == 1
    assert message in error
    assert error.count("\n") == 1


def test_the_first_suitable_python_is_used(setup_environment) -> None:
    pythons = {
        "python3": _python("3.9", fits=False),
        "python3.13": "exit 127",
        "python3.12": _python("3.12", fits=True),
    }
    assert setup_environment(pythons)[0] == 0
    assert "echo 3.12" in (setup_environment.folder / ".venv/bin/python").read_text()


def test_an_environment_is_created_once_and_repaired_after_an_interruption(
    setup_environment,
) -> None:
    python = {"python3": _python("3.12", fits=True)}
    folder = setup_environment.folder

    def times_created() -> int:
        return (folder / "made").read_text().count("made")

    code, error = setup_environment(python)
    assert code == 0
    assert "Installing requirements.lock" in error
    code, error = setup_environment(python)
    assert (code, error, times_created()) == (0, "", 1)

    (folder / "requirements.lock").write_text("numpy==2\n")
    code, error = setup_environment(python)
    assert "Installing requirements.lock" in error
    assert times_created() == 1

    (folder / ".venv/installing").touch()
    assert setup_environment(python)[0] == 0
    assert times_created() == 2


def test_uv_is_fetched_and_installs_with_the_hashes_of_the_lock(setup_environment) -> None:
    python = {"python3": _python("3.12", fits=True)}
    folder = setup_environment.folder
    assert setup_environment(python, PIP_INDEX_URL="file:///mirror")[0] == 0
    lock = (folder / ".venv/uv.lock").read_text()
    assert lock == "uv==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n"
    calls = (folder / "pip-calls").read_text().splitlines()
    assert [call for call in calls if " install " in call] == [
        "-m pip install --quiet --require-hashes -r .venv/uv.lock"
    ]
    assert (folder / "uv-calls").read_text().splitlines()[-1] == (
        "file:///mirror pip install --quiet --python .venv/bin/python --require-hashes "
        "-r requirements.lock"
    )
    # The dashboard compiles the bytecode later.
    assert (folder / ".venv/not-compiled").exists()


@pytest.mark.parametrize("uv", ["exit 1", 'case "$1" in pip) exit 1 ;; esac'])
def test_without_uv_pip_installs_from_the_same_lock(setup_environment, uv: str) -> None:
    code, error = setup_environment({"python3": _python("3.12", fits=True, uv=uv)})
    assert code == 0
    assert "uv could not install the packages; trying pip." in error
    folder = setup_environment.folder
    assert (folder / "pip-calls").read_text().splitlines()[-1] == (
        "-m pip install --quiet --require-hashes -r requirements.lock"
    )
    assert (folder / ".venv/installed-requirements.lock").exists()
    assert not (folder / ".venv/not-compiled").exists()


def test_a_skip_fails_the_run_only_in_ci(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "def test_passes(): pass\n"
        "def test_skips(): pytest.skip('no browser')\n"
        "@pytest.mark.xfail\n"
        "def test_known(): assert False\n"
    )
    (tmp_path / "test_none.py").write_text("import pytest\npytest.importorskip('no_such_thing')\n")

    def run(ci: str, file: str = "") -> tuple[int, str]:
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path / file)],
            cwd=tmp_path,
            env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return result.returncode, result.stdout

    code, output = run("")
    assert (code, "1 passed, 2 skipped, 1 xfailed" in output) == (0, True), output
    code, output = run("true", "test_some.py")
    assert code != 0
    assert "In CI no test may be skipped. Skipped: no browser" in output
    assert "1 failed, 1 passed, 1 xfailed" in output
    code, output = run("true", "test_none.py")
    assert code != 0
    assert "In CI no test may be skipped. Skipped: could not import 'no_such_thing'" in output
