"""Fingerprints of the code and YAML that decide a job's rows: imports are followed from the job, so no list is kept by hand.

See docs/adr/0012-code-fingerprints.md.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from oilake.conf.errors import ConfigError
from oilake.schemas import loader as schemas

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DISTRIBUTION = "open-images-lakehouse"
PACKAGES = ("conf", "schemas", "quality", "jobs")
ROOT_PREFIX = "oilake."
DOTTED_NAME = rf"(?:oilake\.)?(?:{'|'.join(PACKAGES)})(?:[.:]\w+)+"
# A value or list item of YAML that is all a module's name, or the name of something in one.
YAML_NAME = re.compile(rf"(?:^|[-:,\[{{])[ \t]*[\"']?({DOTTED_NAME})[\"']?[ \t]*(?=$|[,\]}}#])", re.MULTILINE)
# The beginning of a module's name that is completed as the code runs.
UNFINISHED_NAME = re.compile(rf"(?:oilake\.)?(?:{'|'.join(PACKAGES)})(?:\.\w+)*\.(?:$|[%{{])")
IMPORTERS = ("import_module", "__import__")
ANY_NAME = "*"
MAIN_TEST = "__name__ == '__main__'"

NodesByType = dict[type[ast.AST], list[Any]]


@dataclass(frozen=True)
class ModuleText:
    """One module. `imports`: (module, name in it or nothing); `data`: paths of package data that it reads, `*` for a name
    that it computes; `texts`: all its strings; `bound`: all names that it defines."""

    content: bytes
    imports: tuple[tuple[str, str], ...]
    data: tuple[str, ...]
    texts: frozenset[str]
    bound: frozenset[str]


@cache
def code_digest(module: str, *jobs: str) -> bytes:
    """SHA-256 over all files that `reachable_files` finds."""
    return digest_files(reachable_files(module, *jobs))


def digest_files(content_by_path: Mapping[str, bytes]) -> bytes:
    """SHA-256 over the paths and the contents of files, in the order of their paths."""
    total = hashlib.sha256()
    for path, content in sorted(content_by_path.items()):
        total.update(f"{path} {len(content)}\n".encode() + content)
    return total.digest()


@cache
def project_version() -> str:
    """The project's version, and after a + 12 hex digits of the SHA-256 of all its code, schemas, suites and
    configuration."""
    total = hashlib.sha256()
    for package in PACKAGES:
        for path, content in sorted(_package_contents(_package_folder(package), package)):
            total.update(f"{path} {len(content)}\n".encode() + content)
    return f"{_released_version()}+{total.hexdigest()[:12]}"


def _released_version() -> str:
    """The version of the installed package; 0 where only its zip is there, as on a cluster."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0"


def _package_contents(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _package_contents(entry, f"{path}/{entry.name}")
        elif entry.name.endswith((".py", ".yaml")):
            yield f"{path}/{entry.name}", entry.read_bytes()


def reachable_files(module: str, *jobs: str) -> dict[str, bytes]:
    """The files that decide the rows of `jobs` (names of `written_by`), whose work begins in `module`: path -> bytes.

    They are the module and all that it imports, anywhere in its text; modules named by strings in them; schemas of tables
    that they name or write, and suites of those that they write; YAML that they read by a constant name. A file that a
    flag or variable replaces counts by its value, in the job's own fingerprint. ConfigError names what cannot be found.
    """
    sources: dict[str, ModuleText] = {}
    _follow_imports(module, sources, f"{module.removeprefix(ROOT_PREFIX).replace('.', '/')}.py")
    written = {name for name in schemas.table_names() if schemas.table_schema(name).written_by in jobs}
    content_by_path: dict[str, bytes] = {}
    while waiting := sorted(_data_paths(sources, written) - content_by_path.keys()):
        for path in waiting:
            content_by_path[path] = _package_file(path).read_bytes()
            for name in YAML_NAME.findall(content_by_path[path].decode()):
                _follow_imports(name, sources, path)
    return {**content_by_path, **{_module_path(name) or name: source.content for name, source in sources.items()}}


def _follow_imports(name: str, sources: dict[str, ModuleText], where: str) -> None:
    """Adds what the name stands for, and all that this imports."""
    waiting = [(name, where)]
    while waiting:
        name, where = waiting.pop()
        module = _module_of(name, where, sources)
        if module in sources:
            continue
        path, sources[module] = _module_path(module) or module, _read_module(module)
        waiting += [(module.rpartition(".")[0], path)] * ("." in module)
        for imported, inside in sources[module].imports:
            waiting.append((f"{imported}.{inside}" if inside else imported, path))


def _module_of(name: str, where: str, sources: Mapping[str, ModuleText]) -> str:
    """The module that a dotted name stands for, or that defines what it stands for; ConfigError when there is none.
    `sources`: modules that were read."""
    dotted = name.replace(":", ".").removeprefix(ROOT_PREFIX)
    if _module_path(dotted):
        return dotted
    module, _, inside = dotted.rpartition(".")
    if not _module_path(module) or inside not in (sources.get(module) or _read_module(module)).bound:
        raise ConfigError(f"{where}: {name} is named there and cannot be found; correct the name, or install anew")
    return module


@cache
def _module_path(module: str) -> str | None:
    """The file of one of our modules, such as `jobs/tables/__init__.py`; None where there is none."""
    base = module.replace(".", "/")
    paths = (f"{base}/__init__.py", f"{base}.py") if module.partition(".")[0] in PACKAGES else ()
    return next((path for path in paths if _package_file(path).is_file()), None)


def _package_file(path: str) -> Traversable:
    package, _, inside = path.partition("/")
    return _package_folder(package).joinpath(*inside.split("/"))


@cache
def _package_folder(package: str) -> Traversable:
    return files(ROOT_PREFIX + package)


def _read_module(module: str) -> ModuleText:
    path = _module_path(module)
    assert path is not None
    package = module if path.endswith("/__init__.py") else module.rpartition(".")[0]
    return _parse_module(path, package, _package_file(path).read_bytes())


@cache
def _parse_module(path: str, package: str, content: bytes) -> ModuleText:
    nodes = _nodes_by_type(ast.parse(content))
    texts = {node.value for node in nodes[ast.Constant] if isinstance(node.value, str)}
    _refuse_unfinished_names(path, nodes[ast.Call], texts)
    imports = {*_imported_names(nodes, package), *((text, "") for text in texts if re.fullmatch(DOTTED_NAME, text))}
    named = {(imported.removeprefix(ROOT_PREFIX), inside) for imported, inside in imports}
    ours = sorted(pair for pair in named if re.split("[.:]", pair[0])[0] in PACKAGES)
    replaced = {id(part) for node in nodes[ast.IfExp] for part in ast.walk(node)}
    data = {
        "/".join(parts) for node in nodes[ast.BinOp] if id(node) not in replaced and (parts := _data_path_parts(node))
    }
    return ModuleText(content, tuple(ours), tuple(sorted(data)), frozenset(texts), frozenset(_bound_names(nodes)))


def _nodes_by_type(tree: ast.AST) -> NodesByType:
    """The nodes of a module by their types, but for imports that only type checkers follow, or a module that is called by
    itself: who calls a job decides none of its rows."""
    by_type: NodesByType = defaultdict(list)
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        by_type[type(node)].append(node)
        if isinstance(node, ast.If) and _is_beside_rows(node.test):
            waiting += node.orelse
        else:
            for value in vars(node).values():
                if value.__class__ is list:
                    waiting += [part for part in value if isinstance(part, ast.AST)]
                elif isinstance(value, ast.AST):
                    waiting.append(value)
    return by_type


def _is_beside_rows(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in vars(test).values() or ast.unparse(test) == MAIN_TEST


def _refuse_unfinished_names(path: str, calls: list[Any], texts: set[str]) -> None:
    """ConfigError where a module is imported by a name that no string holds whole, so that it cannot be followed."""
    importing = [call for call in calls if _called_name(call) in IMPORTERS]
    imported_constants = {
        argument.value for call in importing for argument in call.args[:1] if isinstance(argument, ast.Constant)
    }
    odd = sorted(
        text for text in texts if UNFINISHED_NAME.match(text) or (text in imported_constants and text.startswith("."))
    )
    if importing and odd:
        raise ConfigError(
            f"{path}: imports a module by the unfinished name {odd[0]!r}; write its whole name in a string"
        )


def _imported_names(nodes: NodesByType, package: str) -> Iterator[tuple[str, str]]:
    """(module, name in it, or nothing) of every import."""
    yield from ((alias.name, "") for node in nodes[ast.Import] for alias in node.names)
    for node in nodes[ast.ImportFrom]:
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield base, ""
        yield from ((base, alias.name) for alias in node.names if alias.name != ANY_NAME)


def _bound_names(nodes: NodesByType) -> Iterator[str]:
    """Every name that is defined somewhere in a module."""
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        yield from (node.name for node in nodes[kind])
    yield from (node.id for node in nodes[ast.Name] if isinstance(node.ctx, ast.Store))
    yield from ((node.asname or node.name).partition(".")[0] for node in nodes[ast.alias])


def _called_name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _data_path_parts(node: ast.AST) -> list[str]:
    """The path in `files("oilake.quality") / "reasons.yaml"`; its last part is `*` where it is computed. Else nothing."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and (parts := _data_path_parts(node.left)):
        return [*parts, str(node.right.value) if isinstance(node.right, ast.Constant) else ANY_NAME]
    if isinstance(node, ast.Call) and _called_name(node) == "files" and isinstance(node.args[0], ast.Constant):
        package = str(node.args[0].value).removeprefix(ROOT_PREFIX)
        return [package] * (package in PACKAGES)
    return []


def _data_paths(sources: dict[str, ModuleText], written: set[str]) -> set[str]:
    """The paths of the YAML that the modules read; a folder is a registry, whose entry the job takes by its value."""
    texts = frozenset[str]().union(*(source.texts for source in sources.values()))
    tables = {"schemas": written | (texts & {*schemas.table_names()}), "quality": written}
    yaml_paths = set()
    for module, source in sources.items():
        for path in source.data:
            folder, _, name = path.rpartition("/")
            if name == ANY_NAME and folder not in tables:
                raise ConfigError(
                    f"{_module_path(module)}: reads a file of {folder} by a name that it computes; name it in a string"
                )
            yaml_paths |= {f"{folder}/{table}.yaml" for table in tables[folder]} if name == ANY_NAME else {path}
            if name != ANY_NAME and not (_package_file(path).is_file() or _package_file(path).is_dir()):
                raise ConfigError(
                    f"{_module_path(module)}: reads {path}, which is not there; correct the name, or install anew"
                )
    return {path for path in yaml_paths if "/" in path and _package_file(path).is_file()}
