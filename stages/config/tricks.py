"""The tricks of a stage as given in params.yaml: names or dotted paths, with options."""

from typing import Any

from pydantic import ValidationError

from espalier.stages.contracts.options import Options
from espalier.stages.tricks.catalogue import LOSSES, TRICKS, in_order, trick_key
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.trick import Trick


class Tricks(Options):
    """The loss, and the tricks in the order of application."""

    loss: Loss
    others: tuple[Trick, ...]

    def resolved(self) -> dict[str, Any]:
        """Every trick with every option, in the form used in params.yaml."""
        found: dict[str, Any] = {"loss": {"name": self.loss.name, **self.loss.model_dump(mode="json")}}
        for trick in self.others:
            found[trick_key(trick)] = trick.model_dump(mode="json")
        return found


def parse_tricks(value: Any) -> Any:
    """Parse a mapping of names to options into Tricks. Raises ValueError or ValidationError, naming the key."""
    if isinstance(value, Tricks):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping of trick names to options, not {value!r}")
    chosen = {name: options for name, options in value.items() if options not in (None, False)}
    loss = chosen.pop("loss", None)
    if loss is None:
        raise ValueError("must name a loss, such as 'loss: wgan'")
    loss = {"name": loss} if isinstance(loss, str) else loss
    if not isinstance(loss, dict) or not isinstance(loss.get("name"), str):
        raise _located("loss", loss, "must be the name of a loss, such as wgan, or {name: wgan} with options")
    tricks: list[Trick] = []
    for name, options in chosen.items():
        try:
            cls = TRICKS.find(name)
            if options is not True and not isinstance(options, dict):
                if cls.shorthand is None:
                    raise ValueError("must be a mapping of options, such as {}, or null to remove it")
                options = {cls.shorthand: options}
            tricks.append(cls(**({} if options is True else options)))
        except ValidationError as error:
            raise _below(error, name) from error
        except ValueError as error:
            raise _located(name, options, str(error)) from error
    try:
        made = LOSSES.find(loss["name"])(**{name: value for name, value in loss.items() if name != "name"})
    except ValidationError as error:
        raise _below(error, "loss") from error
    except ValueError as error:
        raise _located("loss", loss, str(error)) from error
    return Tricks(loss=made, others=tuple(in_order(tricks)))


def _below(error: ValidationError, key: str) -> ValidationError:
    """The same errors, one key deeper."""
    lines: Any = [{**line, "loc": (key, *line["loc"])} for line in error.errors(include_url=False)]
    for line in lines:
        line.pop("msg", None)
    return ValidationError.from_exception_data(error.title, lines)


def _located(key: str, value: Any, message: str) -> ValidationError:
    line: Any = {"type": "value_error", "loc": (key,), "input": value, "ctx": {"error": ValueError(message)}}
    return ValidationError.from_exception_data("Tricks", [line])
