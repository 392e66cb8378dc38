"""The rules of ``docs/architecture.md`` hold, and the checker detects violations."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tests.boundaries import LONG, RULES, violations
from tests.source_tree import Tree

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(ROOT)


@pytest.mark.parametrize("rule", RULES)
def test_the_program_follows_the_rule(tree: Tree, rule: str) -> None:
    broken = violations(tree, rule)
    assert not broken, "\n" + "\n".join(map(str, broken))


def test_importing_files_without_star_does_not_load_tensorflow(tree: Tree) -> None:
    modules = [
        source.module
        for source in tree.sources
        if source.module.startswith("cifarviz")
        and source.module not in tree.starred
        and source.package != "__main__"
    ]
    # Prints for each heavy package the first module that imported it.
    script = (
        "import importlib, json, sys\n"
        "brought = {}\n"
        "for name in json.loads(sys.argv[1]):\n"
        "    importlib.import_module(name)\n"
        "    for heavy in ('tensorflow', 'keras', 'sklearn', 'optuna', 'ray'):\n"
        "        if heavy in sys.modules: brought.setdefault(heavy, name)\n"
        "print(json.dumps(brought))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, json.dumps(modules)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == {}


CONV = {
    "cifarviz/layers/base.py": "class Layer: ...",
    "cifarviz/layers/conv.py": "class Window(Layer): ...\n"
    "class Conv(Window):\n  type: Literal['conv'] = 'conv'\ndef size(): ...",
}

ZOO = {
    "cifarviz/datasets/registry.py": "from cifarviz.datasets.zoo import ZOO",
    "cifarviz/datasets/zoo.py": (
        'ZOO = DatasetInfo(name="zoo", title="The Zoo", image_shape=(16, 24, 1))'
    ),
}
DATASETS = "data sets only in their files"

VIOLATIONS = [
    (DATASETS, ZOO, None),
    (DATASETS, ZOO | {"cifarviz/ui/a.py": "from cifarviz.datasets.zoo import ZOO"}, 1),
    (DATASETS, ZOO | {"pages/a.py": "def f():\n  import cifarviz.datasets.zoo"}, 2),
    (DATASETS, ZOO | {"cifarviz/ui/a.py": "from cifarviz.datasets.registry import DATASETS"}, 1),
    (DATASETS, ZOO | {"cifarviz/ui/a.py": "from cifarviz.datasets.registry import find"}, None),
    (DATASETS, ZOO | {"cifarviz/ui/a.py": "x = find('zoo')"}, 1),
    (
        DATASETS,
        ZOO | {"cifarviz/ui/a.py": '"""Such as zoo, The Zoo."""\nx = "a zoo of layers"'},
        None,
    ),
    (DATASETS, ZOO | {"cifarviz/cli/a.py": "x = f'Only The Zoo has {y}.'"}, 1),
    (DATASETS, ZOO | {"cifarviz/figures/a.py": "\nshape = (16, 24, 1)"}, 2),
    (DATASETS, ZOO | {"cifarviz/experiment/published/a.py": "x = Data(dataset='zoo')"}, None),
    ("imports point one way", {"cifarviz/data/a.py": "from cifarviz.figures import b"}, 1),
    ("imports point one way", {"cifarviz/data/a.py": "\nfrom ..figures import b"}, 2),
    ("imports point one way", {"cifarviz/figures/a.py": "def f():\n  import cifarviz.runs.x"}, 2),
    ("imports point one way", {"cifarviz/training/a.py": "import cifarviz.analysis.x"}, 1),
    ("imports point one way", {"cifarviz/cli/a.py": "import cifarviz.ui.state"}, 1),
    ("imports point one way", {"app.py": "from cifarviz import data"}, 1),
    ("imports point one way", {"cifarviz/attic/a.py": ""}, 1),
    (
        "no import cycles",
        {"cifarviz/data/a.py": "from . import b", "cifarviz/data/b.py": "import json"},
        None,
    ),
    (
        "no import cycles",
        {
            "cifarviz/data/a.py": "from . import b",
            "cifarviz/data/b.py": "def f():\n  from . import c",
            "cifarviz/data/c.py": "import cifarviz.data.a",
        },
        1,
    ),
    ("streamlit only above", {"cifarviz/figures/a.py": "import streamlit as st"}, 1),
    ("streamlit only above", {"cifarviz/ui/a.py": "import streamlit as st"}, None),
    ("starlette only in live", {"cifarviz/ui/a.py": "from starlette.routing import Route"}, 1),
    ("starlette only in live", {"pages/a.py": "def f():\n  import starlette"}, 2),
    ("starlette only in live", {"cifarviz/live/a.py": "import starlette.websockets"}, None),
    ("starlette only in live", {"app.py": "from starlette.routing import Route"}, None),
    ("tensorflow only in starred files", {"cifarviz/runs/a.py": "import keras"}, 1),
    ("tensorflow only in starred files", {"cifarviz/network/a.py": "import keras"}, None),
    ("tensorflow only in starred files", {"cifarviz/network/__init__.py": "import keras"}, 1),
    ("tensorflow only in starred files", {"cifarviz/ui/cache.py": "import tensorflow"}, 1),
    (
        "tensorflow only in starred files",
        {"cifarviz/network/a.py": "", "cifarviz/ui/b.py": "from cifarviz.network import a"},
        1,
    ),
    (
        "tensorflow only in starred files",
        {
            "cifarviz/network/a.py": "",
            "cifarviz/training/fit.py": "from cifarviz.network.a import x",
            "cifarviz/executors/local.py": "from cifarviz.training.fit import y",
        },
        1,
    ),
    (
        "tensorflow only in starred files",
        {
            "cifarviz/network/a.py": "",
            "cifarviz/training/fit.py": "from cifarviz.network.a import x",
            "cifarviz/executors/local.py": "def f():\n  from cifarviz.training.fit import y",
            "cifarviz/cli.py": "def f():\n  import cifarviz.network.a",
        },
        None,
    ),
    (
        "tensorflow only in starred files",
        {
            "cifarviz/network/a.py": "",
            "cifarviz/ui/b.py": "import importlib\nimportlib.import_module('cifarviz.network.a')",
        },
        2,
    ),
    (
        "tensorflow only in starred files",
        {
            "cifarviz/network/a.py": "",
            "cifarviz/ui/panel.py": "def f():\n  import cifarviz.network.a",
        },
        2,
    ),
    (
        "tensorflow loaded by the lock",
        {
            "cifarviz/network/a.py": "",
            "cifarviz/cli.py": "def f():\n  with tensorflow_imports(home):\n"
            "    import cifarviz.network.a",
        },
        None,
    ),
    (
        "tensorflow loaded by the lock",
        {"cifarviz/network/a.py": "", "cifarviz/cli.py": "def f():\n  import cifarviz.network.a"},
        2,
    ),
    ("imports point one way", {"cifarviz/training/a.py": "import cifarviz.executors.worker"}, 1),
    ("imports point one way", {"cifarviz/runs/a.py": "import cifarviz.training.reporting"}, 1),
    (
        "executors by their entry",
        {"cifarviz/executors/local.py": "", "pages/a.py": "from cifarviz.executors import local"},
        1,
    ),
    (
        "executors by their entry",
        {
            "cifarviz/executors/worker.py": "from cifarviz.executors.local import x",
            "cifarviz/executors/local.py": "",
            "cifarviz/cli/a.py": "from cifarviz.executors.worker import Worker",
        },
        None,
    ),
    ("engine without store", {"cifarviz/training/engine.py": "import cifarviz.settings"}, 1),
    (
        "engine without store",
        {
            "cifarviz/training/engine.py": "from cifarviz.training import plan",
            "cifarviz/training/plan.py": "\ndef f():\n  from cifarviz.runs.store import RunStore",
        },
        3,
    ),
    (
        "engine without store",
        {
            "cifarviz/training/engine.py": "from cifarviz.training.reporting import Sink",
            "cifarviz/training/reporting.py": "import cifarviz.runs.records",
            "cifarviz/training/process_queue.py": "import cifarviz.runs.store",
        },
        None,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/experiment/a.py": "from cifarviz.layers.conv import Conv"},
        1,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/ui/a.py": "def f():\n  from cifarviz.layers.conv import Window"},
        2,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/ui/a.py": "from cifarviz.layers import conv"},
        1,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/ui/a.py": "import cifarviz.layers.conv"},
        1,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/ui/a.py": "from cifarviz.layers.conv import *"},
        1,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/ui/a.py": "x = [one for one in views if one.type == 'conv']"},
        1,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/ui/a.py": "\nx = layer['type'] in ('dense', 'conv')"},
        2,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/figures/a.py": "match layer.type:\n  case 'conv': ..."},
        1,
    ),
    (
        "layer types only in layers",
        {
            **CONV,
            "cifarviz/ui/a.py": "from cifarviz.layers.base import Layer\n"
            "from cifarviz.layers.conv import size",
        },
        None,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/ui/a.py": "x = one.type == other.type or name == 'conv'"},
        None,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/experiment/lab.py": "from cifarviz.layers.conv import Conv"},
        None,
    ),
    (
        "layer types only in layers",
        {**CONV, "cifarviz/layers/a.py": "from cifarviz.layers.conv import Conv"},
        None,
    ),
    (
        "tensorflow only in starred files",
        {"cifarviz/layers/a.py": "def f():\n  import keras"},
        None,
    ),
    ("tensorflow only in starred files", {"cifarviz/layers/a.py": "import keras"}, 1),
    ("slow libraries inside functions", {"cifarviz/data/a.py": "from sklearn import svm"}, 1),
    ("slow libraries inside functions", {"cifarviz/analysis/a.py": "import optuna"}, 1),
    (
        "slow libraries inside functions",
        {"cifarviz/data/a.py": "def f():\n  from sklearn import svm"},
        None,
    ),
    ("one session_state", {"pages/a.py": "import streamlit as st\nst.session_state.x = 1"}, 2),
    ("one session_state", {"cifarviz/ui/a.py": "from streamlit import session_state"}, 1),
    ("one session_state", {"cifarviz/ui/state.py": "st.session_state['x']"}, None),
    ("one place for class names", {"pages/a.py": "x = 1\nprint(info.classes)"}, 2),
    ("one place for class names", {"cifarviz/ui/a.py": "CIFAR10.class_names('ko')"}, 1),
    ("one place for class names", {"cifarviz/ui/a.py": "find(name).translations"}, 1),
    ("one place for class names", {"cifarviz/ui/a.py": "evaluation.classes"}, None),
    ("one place for class names", {"cifarviz/ui/class_names.py": "info.class_names()"}, None),
    ("one place for class names", {"cifarviz/cli/a.py": "info.classes"}, None),
    ("forbidden names", {"cifarviz/network/a.py": "keras.models.load_model('x')"}, 1),
    ("forbidden names", {"pages/a.py": "st.button('x', use_container_width=True)"}, 1),
    ("forbidden names", {"cifarviz/ui/a.py": "import streamlit.components.v1 as c"}, 1),
    ("forbidden names", {"cifarviz/ui/a.py": "st.components.v1.html('x')"}, 1),
    ("forbidden names", {"cifarviz/ui/a.py": "# load_model\nst.components.v2.component"}, None),
    ("file names", {"cifarviz/ui/utils.py": ""}, 1),
    ("file names", {"cifarviz/helpers/a.py": ""}, 1),
    ("lengths", {"pages/a.py": "x = 1\n" * 121}, 121),
    ("lengths", {"cifarviz/data/a.py": "x = 1\n" * 501}, None),
]


@pytest.mark.parametrize(("rule", "files", "line"), VIOLATIONS)
def test_a_breach_is_seen_where_it_is(
    tmp_path: Path, rule: str, files: dict[str, str], line: int | None
) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    found = violations(Tree(tmp_path), rule)

    # The last file that is not in order is the one that is named.
    assert (found[-1].line if found else None) == line


@pytest.mark.parametrize("folder", ["cifarviz", "tests", "scripts", "benchmarks"])
def test_long_files_are_named(folder: str) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in (ROOT / folder).rglob("*.py")
    }
    assert lengths
    for path, count in lengths.items():
        if count > LONG:
            warnings.warn(f"{path} has {count} lines: is it one thing?", stacklevel=1)
