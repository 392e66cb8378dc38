"""The rules of ``docs/architecture.md``, each as a function that lists where a tree breaks it.

★ marks the files that need TensorFlow: every file of ``cifarviz/network``, and whatever imports
Keras, TensorFlow or another ★ file at its top.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.source_tree import TENSORFLOW, Source, Tree, package_of, words

# Each package of cifarviz and the packages it may import, beside itself. A new package starts with
# a line in this table.
PACKAGES: Mapping[str, frozenset[str]] = {
    "cifarviz": frozenset(),
    "errors": frozenset(),
    "settings": frozenset({"errors"}),
    "storage": frozenset({"errors"}),
    "loading": frozenset(),
    "escaping": frozenset(),
    "installation": frozenset(),
    "static_files": frozenset(),
    "bytecode": frozenset(),
    "value_text": frozenset(),
    "value": frozenset({"errors"}),
    "layers": frozenset({"value", "value_text", "errors"}),
    "image_structure": frozenset(),
    "datasets": frozenset({"image_structure", "errors"}),
    "data": frozenset(
        {
            "image_structure",
            "datasets",
            "loading",
            "storage",
            "errors",
            "settings",
            "installation",
        }
    ),
    "experiment": frozenset(
        {"escaping", "layers", "value", "value_text", "datasets", "data", "errors", "settings"}
    ),
    "network": frozenset({"experiment", "layers", "data", "errors", "settings"}),
    "runs": frozenset(
        {
            "escaping",
            "storage",
            "experiment",
            "layers",
            "datasets",
            "data",
            "errors",
            "settings",
            "installation",
        }
    ),
    "analysis": frozenset(
        {
            "loading",
            "storage",
            "runs",
            "network",
            "experiment",
            "value_text",
            "datasets",
            "data",
            "errors",
            "settings",
        }
    ),
    "figures": frozenset({"escaping", "experiment", "layers", "datasets", "data", "errors"}),
    # What is taken away holds no TensorFlow: Keras files are made in network.
    "export": frozenset(
        {
            "cifarviz",
            "escaping",
            "storage",
            "runs",
            "analysis",
            "figures",
            "experiment",
            "layers",
            "value",
            "value_text",
            "datasets",
            "data",
            "errors",
            "settings",
            "installation",
        }
    ),
    "training": frozenset(
        {"runs", "network", "experiment", "datasets", "data", "errors", "settings"}
    ),
    "executors": frozenset(
        {"loading", "training", "runs", "experiment", "datasets", "data", "errors", "settings"}
    ),
}
_BELOW = frozenset(PACKAGES)
PACKAGES = {
    **PACKAGES,
    "api": _BELOW,
    "live": _BELOW,
    "ui": _BELOW | {"live"},
    "cli": _BELOW,
    "__main__": frozenset({"cli", "cifarviz"}),
    "pages": _BELOW | {"ui"},
    "app": frozenset({"live", "ui", "installation", "static_files"}),
}

STAR_PACKAGES = frozenset({"network", "training", "analysis"})
# The files that may import a ★ file, inside a function only.
ENTRY_POINTS = ("cifarviz/executors", "cifarviz/ui/cache.py", "cifarviz/cli", "cifarviz/api.py")
# Layers import Keras where they build a Keras layer, and nothing else that needs TensorFlow.
KERAS_INSIDE_PACKAGE = "layers"
# Networks are written down here; everything else asks a layer, whatever its type.
RECIPES = ("cifarviz/experiment/published/", "cifarviz/experiment/lab.py")
STREAMLIT_PACKAGES = frozenset({"app", "pages", "ui"})
STARLETTE_PACKAGES = frozenset({"app", "live"})
# All that the others see of the executors.
EXECUTORS_ENTRY = "cifarviz.executors.worker"
ENGINE = "cifarviz.training.engine"
# Where the engine trains there may be none of these: it is given values, a sink and artifacts.
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
# Values whose classes have been named by that file, stand in the address, or are counted only.
NAMED_VALUES = frozenset({"evaluation", "scores", "view", "reader", "draft", "self"})
REGISTRY = "cifarviz.datasets.registry"
PRESETS_FOLDER = "cifarviz/experiment/published/"
# What tells one data set from another, as arguments of DatasetInfo.
OWN = ("name", "title", "image_shape")
FORBIDDEN_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "misc"})
FORBIDDEN_WORDS: Mapping[str, str] = {
    "load_model": "runs code that a stranger put into a file: build from our JSON, load the arrays",
    "clear_session": "breaks the models of every other thread of the server",
    "use_container_width": "is deprecated: width='stretch'",
}
LONGEST = {"pages": 120, "app": 80}
# Advice: a longer file may have more than one purpose.
LONG = 500


@dataclass(frozen=True, order=True)
class Violation:
    """One place that breaks a rule."""

    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}"


def violations(tree: Tree, rule: str) -> list[Violation]:
    """List where the tree breaks the rule of this name (one of ``RULES``)."""
    return sorted(RULES[rule](tree))


def _one_way(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        if source.package not in PACKAGES:
            rule = f"the package {source.package} is not in tests/boundaries.py"
            yield Violation(source.path, 1, rule)
            continue
        for found in tree.imports(source):
            package = package_of(found.module)
            allowed = PACKAGES[source.package] | {source.package}
            if tree.is_ours(found.module) and package not in allowed:
                rule = f"imports point one way: {source.package} must not import {package}"
                yield Violation(source.path, found.line, f"{rule} ({found.module})")


def _no_circles(tree: Tree) -> Iterator[Violation]:
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

    ways = {module: reachable(module) for module in lines}
    for module, found in lines.items():
        for target, line in found.items():
            if target != module and module in ways.get(target, ()):
                rule = f"no circles: {target} leads back to {module}"
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
        for found in tree.imports(source):
            if found.module.split(".")[0] == package and source.package not in packages:
                yield Violation(source.path, found.line, rule)


def _executors_by_their_entry(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        for found in tree.imports(source):
            if package_of(found.module) != "executors" or source.package == "executors":
                continue
            if found.module != EXECUTORS_ENTRY:
                rule = f"only {EXECUTORS_ENTRY} is known outside of executors"
                yield Violation(source.path, found.line, f"{rule} ({found.module})")


def _engine_without_store(tree: Tree) -> Iterator[Violation]:
    """Whatever the engine imports, directly or not, knows no store and no settings."""
    sources = {source.module: source for source in tree.sources}
    seen: set[str] = set()
    rest = [ENGINE]
    while rest:
        module = rest.pop()
        if module in seen or module not in sources:
            continue
        seen.add(module)
        for found in tree.imports(sources[module]):
            if found.for_types:
                continue
            rest.append(found.module)
            if found.module in NOT_FOR_THE_ENGINE:
                rule = "the engine, and what it imports, knows no store and no settings"
                yield Violation(sources[module].path, found.line, f"{rule} ({found.module})")


def _tensorflow_only_starred(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        star = source.module in tree.starred
        may_be_star = (
            source.package in STAR_PACKAGES
            and not _is_entry_point(source)
            and not source.path.endswith("__init__.py")
        )
        for found in tree.imports(source):
            to_tensorflow = found.module.split(".")[0] in TENSORFLOW
            if not to_tensorflow and found.module not in tree.starred:
                continue
            what = found.module if to_tensorflow else f"the ★ file {found.module}"
            if found.at_top and not may_be_star:
                rule = f"only ★ files import {what} at their top, and this is none"
            elif to_tensorflow and source.package == KERAS_INSIDE_PACKAGE:
                continue
            elif (
                not found.at_top
                and not found.for_types
                and not star
                and not _is_entry_point(source)
            ):
                places = ", ".join(ENTRY_POINTS)
                rule = f"only the entry points ({places}) import {what} inside a function"
            else:
                continue
            yield Violation(source.path, found.line, rule)


def _layers_asked_not_told_apart(tree: Tree) -> Iterator[Violation]:
    classes, types = _layer_types(tree)
    rule = "only cifarviz/layers/ and the recipes name a layer type; ask the layer instead"
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
    """Every layer class and its module, by their full names; and the ``type``s of layers."""
    defined = {
        node.name: (source.module, node)
        for source in tree.sources
        if source.package == "layers"
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    }
    found = {"Layer"}
    while more := {
        name
        for name, (_, node) in defined.items()
        if name not in found and any(ast.unparse(base) in found for base in node.bases)
    }:
        found |= more
    made = [defined[name] for name in found - {"Layer"}]
    classes = {f"{module}.{node.name}" for module, node in made} | {module for module, _ in made}
    types = {
        name
        for _, node in made
        for line in node.body
        if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == "type"
        for name in _constants(line.annotation)
    }
    return frozenset(classes), frozenset(types)


def _constants(node: ast.AST) -> list[object]:
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]


_TYPE = re.compile(r"""\.type\b|['"]type['"]|\b(layer_)?type\b""")


def _scikit_learn_inside(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        for found in tree.imports(source):
            if found.at_top and found.module.split(".")[0] == "sklearn":
                rule = "scikit-learn takes a second to import: import it inside the function"
                yield Violation(source.path, found.line, rule)


def _one_session_state(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        if source.path != SESSION_STATE_FILE:
            for word, line in words(source.tree):
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
                rule = f"only {CLASS_NAMES_FILE} asks a data set what its classes are called"
                yield Violation(source.path, node.lineno, f"{rule} ({owner}.{node.attr})")


def _only_its_file_knows_a_data_set(tree: Tree) -> Iterator[Violation]:
    """Outside their own files and the presets, data sets are what ``registry`` gives."""
    known = {source.module: own for source in tree.sources if (own := _data_sets(source))}
    taken = {word for words_of in known.values() for word in words_of}
    for source in tree.sources:
        if source.package == "datasets" or source.path.startswith(PRESETS_FOLDER):
            continue
        for found in tree.imports(source):
            if found.module in known:
                rule = f"ask {REGISTRY} for a data set instead of importing its file"
                yield Violation(source.path, found.line, f"{rule} ({found.module})")
        for word, line in words(source.tree):
            if word == f"{REGISTRY}.DATASETS":
                rule = f"the table of data sets is read by the functions of {REGISTRY}"
                yield Violation(source.path, line, rule)
        for value, line in _literals(source.tree):
            texts = [one for one in taken if isinstance(one, str) and isinstance(value, str)]
            if any(_names_it(value, one) for one in texts) or value in taken - set(texts):
                rule = f"what is particular to a data set stands in its file alone ({value!r:.60})"
                yield Violation(source.path, line, rule)


def _data_sets(source: Source) -> set[object]:
    """The names, titles and image shapes of the data sets that a file defines."""
    found: set[object] = set()
    for node in ast.walk(source.tree) if source.package == "datasets" else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "DatasetInfo":
            given = {
                one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg in OWN
            }
            found |= set(given.values())
    return found


def _literals(tree: ast.Module) -> Iterator[tuple[object, int]]:
    """Every text that is no docstring, and every tuple of numbers."""
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
            yield node.value, node.lineno
        elif isinstance(node, ast.Tuple) and all(
            isinstance(part, ast.Constant) and type(part.value) is int for part in node.elts
        ):
            yield ast.literal_eval(node), node.lineno


def _names_it(text: object, word: object) -> bool:
    """Whether a text is a data set's name, or has its title as a word of its own."""
    return text == word or bool(
        not str(word).islower()
        and re.search(rf"(?<![\w-]){re.escape(str(word))}(?![\w-])", str(text))
    )


def _forbidden_words(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        for word, line in words(source.tree):
            if word in FORBIDDEN_WORDS:
                yield Violation(source.path, line, f"never {word}: it {FORBIDDEN_WORDS[word]}")
            if word.endswith("components.v1"):
                rule = "never components.v1: it is deprecated; components.v2"
                yield Violation(source.path, line, rule)


def _names(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        for part in source.path.removesuffix(".py").split("/"):
            if part.strip("_") in FORBIDDEN_NAMES:
                rule = f"a file is named for what it does; {part} says nothing"
                yield Violation(source.path, 1, rule)


def _lengths(tree: Tree) -> Iterator[Violation]:
    for source in tree.sources:
        longest = LONGEST.get(source.package)
        count = len(source.text.splitlines())
        if longest is not None and count > longest:
            rule = f"{count} lines; at most {longest} here: what it calls goes into cifarviz/ui"
            yield Violation(source.path, longest + 1, rule)


RULES: Mapping[str, Callable[[Tree], Iterable[Violation]]] = {
    "imports point one way": _one_way,
    "no circles": _no_circles,
    "streamlit only above": _streamlit_only_above,
    "starlette only in live": _starlette_only_in_live,
    "executors by their entry": _executors_by_their_entry,
    "engine without store": _engine_without_store,
    "tensorflow only in starred files": _tensorflow_only_starred,
    "layers asked, not told apart": _layers_asked_not_told_apart,
    "scikit-learn inside functions": _scikit_learn_inside,
    "one session_state": _one_session_state,
    "one place for class names": _one_place_for_class_names,
    "only its file knows a data set": _only_its_file_knows_a_data_set,
    "forbidden words": _forbidden_words,
    "names": _names,
    "lengths": _lengths,
}


def _is_entry_point(source: Source) -> bool:
    return any(
        source.path == entry_point or source.path.startswith((entry_point + "/", entry_point + "."))
        for entry_point in ENTRY_POINTS
    )
