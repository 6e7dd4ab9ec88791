"""Registries of known names and dotted paths, the two ways params.yaml refers to a class. Classes are loaded on use."""

import difflib
import importlib
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from espalier.stages.contracts.trust import check_named
from espalier.stages.process.distribution import OUR_FOLDERS

T = TypeVar("T")

MOVED = {
    "stages.step": "stages.tricks.step",
    "stages.moment": "stages.tricks.context",
}
"""Old names of modules that users import; all are inside the package now."""


def load(path: str) -> Any:
    """Import the object of a user's own at a dotted path.

    Raises:
        ValueError: it cannot be imported; gives the reason.
        InputError: a file names it that may not.
    """
    check_named(path)
    return _imported(path)


def _imported(path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except SyntaxError as error:
        raise ValueError(f"{error.filename}, line {error.lineno}, is not valid Python: {error.msg}") from error
    except ModuleNotFoundError as error:
        name = error.name or module
        if name.split(".")[0] in OUR_FOLDERS:
            raise ValueError(f"'{name}' is 'espalier.{MOVED.get(name, name)}' now; import it by that name") from error
        raise ValueError(str(error)) from error
    except Exception as error:  # importing a user's module runs it
        raise ValueError(_said(error)) from error


def _said(error: Exception) -> str:
    """The error with the line that raised it, unless the import itself failed."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, (ImportError, AttributeError)) and last.filename == __file__:
        return str(error)
    return f"{type(error).__name__}: {str(error).splitlines()[0]} ({Path(last.filename).name}, line {last.lineno})"


class Registry(Mapping[str, type[T]], Generic[T]):
    """Classes by name. `what`: their name in errors, such as "trick"; `base`: the dotted path of their base class."""

    def __init__(self, what: str, known: Mapping[str, str], base: str) -> None:
        self.what, self._known, self._base = what, known, base

    def __getitem__(self, name: str) -> type[T]:
        found: type[T] = _imported(self._known[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, name: str) -> type[T]:
        """The class with a known name, or at a dotted path such as `my_tricks.Blur`.

        Raises:
            ValueError: the name is unknown (suggests the nearest), or it cannot be imported, or is not such a class.
        """
        if name in self._known:
            return self[name]
        if "." in name:
            return self._own(name)
        near = difflib.get_close_matches(name, self._known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"use one of: {', '.join(self._known)}"
        shown = f"'{name}'" if name.isprintable() else ascii(name)
        raise ValueError(f"there is no {self.what} {shown}; {hint}")

    def _own(self, path: str) -> type[T]:
        loaded = path.rpartition(".")[0] in sys.modules  # nothing is run, and it must be a part
        try:
            found: Any = _imported(path) if loaded else load(path)
        except ValueError as error:
            raise ValueError(f"the {self.what} '{path}' cannot be imported: {error}") from error
        if not (isinstance(found, type) and issubclass(found, _imported(self._base))):
            raise ValueError(f"'{path}' is not a {self.what}: it must be a subclass of {self._base}")
        missing = sorted(getattr(found, "__abstractmethods__", ()))
        if missing:
            raise ValueError(f"'{path}' is not a {self.what} yet: it does not define {', '.join(missing)}")
        return found
