"""Code fingerprints of modules and everything they import, computed without importing any of it.

A module's fingerprint is a digest of its syntax tree. Comments, docstrings, layout and the order of imports do not affect
it. Imports are resolved as Python would from the current folder, and followed through this package, packages named by a
dotted path, and files below the current folder. Libraries are excluded. Parsing is most of the work, so what was found in a file
is kept in .work of the DVC project, under the digest of the file and of this module.
"""

import ast
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import NamedTuple

from espalier.data.files import make_folder

US = "espalier"
TABLES = frozenset({"espalier.stages.contracts.known"})
"""Modules that only list names. The names a stage uses from them are followed separately."""
DOTTED = re.compile(rf"{US}(\.\w+)+")
KEPT = Path(".work", "code")


class Parsed(NamedTuple):
    """What a file has: its fingerprint, the modules it may import, and dotted paths of this package in its strings."""

    fingerprint: str
    imported: list[str]
    named: list[str]


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
        found[name], imported, named = _read(file, name)
        pending.extend([*imported, *(part for path in named for part in _with_parents(module_in(path) or US))])
    return found


def module_in(path: str) -> str | None:
    """The longest prefix of a dotted path that is a module; None if there is none."""
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if source_of(name) is not None:
            return name
    return None


def source_of(name: str) -> Path | None:
    """The source file of a module; None if there is no such Python module."""
    file = _source_of(name)
    if file is not None and not file.is_file():  # moved or deleted since this process found it
        for found in (_source_of, _spec):
            found.cache_clear()
        importlib.invalidate_caches()
        file = _source_of(name)
    return file


@functools.cache
def _source_of(name: str) -> Path | None:
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


def _read(file: Path, name: str) -> Parsed:
    return _parsed(file, name, file.stat().st_mtime_ns)


@functools.cache
def _parsed(file: Path, name: str, changed: int) -> Parsed:
    """What a file has, parsed or as it was kept."""
    source = file.read_bytes()
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    kept = _kept(hashlib.sha256(f"{_version()} {package} ".encode() + source).hexdigest()[:32])
    if kept is not None and kept.is_file():
        try:
            return Parsed(**json.loads(kept.read_bytes()))
        except (ValueError, TypeError):
            pass  # a process was killed while writing it
    try:
        tree = ast.parse(source, str(file))
    except (SyntaxError, ValueError) as error:
        return Parsed(f"cannot be parsed: {error}", [], [])
    named: list[str] = []
    imported = list(_imports(tree, package, named))
    found = Parsed(hashlib.sha256(ast.dump(_plain(tree)).encode()).hexdigest()[:32], imported, named)
    if kept is not None:
        with contextlib.suppress(OSError):  # a folder that cannot be written to
            make_folder(kept.parent)
            partial = kept.with_name(f".{kept.name}.{os.getpid()}")
            partial.write_text(json.dumps(found._asdict()), encoding="utf-8")
            partial.replace(kept)
    return found


@functools.cache
def _version() -> str:
    """Of what is kept: this module's source and Python's version, whose syntax trees differ."""
    return f"{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()} {sys.version_info[:2]}"


def _kept(digest: str) -> Path | None:
    """Where what was found in a file is kept; None outside of DVC projects."""
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), None)
    return None if root is None else root / KEPT / digest


def _imports(tree: ast.AST, package: str, named: list[str]) -> Iterator[str]:
    """Modules that a tree may import, including inside functions; dotted paths of this package in strings go to `named`."""
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
            named.append(node.value)
        yield from _imports(node, package, named)


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
