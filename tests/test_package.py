"""The installed wheel works like the checkout."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cifarviz import __version__
from cifarviz.cli.dashboard import ADDRESS, free_port
from cifarviz.static_files import PLOTLY_SCRIPT, provide
from scripts.page_request import exceptions, headings, request_page

ROOT = Path(__file__).parent.parent
# TensorFlow's first import in a fresh environment compiles it.
pytestmark = pytest.mark.timeout(300)
_BUILD = ("-m", "build", "--no-isolation")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from the source archive like a release."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, *_BUILD, "--outdir", folder, ROOT)
    assert len(list(folder.glob("*.tar.gz"))) == 1
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the wheel and this one's packages."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    install = ("-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--no-config")
    _run(sys.executable, *install, "--python", python, wheel)
    [site] = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return message_from_bytes(archive.read(f"cifarviz-{__version__}.dist-info/METADATA"))


def test_the_wheel_contains_every_file_of_the_program(wheel: Path) -> None:
    expected = {
        f"cifarviz/{'' if place == 'cifarviz' else f'_dashboard/{place}/'}"
        f"{path.relative_to(ROOT / place).as_posix()}"
        for place in ("cifarviz", "assets", "pages")
        for path in (ROOT / place).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected |= {"cifarviz/_dashboard/app.py", "cifarviz/_dashboard/.streamlit/config.toml"}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == expected
    assert "cifarviz/py.typed" in names


def test_the_metadata_lists_requirements_and_licences(wheel: Path, metadata: Message) -> None:
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "MIT"
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = {str(Requirement(line)) for line in lines if not line.startswith("#")}
    needed = [Requirement(line) for line in metadata.get_all("Requires-Dist", ())]
    assert {str(one) for one in needed if one.marker is None} == required
    extras = [(one.name, str(one.marker)) for one in needed if one.marker is not None]
    assert extras == [
        ("ray", 'extra == "cluster"'),
        ("authlib", 'extra == "school"'),
        ("httpx", 'extra == "school"'),
    ]
    with zipfile.ZipFile(wheel) as archive:
        licences = f"cifarviz-{__version__}.dist-info/licenses/"
        for name in metadata.get_all("License-File", ()):
            assert archive.read(licences + name) == (ROOT / name).read_bytes()


def test_the_command_and_the_module_do_the_same(python: Path, tmp_path: Path) -> None:
    command, module = (python.with_name("cifarviz"),), (python, "-m", "cifarviz")
    for arguments, name in ((command, "cifarviz"), (module, "python -m cifarviz")):
        assert _run(*arguments, "--version", cwd=tmp_path) == f"cifarviz {__version__}\n"
        result = subprocess.run(
            [*arguments, "--no-such-option"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 2
        assert result.stderr.rstrip().endswith(f"See {name} --help")
    installed = "import importlib.metadata as m; print(m.version('cifarviz'))"
    assert _run(python, "-c", installed, cwd=tmp_path) == f"{__version__}\n"


@pytest.fixture
def server(python: Path, tmp_path: Path) -> Iterator[str]:
    """Return the address of the installed dashboard, started in another folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    # A module in the current folder must not be imported.
    (folder / "numpy.py").write_text("raise SystemExit('not this one')\n")
    port = free_port()
    process = subprocess.Popen(
        [python.with_name("cifarviz"), "--no-browser", "--port", str(port)],
        cwd=folder,
        env={**os.environ, "CIFARVIZ_RECORDED": "1", "CIFARVIZ_WARM_UP": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert any(f"http://{ADDRESS}:{port}" in line for line in lines)
        yield f"http://{ADDRESS}:{port}"
        # To the process group, as a terminal sends it.
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_the_installed_dashboard_serves_its_pages(
    server: str, python: Path, tmp_path: Path
) -> None:
    package = next(python.parent.parent.glob("lib/python*/site-packages/cifarviz"))
    before = _files(package)
    start = request_page(server)
    assert exceptions(start) == []
    assert "cifarviz" in headings(start)[0]
    # Streamlit reads the theme from the folder of its script.
    session = next(m.new_session for m in start if m.HasField("new_session"))
    assert "#0072B2" in str(session.custom_theme)
    for page, title in (("samples", "Samples"), ("runs", "Runs"), ("predict", "Predict")):
        messages = request_page(server, page)
        assert exceptions(messages) == []
        assert title in headings(messages)[0]
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{server}/app/static/{PLOTLY_SCRIPT}", timeout=20) as reply:
        assert reply.read() == provide(tmp_path / "plotly").read_bytes()
    # The package's folder may be read-only.
    assert _files(package) == before


def test_a_run_trains_and_is_listed(python: Path, tmp_path: Path) -> None:
    command = python.with_name("cifarviz")
    arguments = "train cifar10-starter --data sample --train-images 64 --batch-size 32 --epochs 1"
    trained = json.loads(_run(command, *arguments.split(), "--json", cwd=tmp_path))
    assert trained["state"] == "finished"
    [run] = json.loads(_run(command, "runs", "--json", cwd=tmp_path))
    assert run["run"] == trained["run"]


def _files(folder: Path) -> set[Path]:
    return {p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def _run(*arguments: object, cwd: Path | None = None) -> str:
    """Run a command and return its output; assert that it succeeds."""
    result = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
