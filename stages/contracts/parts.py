"""Parse the options of parts that params.yaml names, by known name or dotted path."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from espalier.stages.contracts.registry import Registry

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


def parse_part(
    registry: Registry[T], name: str, given: Any, model_of: Callable[[type[T]], type[Model]], key: str | None = None
) -> Model:
    """The options of one part. `model_of`: the options class of a part's class; `key`: the key in errors, default the name.

    Raises:
        ValidationError: located below the key.
    """
    key = name if key is None else key
    try:
        model = model_of(registry.find(name))
        if given is not True and not isinstance(given, dict):
            short = getattr(model, "shorthand", None)
            if short is None:
                raise ValueError("must be a mapping of options, such as {}, or null to remove it")
            given = {short: given}
        return model(**({} if given is True else given))
    except ValidationError as error:
        raise below(error, key) from error
    except ValueError as error:
        raise located(key, given, str(error)) from error


def chosen(given: Any, what: str) -> dict[str, Any]:
    """The parts in a mapping of names to options, without those set to null or false.

    Raises:
        ValueError: it is not a mapping.
    """
    if not isinstance(given, dict):
        raise ValueError(f"must be a mapping of {what} to options, not {given!r}")
    return {name: options for name, options in given.items() if options not in (None, False)}


def below(error: ValidationError, key: str) -> ValidationError:
    """The same errors, one key deeper."""
    lines: Any = [{**line, "loc": (key, *line["loc"])} for line in error.errors(include_url=False)]
    for line in lines:
        line.pop("msg", None)
    return ValidationError.from_exception_data(error.title, lines)


def located(key: str, value: Any, message: str) -> ValidationError:
    """An error at a key."""
    line: Any = {"type": "value_error", "loc": (key,), "input": value, "ctx": {"error": ValueError(message)}}
    return ValidationError.from_exception_data("params.yaml", [line])
