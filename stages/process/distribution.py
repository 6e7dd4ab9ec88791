"""What pip calls this package: another name than what Python imports, which somebody else's package has on the index."""

NAME = "espalier-gan"


def installing(extra: str) -> str:
    """The command that installs an optional part."""
    return f"pip install '{NAME}[{extra}]'"
