"""Turn pydantic errors into readable messages: file, key, what is wrong, what to write instead."""

import difflib
from collections.abc import Callable
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from espalier.data.errors import InputError
from espalier.stages.config.params import PARAMS, shown_key

RENAMED = {"does": "type", "reads": "encoder", "judge": "logits"}
"""Old names of keys, and their new names."""

Model = TypeVar("Model", bound=BaseModel)


def validated(given: Any, path: str, model: type[Model]) -> Model:
    """Validate the options at this dotted path of params.yaml against a model.

    Raises:
        InputError: names each invalid key.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        lines = [sentence(e, path, lambda loc: keys_of(model, loc)) for e in error.errors(include_url=False)]
        raise InputError("\n".join(lines)) from error


def sentence(error: Any, where: str, keys_at: Callable[[list[str]], list[str]]) -> str:
    """Format one error. `keys_at` returns the keys allowed at a location below `where`."""
    loc = [str(part) for part in error["loc"]]
    path = ".".join([where, *map(shown_key, loc)])
    if error["type"] == "extra_forbidden":
        keys = keys_at(loc[:-1])
        if RENAMED.get(loc[-1]) in keys:
            return f"{PARAMS}: {path}: this key is '{RENAMED[loc[-1]]}' now"
        near = difflib.get_close_matches(loc[-1], keys, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"use one of: {', '.join(keys)}"
        return f"{PARAMS}: {path}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{PARAMS}: {path}: is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    shown = "" if error["type"] == "value_error" else f" (it is {error['input']!r})"
    return f"{PARAMS}: {path}: {message}{shown}"


def keys_of(model: Any, loc: list[str]) -> list[str]:
    """The keys allowed at a location in a model."""
    for part in loc:  # a user-chosen key, such as a metric name in a gate, is not a field
        field = model.model_fields.get(part)
        model = model if field is None else model_in(field.annotation) or model
    return list(model.model_fields)


def model_in(annotation: Any) -> Any:
    """The model that a field holds, even if optional or inside a mapping."""
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((found for kind in get_args(annotation) if (found := model_in(kind))), None)
