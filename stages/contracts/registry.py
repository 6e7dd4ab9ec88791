"""Known names and dotted paths: what params.yaml names is one or the other, loaded on use and explained alike."""

import difflib
import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")

OUR_FOLDERS = ("data", "models", "pipelines", "stages")
MOVED = {
    "stages.step": "stages.tricks.step",
    "stages.moment": "stages.tricks.context",
}
"""Modules that users import, by the names that they had; all are below the package now."""


def load(path: str) -> Any:
    """What a dotted path names.

    Raises:
        ValueError: it cannot be imported; with the reason, in words.
    """
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except SyntaxError as error:
        raise ValueError(f"{error.filename}, line {error.lineno}, is no valid Python: {error.msg}") from error
    except ModuleNotFoundError as error:
        name = error.name or module
        if name.split(".")[0] in OUR_FOLDERS:
            raise ValueError(f"'{name}' is 'espalier.{MOVED.get(name, name)}' now; import it by that name") from error
        raise ValueError(str(error)) from error
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(str(error)) from error


class Registry(Mapping[str, type[T]], Generic[T]):
    """Classes by name. `what` they are in an error, such as "trick"; `base`, the dotted path of the class that all extend."""

    def __init__(self, what: str, known: Mapping[str, str], base: str) -> None:
        self.what, self._known, self._base = what, known, base

    def __getitem__(self, name: str) -> type[T]:
        found: type[T] = load(self._known[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, name: str) -> type[T]:
        """The class of a known name, or at a dotted path, such as `my_tricks.Blur`.

        Raises:
            ValueError: there is none, with the nearest name; or it cannot be imported, or is something else.
        """
        if name in self._known:
            return self[name]
        if "." in name:
            return self._own(name)
        near = difflib.get_close_matches(name, self._known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(self._known)}"
        raise ValueError(f"there is no {self.what} '{name}'; {hint}")

    def _own(self, path: str) -> type[T]:
        try:
            found: Any = load(path)
        except ValueError as error:
            raise ValueError(f"the {self.what} '{path}' cannot be imported: {error}") from error
        if not (isinstance(found, type) and issubclass(found, load(self._base))):
            raise ValueError(f"'{path}' is no {self.what}: it must be a subclass of {self._base}")
        return found
