"""Print a list of all tricks, or the details of one."""

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from espalier.data.errors import InputError
from espalier.pipelines.commands import trick_pages as describe

OUTCOMES = {"forbid": "refused with", "warn": "warning with", "note": "note with"}


def all_tricks() -> Table:
    """Each trick's name, summary, options with defaults, and incompatibilities."""
    table = Table("trick", "what it is", "options", "refused with", box=None, pad_edge=False, show_lines=False)
    for name in describe.names():
        cls = describe.find(name)
        options = ", ".join(f"{o.name} {o.default}" for o in describe.options(cls))
        refused = ", ".join(other for other, rule in describe.rules(cls) if rule.outcome == "forbid")
        table.add_row(name, describe.summary(cls), options or "none", refused)
    return table


def one_trick(name: str) -> Iterator[str]:
    """The details of one trick: the text of its file, its options, networks and incompatibilities.

    Raises:
        InputError: there is no such trick; the message suggests the nearest name.
    """
    try:
        cls = describe.find(name)
    except ValueError as error:
        raise InputError(str(error)) from error
    yield f"{describe.title(cls)}\n\n{describe.text(cls)}\n"
    options = describe.options(cls)
    yield "options" if options else "no options"
    for option in options:
        meaning = f"   {option.meaning}" if option.meaning else ""
        yield f"  {option.name}: {option.values}; default {option.default}{meaning}"
    yield f"\nnetworks: {', '.join(describe.networks(cls))}"
    for other, rule in describe.rules(cls):
        yield f"{OUTCOMES[rule.outcome]} {other}: {rule.why}"
    yield f"file: {Path(*cls.__module__.removeprefix('espalier.').split('.')).with_suffix('.py')}"
