"""This package: its name for pip, which differs from the import name, since another package has that on PyPI; its folders."""

NAME = "espalier-gan"
OUR_FOLDERS = ("data", "models", "pipelines", "stages")


def installing(extra: str) -> str:
    """The command that installs an optional extra."""
    return f"pip install '{NAME}[{extra}]'"
