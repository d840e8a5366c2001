"""usage: measure.py [--names] [FOLDER]

How the code of a checkout can be read: sizes, names, and how far a job reaches. FOLDER is another checkout. --names lists
the generic names instead, with their places.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

PACKAGES = ("conf", "schemas", "quality", "jobs")
GENERIC = {
    "found",
    "one",
    "told",
    "wanted",
    "known",
    "mine",
    "given",
    "other",
    "others",
    "thing",
    "things",
    "made",
    "seen",
}


def print_sizes(root: Path) -> int:
    """Print the measures; 0."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in _sources(root)}
    files = [len(path.read_text(encoding="utf-8").splitlines()) for path in trees]
    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    names = [node.name.strip("_") for node in functions if not node.name.startswith("__")]
    local_names = [name for node in functions for name in _local_names(node)]
    parameters = [name for node in functions for name in _parameter_names(node)]
    classes = Counter(node.name for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef))
    reach = [
        _own_modules(tree) for path, tree in trees.items() if "def add_arguments" in path.read_text(encoding="utf-8")
    ]
    rows = {
        "files": len(trees),
        "lines": sum(files),
        "lines a file, median": median(files),
        "lines a function without its docstring, median": median(map(_length, functions)),
        "one-word function names": _share(sum("_" not in name for name in names), len(names)),
        "locals with a generic name": _share(sum(name in GENERIC for name in local_names), len(local_names)),
        "parameters with a generic name": _share(sum(name in GENERIC for name in parameters), len(parameters)),
        "class names that several classes have": f"{sum(n > 1 for n in classes.values())} of {len(classes)}",
        "files at the root of jobs/": len([path for path in trees if path.parent.name == "jobs"]),
        "own modules a job imports, median (most)": f"{median(reach):g} ({max(reach)})",
    }
    for label, value in rows.items():
        print(f"{label:<48}{value:>16,}" if isinstance(value, int) else f"{label:<48}{value:>16}")
    return 0


def print_generic_names(root: Path) -> int:
    """Print the place of each function that has a generic name, and the names; 0."""
    for path in _sources(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                names = sorted({*_local_names(node), *_parameter_names(node)} & GENERIC)
                if names:
                    print(f"{path.relative_to(root)}:{node.lineno} {node.name}: {', '.join(names)}")
    return 0


def _sources(root: Path) -> Iterator[Path]:
    """Every Python file of the four packages, `__init__.py` that hold a docstring alone left out."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if path.name != "__init__.py" or len(path.read_text(encoding="utf-8").splitlines()) >= 5:
                yield path


def _length(node: ast.FunctionDef) -> int:
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or first.lineno) - first.lineno + 1


def _local_names(function: ast.FunctionDef) -> list[str]:
    """Names that the function binds, each once; parameters apart, and those of functions inside it."""
    inner = {id(node) for child in function.body for node in ast.walk(child) if _is_inside_another(child, node)}
    stores = (node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return sorted({node.id for node in stores if id(node) not in inner})


def _parameter_names(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _is_inside_another(child: ast.stmt, node: ast.AST) -> bool:
    functions = [inner for inner in ast.walk(child) if isinstance(inner, ast.FunctionDef)]
    return any(node in set(ast.walk(inner)) for inner in functions)


def _own_modules(tree: ast.Module) -> int:
    """How many of our own modules a file imports, at its top or inside its functions."""
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            path = node.module.removeprefix("oilake.")
            if path.split(".")[0] in PACKAGES:
                modules |= (
                    {path} if "." in path and path.count(".") > 1 else {f"{path}.{name.name}" for name in node.names}
                )
    return len(modules)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}"


if __name__ == "__main__":
    folders = [argument for argument in sys.argv[1:] if argument != "--names"]
    measure = print_generic_names if "--names" in sys.argv else print_sizes
    raise SystemExit(measure(Path(folders[0] if folders else Path(__file__).parents[1])))
