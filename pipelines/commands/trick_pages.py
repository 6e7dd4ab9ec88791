"""Describe each trick from its file, its options and the compatibility rules, the only sources of this text."""

import inspect
import re
import sys
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from espalier.stages.networks.known import NETWORKS
from espalier.stages.tricks.catalogue import LOSSES, TRICKS
from espalier.stages.tricks.compatibility import RULES, Rule
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.trick import Trick


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its allowed values in words, its default (or "needed"), and its meaning."""

    name: str
    values: str
    default: str
    meaning: str


def names() -> list[str]:
    """Every loss as "loss: NAME", then every trick, in order of application."""
    return [*(f"loss: {name}" for name in LOSSES), *TRICKS]


def find(name: str) -> type[Trick]:
    """The class of a trick, or of a loss written "hinge" or "loss: hinge".

    Raises:
        ValueError: there is none; the message suggests the nearest name.
    """
    bare = name.removeprefix("loss").strip(": =")
    return LOSSES[bare] if bare in LOSSES else TRICKS.find(name)


def title(cls: type[Trick]) -> str:
    """Its name in params.yaml."""
    return f"loss: {cls.name}" if issubclass(cls, Loss) else cls.name


def text(cls: type[Trick]) -> str:
    """The docstring of its file: the equation, the source, the differences between paper and code."""
    return inspect.getdoc(sys.modules[cls.__module__]) or inspect.getdoc(cls) or ""


def summary(cls: type[Trick]) -> str:
    """The first sentence of its file."""
    first = text(cls).split("\n\n")[0]
    return re.sub(r"\s+", " ", first)


def source(cls: type[Trick]) -> str:
    """The paper it comes from: the source given in its file, up to the first full stop or semicolon."""
    whole = re.sub(r"\s+", " ", text(cls))
    found = re.search(r"Sources?: (.+?)(?:\.\s|; |\.$|$)", whole)
    return found.group(1) if found else ""


def options(cls: type[Trick]) -> list[Option]:
    """Its options."""
    return [
        Option(name, _values(field), _default(field), field.description or "")
        for name, field in cls.model_fields.items()
    ]


def rules(cls: type[Trick]) -> list[tuple[str, Rule]]:
    """What it cannot or should not be combined with: the other feature, and the rule."""
    mine = f"loss {cls.name}" if issubclass(cls, Loss) else cls.name
    return [(r.other if r.one == mine else r.one, r) for r in RULES if mine in (r.one, r.other)]


def networks(cls: type[Trick]) -> list[str]:
    """The networks that have every place it changes; all networks if it changes none."""
    probe = cls.model_construct()
    wants = probe.wants()
    return [name for name, network in NETWORKS.items() if all(place in network.places() for place in wants)]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple):
        return str(list(value))
    return "left out" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _values(field: FieldInfo) -> str:
    limits = []
    for limit in field.metadata:
        for kind, sign, bound in ((Ge, ">=", "ge"), (Gt, ">", "gt"), (Le, "<=", "le"), (Lt, "<", "lt")):
            if isinstance(limit, kind):
                limits.append(f"{sign} {getattr(limit, bound):g}")
    return ", ".join([_kind(field.annotation), *limits])


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(map(str, get_args(annotation)))
    simple = {int: "whole number", float: "number", bool: "true or false", str: "text"}
    if annotation in simple:
        return simple[annotation]
    inner = [_kind(a) for a in get_args(annotation) if a not in (type(None), Ellipsis) and not hasattr(a, "func")]
    if get_origin(annotation) is tuple:
        return "list of " + " and ".join(dict.fromkeys(inner))
    if inner:
        return " or ".join(dict.fromkeys(inner))
    return "mapping" if hasattr(annotation, "model_fields") else str(annotation)
