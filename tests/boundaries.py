"""The rules of ``docs/architecture.md``, as functions that list their violations in a tree.

★ marks the files that need TensorFlow: every file of ``cifarviz/network``, and whatever imports
Keras, TensorFlow or another ★ file at its top.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.package_imports import PACKAGES
from tests.source_tree import TENSORFLOW, Source, Tree, package_of, used_names

STAR_PACKAGES = frozenset({"network", "training", "analysis"})
# The files that may import a ★ file, inside a function only.
ENTRY_POINTS = ("cifarviz/executors", "cifarviz/ui/cache.py", "cifarviz/cli", "cifarviz/api.py")
# Layers import Keras where they build a Keras layer, and nothing else that needs TensorFlow.
KERAS_INSIDE_PACKAGE = "layers"
# Networks are defined here; other code must not depend on layer types.
RECIPES = ("cifarviz/experiment/published/", "cifarviz/experiment/lab.py")
STREAMLIT_PACKAGES = frozenset({"app", "pages", "ui"})
STARLETTE_PACKAGES = frozenset({"app", "live"})
# The only module of executors that other packages may import.
EXECUTORS_ENTRY = "cifarviz.executors.worker"
ENGINE = "cifarviz.training.engine"
# The engine must not import these: it receives values, a sink and artifacts.
NOT_FOR_THE_ENGINE = frozenset(
    {
        "cifarviz.settings",
        "cifarviz.data.library",
        "cifarviz.runs.store",
        "cifarviz.runs.database",
        "cifarviz.runs.queue",
        "cifarviz.runs.locks",
        "cifarviz.runs.leases",
    }
)
SESSION_STATE_FILE = "cifarviz/ui/state.py"
CLASS_NAMES_FILE = "cifarviz/ui/class_names.py"
# Values whose classes that file has named, are in the address, or are only counted.
NAMED_VALUES = frozenset({"evaluation", "scores", "view", "draft", "report", "self"})
REGISTRY = "cifarviz.datasets.registry"
PRESETS_FOLDER = "cifarviz/experiment/published/"
# Arguments of DatasetInfo that identify a data set.
IDENTIFYING = ("name", "title", "image_shape")
FORBIDDEN_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "misc"})
FORBIDDEN_IDENTIFIERS: Mapping[str, str] = {
    "load_model": "runs code stored in the file: build from our JSON, load the arrays",
    "clear_session": "breaks the models of every other thread of the server",
    "use_container_width": "is deprecated: width='stretch'",
}
MAX_LINES = {"pages": 120, "app": 80}
# Advice: a longer file may have more than one purpose.
LONG = 500


@dataclass(frozen=True, order=True)
class Violation:
    """A place that breaks a rule."""

    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}"


def violations(tree: Tree, rule: str) -> list[Violation]:
    """Return the violations of a rule, a key of ``RULES``, in the tree."""
    return sorted(RULES[rule](tree))


def _one_way(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        if source.package not in PACKAGES:
            rule = f"the package {source.package} is not in tests/package_imports.py"
            yield Violation(source.path, 1, rule)
            continue
        for imported in tree.imports(source):
            package = package_of(imported.module)
            allowed = PACKAGES[source.package] | {source.package}
            if tree.is_first_party(imported.module) and package not in allowed:
                rule = f"imports point one way: {source.package} must not import {package}"
                yield Violation(source.path, imported.line, f"{rule} ({imported.module})")


def _no_cycles(tree: Tree) -> Iterator[Violation]:
    lines = {s.module: {i.module: i.line for i in tree.imports(s)} for s in tree.sources}
    paths = {source.module: source.path for source in tree.sources}

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        rest = list(lines[start])
        while rest:
            module = rest.pop()
            if module in lines and module not in seen:
                seen.add(module)
                rest.extend(lines[module])
        return seen

    targets = {module: reachable(module) for module in lines}
    for module, imports in lines.items():
        for target, line in imports.items():
            if target != module and module in targets.get(target, ()):
                rule = f"no import cycles: {target} leads back to {module}"
                yield Violation(paths[module], line, rule)


def _streamlit_only_above(tree: Tree) -> Iterator[Violation]:
    rule = "streamlit is imported only in app.py, pages/ and cifarviz/ui/"
    return _imported_only_in(tree, "streamlit", STREAMLIT_PACKAGES, rule)


def _starlette_only_in_live(tree: Tree) -> Iterator[Violation]:
    rule = "starlette is imported only in app.py and cifarviz/live/"
    return _imported_only_in(tree, "starlette", STARLETTE_PACKAGES, rule)


def _imported_only_in(
    tree: Tree, package: str, packages: frozenset[str], rule: str
) -> Iterator[Violation]:
    for source in tree.sources:
        for imported in tree.imports(source):
            if imported.module.split(".")[0] == package and source.package not in packages:
                yield Violation(source.path, imported.line, rule)


def _executors_by_their_entry(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        for imported in tree.imports(source):
            if package_of(imported.module) != "executors" or source.package == "executors":
                continue
            if imported.module != EXECUTORS_ENTRY:
                rule = f"other packages import only {EXECUTORS_ENTRY} of executors"
                yield Violation(source.path, imported.line, f"{rule} ({imported.module})")


def _engine_without_store(tree: Tree) -> Iterator[Violation]:
    """The engine does not import the store or settings, directly or indirectly."""
    sources = {source.module: source for source in tree.sources}
    seen: set[str] = set()
    rest = [ENGINE]
    while rest:
        module = rest.pop()
        if module in seen or module not in sources:
            continue
        seen.add(module)
        for imported in tree.imports(sources[module]):
            if imported.for_types:
                continue
            rest.append(imported.module)
            if imported.module in NOT_FOR_THE_ENGINE:
                rule = "the engine must not import the store or settings, directly or indirectly"
                yield Violation(sources[module].path, imported.line, f"{rule} ({imported.module})")


def _tensorflow_only_starred(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        star = source.module in tree.starred
        may_be_star = (
            source.package in STAR_PACKAGES
            and not _is_entry_point(source)
            and not source.path.endswith("__init__.py")
        )
        for imported in tree.imports(source):
            to_tensorflow = imported.module.split(".")[0] in TENSORFLOW
            if not to_tensorflow and imported.module not in tree.starred:
                continue
            what = imported.module if to_tensorflow else f"the ★ file {imported.module}"
            if imported.at_top and not may_be_star:
                rule = f"only ★ files import {what} at their top, and this is not a ★ file"
            elif to_tensorflow and source.package == KERAS_INSIDE_PACKAGE:
                continue
            elif (
                not imported.at_top
                and not imported.for_types
                and not star
                and not _is_entry_point(source)
            ):
                places = ", ".join(ENTRY_POINTS)
                rule = f"only the entry points ({places}) import {what} inside a function"
            else:
                continue
            yield Violation(source.path, imported.line, rule)


def _tensorflow_loaded_by_the_lock(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        if source.module in tree.starred or not _is_entry_point(source):
            continue
        held = {
            line
            for node in ast.walk(source.tree)
            if isinstance(node, ast.With)
            and any(
                ast.unparse(item.context_expr).startswith("tensorflow_imports(")
                for item in node.items
            )
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        for imported in tree.imports(source):
            if imported.at_top or imported.for_types or imported.line in held:
                continue
            if imported.module in tree.starred or imported.module.split(".")[0] in TENSORFLOW:
                rule = f"import {imported.module} inside `with tensorflow_imports(home)`"
                yield Violation(source.path, imported.line, rule)


def _layer_types_only_in_layers(tree: Tree) -> Iterator[Violation]:
    classes, types = _layer_types(tree)
    rule = "only cifarviz/layers/ and recipes refer to a layer type; use the layer's methods"
    for source in tree.sources:
        if source.package == "layers" or source.path.startswith(RECIPES):
            continue
        for node in ast.walk(source.tree):
            named: Iterable[object]
            if isinstance(node, ast.Import):
                named = (alias.name for alias in node.names if alias.name in classes)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                # With a star, all the module's classes.
                names |= {node.module} if f"{node.module}.*" in names else set()
                named = sorted(names & classes)
            elif isinstance(node, ast.Compare) and _TYPE.search(ast.unparse(node)):
                named = _constants(node)
            elif isinstance(node, ast.Match) and _TYPE.search(ast.unparse(node.subject)):
                named = [name for case in node.cases for name in _constants(case.pattern)]
            else:
                continue
            for name in named:
                if isinstance(node, ast.Import | ast.ImportFrom) or name in types:
                    yield Violation(source.path, node.lineno, f"{rule} ({name})")


def _layer_types(tree: Tree) -> tuple[frozenset[str], frozenset[object]]:
    """Return the full names of layer classes and modules, and the ``type``s of layers."""
    defined = {
        node.name: (source.module, node)
        for source in tree.sources
        if source.package == "layers"
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    }
    layers = {"Layer"}
    while more := {
        name
        for name, (_, node) in defined.items()
        if name not in layers and any(ast.unparse(base) in layers for base in node.bases)
    }:
        layers |= more
    types_defined = [defined[name] for name in layers - {"Layer"}]
    classes = {f"{module}.{node.name}" for module, node in types_defined}
    classes |= {module for module, _ in types_defined}
    types = {
        name
        for _, node in types_defined
        for line in node.body
        if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == "type"
        for name in _constants(line.annotation)
    }
    return frozenset(classes), frozenset(types)


def _constants(node: ast.AST) -> list[object]:
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]


_TYPE = re.compile(r"""\.type\b|['"]type['"]|\b(layer_)?type\b""")


def _slow_libraries_inside(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        for imported in tree.imports(source):
            library = imported.module.split(".")[0]
            if imported.at_top and library in ("sklearn", "optuna"):
                rule = f"{library} takes long to import: import it inside the function"
                yield Violation(source.path, imported.line, rule)


def _one_session_state(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        if source.path != SESSION_STATE_FILE:
            for word, line in used_names(source.tree):
                if word == "session_state":
                    rule = f"only {SESSION_STATE_FILE} touches session_state"
                    yield Violation(source.path, line, rule)


def _one_place_for_class_names(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        if source.package not in STREAMLIT_PACKAGES or source.path == CLASS_NAMES_FILE:
            continue
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Attribute):
                continue
            owner = ast.unparse(node.value)
            if node.attr in ("class_names", "translations") or (
                node.attr == "classes" and owner.split(".")[-1] not in NAMED_VALUES
            ):
                rule = f"only {CLASS_NAMES_FILE} reads the class names of a data set"
                yield Violation(source.path, node.lineno, f"{rule} ({owner}.{node.attr})")


def _data_sets_only_in_their_files(tree: Tree) -> Iterator[Violation]:
    """Outside their own files and the presets, data sets come from ``registry``."""
    known = {source.module: facts for source in tree.sources if (facts := _data_sets(source))}
    facts = set().union(*known.values())
    for source in tree.sources:
        if source.package == "datasets" or source.path.startswith(PRESETS_FOLDER):
            continue
        for imported in tree.imports(source):
            if imported.module in known:
                rule = f"get data sets from {REGISTRY} instead of importing their files"
                yield Violation(source.path, imported.line, f"{rule} ({imported.module})")
        for word, line in used_names(source.tree):
            if word == f"{REGISTRY}.DATASETS":
                rule = f"use the functions of {REGISTRY} instead of its table"
                yield Violation(source.path, line, rule)
        for value, line in _literals(source.tree):
            texts = [fact for fact in facts if isinstance(fact, str) and isinstance(value, str)]
            if any(_mentions(value, text) for text in texts) or value in facts - set(texts):
                rule = f"facts of a data set belong only into its file ({value!r:.60})"
                yield Violation(source.path, line, rule)


def _data_sets(source: Source) -> set[object]:
    """Return the names, titles and image shapes of the data sets that a file defines."""
    facts: set[object] = set()
    for node in ast.walk(source.tree) if source.package == "datasets" else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "DatasetInfo":
            facts |= {
                ast.literal_eval(keyword.value)
                for keyword in node.keywords
                if keyword.arg in IDENTIFYING and _is_literal(keyword.value)
            }
    return facts


def _is_literal(node: ast.expr) -> bool:
    """Whether it is a fixed value, as that of an imported data set is not."""
    return all(isinstance(part, ast.Constant | ast.Tuple | ast.Load) for part in ast.walk(node))


def _literals(tree: ast.Module) -> Iterator[tuple[object, int]]:
    """Yield every text that is not a docstring, and every tuple of numbers."""
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
            yield node.value, node.lineno
        elif isinstance(node, ast.Tuple) and all(
            isinstance(part, ast.Constant) and type(part.value) is int for part in node.elts
        ):
            yield ast.literal_eval(node), node.lineno


def _mentions(text: object, word: object) -> bool:
    """Return whether a text is a data set's name, or contains its title as a word."""
    return text == word or bool(
        not str(word).islower()
        and re.search(rf"(?<![\w-]){re.escape(str(word))}(?![\w-])", str(text))
    )


def _forbidden_identifiers(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        for word, line in used_names(source.tree):
            if word in FORBIDDEN_IDENTIFIERS:
                yield Violation(
                    source.path, line, f"never {word}: it {FORBIDDEN_IDENTIFIERS[word]}"
                )
            if word.endswith("components.v1"):
                rule = "never components.v1: it is deprecated; components.v2"
                yield Violation(source.path, line, rule)


def _file_names(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        for part in source.path.removesuffix(".py").split("/"):
            if part.strip("_") in FORBIDDEN_NAMES:
                rule = f"name files after their purpose; {part} is too general"
                yield Violation(source.path, 1, rule)


def _lengths(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        longest = MAX_LINES.get(source.package)
        count = len(source.text.splitlines())
        if longest is not None and count > longest:
            rule = f"{count} lines; at most {longest} here: what it calls goes into cifarviz/ui"
            yield Violation(source.path, longest + 1, rule)


RULES: Mapping[str, Callable[[Tree], Iterable[Violation]]] = {
    "imports point one way": _one_way,
    "no import cycles": _no_cycles,
    "streamlit only above": _streamlit_only_above,
    "starlette only in live": _starlette_only_in_live,
    "executors by their entry": _executors_by_their_entry,
    "engine without store": _engine_without_store,
    "tensorflow only in starred files": _tensorflow_only_starred,
    "tensorflow loaded by the lock": _tensorflow_loaded_by_the_lock,
    "layer types only in layers": _layer_types_only_in_layers,
    "slow libraries inside functions": _slow_libraries_inside,
    "one session_state": _one_session_state,
    "one place for class names": _one_place_for_class_names,
    "data sets only in their files": _data_sets_only_in_their_files,
    "forbidden names": _forbidden_identifiers,
    "file names": _file_names,
    "lengths": _lengths,
}


def _is_entry_point(source: Source) -> bool:
    return any(
        source.path == entry_point or source.path.startswith((entry_point + "/", entry_point + "."))
        for entry_point in ENTRY_POINTS
    )
