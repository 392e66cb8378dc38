"""Read the program as syntax trees: its files, their imports, which need TensorFlow.

No file is imported for this.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

When = Literal["import", "call", "never"]
TENSORFLOW = frozenset({"tensorflow", "keras", "tf_keras"})


@dataclass(frozen=True)
class Import:
    """An imported module.

    ``at_top``: loaded when the file is imported; ``for_types``: only read by type checkers.
    """

    module: str
    line: int
    at_top: bool
    for_types: bool = False


@dataclass(frozen=True)
class Source:
    """A file: its path relative to the root, and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        return package_of(self.module)


def package_of(module: str) -> str:
    """Return the package of a module: ``data`` for ``cifarviz.data.library``."""
    parts = module.split(".")
    return parts[1] if parts[0] == "cifarviz" and len(parts) > 1 else parts[0]


class Tree:
    """All files of the program under ``root``: ``app.py``, ``pages`` and ``cifarviz``."""

    def __init__(self, root: Path) -> None:
        paths = [root / "app.py", *root.glob("pages/**/*.py"), *root.glob("cifarviz/**/*.py")]
        self.sources = [_read(path, root) for path in sorted(paths) if path.exists()]
        self._by_module = {source.module: source for source in self.sources}
        self._imports = {source.path: list(self._read_imports(source)) for source in self.sources}

    def imports(self, source: Source) -> list[Import]:
        """Return the imports of ``source``, each as the most precise known module."""
        return self._imports[source.path]

    def is_first_party(self, module: str) -> bool:
        return module.split(".")[0] in ("cifarviz", "pages", "app")

    @cached_property
    def starred(self) -> frozenset[str]:
        """The modules that load TensorFlow when imported, or are in ``network``."""
        starred = {
            source.module
            for source in self.sources
            if (source.package == "network" and not source.path.endswith("__init__.py"))
            or any(i.at_top and i.module.split(".")[0] in TENSORFLOW for i in self.imports(source))
        }
        while True:
            more = {
                source.module
                for source in self.sources
                if any(i.at_top and i.module in starred for i in self.imports(source))
            }
            if more <= starred:
                return frozenset(starred)
            starred |= more

    def _read_imports(self, source: Source) -> Iterator[Import]:
        for node, when in _nodes(source.tree, "import"):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = _base(source, node)
                names = [f"{base}.{alias.name}" for alias in node.names]
                # ``from cifarviz.data import Dataset`` names a module or something inside one.
                names = [n if n in self._by_module else base for n in names]
            elif isinstance(node, ast.Call) and (name := _imported_by_call(node)):
                names = [name]
            else:
                continue
            for name in dict.fromkeys(names):
                yield Import(name, node.lineno, when == "import", when == "never")


def used_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield every used name and its line: variables, attributes, keywords, imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
            if node.attr == "v1":
                yield ast.unparse(node), node.lineno
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value.lineno
        elif isinstance(node, ast.Import | ast.ImportFrom):
            base = getattr(node, "module", None)
            for alias in node.names:
                yield alias.name, node.lineno
                yield f"{base}.{alias.name}", node.lineno
            if base:
                yield base, node.lineno


def _read(path: Path, root: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(root).as_posix(), text, ast.parse(text, str(path)))


def _base(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.module.split(".")
    keep = len(package) - node.level + source.path.endswith("__init__.py")
    return ".".join([*package[:keep], *([node.module] if node.module else [])])


def _nodes(node: ast.AST, when: When) -> Iterator[tuple[ast.AST, When]]:
    """Yield every node below, and when it runs: at import, in a call, or never."""
    for child in ast.iter_child_nodes(node):
        inner = when
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inner = "call" if when == "import" else when
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            inner = "never"
        yield child, when
        yield from _nodes(child, inner)


def _imported_by_call(node: ast.Call) -> str | None:
    if ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__") and node.args:
        name = node.args[0]
        return name.value if isinstance(name, ast.Constant) and type(name.value) is str else None
    return None
