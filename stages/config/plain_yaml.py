"""Read YAML of plain values: mappings, lists, texts, whole and finite numbers, true, false and null.

Size, depth, types and the length of what anchors stand for are checked before any value is built, and before anything else reads
the file.
"""

import math
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from espalier.data.errors import InputError

LARGEST_FILE, DEEPEST, MOST_VALUES = 4_000_000, 40, 500_000
"""Bytes of a file, levels of nesting, and values with every anchor written out."""
LARGEST_INTEGER = 2**63 - 1
_TAG = "tag:yaml.org,2002:"
_OTHER = {"timestamp": "a date", "binary": "binary", "set": "a set", "omap": "an ordered mapping", "pairs": "pairs"}


def read_plain(content: bytes, name: str) -> Any:
    """The value of a YAML file; `name` is that of the file in errors.

    Raises:
        InputError: it is no valid YAML, or holds something else than plain values; names the file and the key or line.
    """
    if len(content) > LARGEST_FILE:
        raise InputError(f"{name} has {len(content):,} bytes; at most {LARGEST_FILE:,} are read")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{name} is not valid UTF-8: line {line}; save it as UTF-8") from error
    try:
        _check_depth(text, name)
        constructor, parser = YAML(typ="safe", pure=True).get_constructor_parser(text)
        try:
            root = constructor.composer.get_single_node()
            if root is None:
                return None
            _check_nodes(root, name)
            return constructor.construct_document(root)
        finally:
            parser.dispose()
    except MarkedYAMLError as error:
        raise InputError(f"{name} is not valid YAML: {_place(error)}") from error
    except (YAMLError, ValueError) as error:
        raise InputError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from error


def _place(error: MarkedYAMLError) -> str:
    """The line, and what is wrong there."""
    mark = error.problem_mark or error.context_mark
    what = ", ".join(" ".join(part.split()) for part in (error.context, error.problem) if part)
    line = f"line {mark.line + 1}" if mark else ""
    shown = mark.get_snippet(indent=0, max_length=100).splitlines()[0].strip() if mark and mark.buffer else ""
    return ": ".join(part for part in (line, what, shown) if part)


def _check_depth(text: str, name: str) -> None:
    """By events, since what composes nodes calls itself."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1
            raise InputError(f"{name}: line {line}: more than {DEEPEST} levels of nesting; write it flatter")


def _check_nodes(root: Node, name: str) -> None:
    sizes: dict[int, int] = {}
    open_nodes: list[int] = []

    def size(node: Node, path: str) -> int:
        """Values of a node with every anchor written out."""
        if id(node) in open_nodes:
            raise InputError(f"{name}: {path or 'the file'}: this alias stands for something that contains it")
        if id(node) not in sizes:
            _check_type(node, name, path)
            open_nodes.append(id(node))
            sizes[id(node)] = 1 + sum(size(child, inner) for child, inner in _children(node, name, path))
            open_nodes.pop()
        if sizes[id(node)] > MOST_VALUES:
            raise InputError(
                f"{name}: {path or 'the file'}: its aliases stand for more than {MOST_VALUES:,} values; write fewer"
            )
        return sizes[id(node)]

    size(root, "")


def _children(node: Node, name: str, path: str) -> Iterator[tuple[Node, str]]:
    if isinstance(node, SequenceNode):
        for index, child in enumerate(node.value):
            yield child, f"{path}[{index}]"
    elif isinstance(node, MappingNode):
        for key, child in node.value:
            if not isinstance(key, ScalarNode):
                raise InputError(f"{name}: {path or 'the file'}: a key must be a text, not a list or a mapping")
            inner = path if key.tag == f"{_TAG}merge" else f"{path}{'.' if path else ''}{_shown(key.value)}"
            _check_type(key, name, inner)
            yield child, inner


def _shown(text: str) -> str:
    return text if text.isprintable() and text and len(text) <= 80 else f"{text[:80]!r}"


def _check_type(node: Node, name: str, path: str) -> None:
    kind = str(node.tag).removeprefix(_TAG)
    where = f"{name}: {path or 'the file'}"
    if kind in ("bool", "null", "map", "seq", "merge"):
        return
    if kind == "str":
        odd = next((c for c in node.value if ord(c) < 32 and c not in "\n\t" or 0xD800 <= ord(c) < 0xE000), None)
        if odd is not None:
            raise InputError(f"{where}: holds the control character U+{ord(odd):04X}; remove it")
    elif kind == "float":
        if not math.isfinite(_float(node.value)):
            raise InputError(f"{where}: {node.value} is not a finite number; write one")
    elif kind == "int":
        digits = node.value.replace("_", "").lstrip("+-")
        if len(digits) > 70 or abs(int(digits, 0 if digits[:2] in ("0x", "0o", "0b") else 10)) > LARGEST_INTEGER:
            raise InputError(f"{where}: an integer of {len(digits)} digits; at most {LARGEST_INTEGER:,} is possible")
    elif kind == "timestamp" and isinstance(node, ScalarNode):
        raise InputError(f"{where}: {node.value} is a date for YAML; write it in quotes: '{node.value}'")
    else:
        what = _OTHER.get(kind, f"of the type {_shown(str(node.tag))}")
        raise InputError(f"{where}: is {what}, and only mappings, lists, texts, numbers, true, false and null are read")


def _float(text: str) -> float:
    plain = text.replace("_", "").lower()
    return math.nan if plain.endswith((".inf", ".nan")) else float(plain)
