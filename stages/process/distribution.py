"""The name of this package for pip. It differs from the import name, which another package has on PyPI."""

NAME = "espalier-gan"


def installing(extra: str) -> str:
    """The command that installs an optional extra."""
    return f"pip install '{NAME}[{extra}]'"
