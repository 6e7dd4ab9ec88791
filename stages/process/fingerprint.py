"""Code fingerprints of modules and everything they import, computed without importing any of it.

A module's fingerprint is a digest of its syntax tree. Comments, docstrings, layout and the order of imports do not affect
it. Imports are resolved as Python would from the current folder, and followed through this package, packages named by a
dotted path, and files below the current folder. Libraries are excluded.
"""

import ast
import functools
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

US = "espalier"
TABLES = frozenset({"espalier.stages.contracts.known"})
"""Modules that only list names. The names a stage uses from them are followed separately."""
DOTTED = re.compile(rf"{US}(\.\w+)+")


def code_of(roots: Iterable[str]) -> dict[str, str]:
    """The fingerprint of each module reachable from these dotted paths (of modules or their attributes), by module name.

    If a module cannot be parsed, its fingerprint is the reason. Modules that cannot be found are skipped.
    """
    wanted = [module for root in roots if (module := module_in(root)) is not None]
    packages = {US, *(module.partition(".")[0] for module in wanted)}
    found: dict[str, str] = {}
    seen, pending = set(TABLES), wanted[::-1]
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        file = source_of(name)
        if file is None or not (name.partition(".")[0] in packages or _is_here(file)):
            continue
        found[name], imported = _read(file, name)
        pending.extend(imported)
    return found


def module_in(path: str) -> str | None:
    """The longest prefix of a dotted path that is a module; None if there is none."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if source_of(name) is not None:
            return name
    return None


@functools.cache
def source_of(name: str) -> Path | None:
    """The source file of a module; None if there is no such Python module."""
    spec = _spec(name)
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


@functools.cache
def _spec(name: str) -> ModuleSpec | None:
    """The spec as Python finds it, without importing parent packages."""
    parent = name.rpartition(".")[0]
    path = None
    if parent:
        above = _spec(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        path = list(above.submodule_search_locations)
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, path)
        except (ImportError, ValueError, AttributeError):
            continue
        if spec is not None:
            return spec
    return None


def _is_here(file: Path) -> bool:
    here = Path.cwd()
    return file.is_relative_to(here) and not any(part in ("site-packages", ".venv", "venv") for part in file.parts)


def _read(file: Path, name: str) -> tuple[str, list[str]]:
    return _parsed(file, name, file.stat().st_mtime_ns)


@functools.cache
def _parsed(file: Path, name: str, changed: int) -> tuple[str, list[str]]:
    """The fingerprint of a file, and the modules it imports."""
    try:
        tree = ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:
        return f"cannot be parsed: {error}", []
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    imported = list(_imports(tree, package))
    return hashlib.sha256(ast.dump(_plain(tree)).encode()).hexdigest()[:32], imported


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Modules that a tree may import, including inside functions and by dotted paths of this package in strings."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = (
                importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                if node.level
                else node.module or ""
            )
            yield from _with_parents(base)
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and DOTTED.fullmatch(node.value):
            module = module_in(node.value)
            yield from _with_parents(module) if module else ()
        yield from _imports(node, package)


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _plain(tree: ast.Module) -> ast.Module:
    """Drop docstrings and other bare strings; sort adjacent imports, one name each."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                setattr(node, name, list(_statements(body)))
    return tree


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    imports: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            continue
        if isinstance(node, ast.Import):
            imports += [ast.Import([alias]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports += [ast.ImportFrom(node.module, [alias], node.level) for alias in node.names]
        else:
            yield from sorted(imports, key=ast.dump)
            imports = []
            yield node
    yield from sorted(imports, key=ast.dump)
