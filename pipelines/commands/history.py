"""Every version of an artifact that DVC knows, in commits and experiments."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.pipelines.run.dag import Node, nodes
from espalier.pipelines.run.repro import ask_dvc
from espalier.pipelines.run.results import FIGURES
from espalier.stages.artifacts.workfolder import work_root


@dataclass
class Version:
    """One content of an artifact: where it is to be found, its final figures, its picture."""

    digest: str
    date: str
    revisions: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    picture: Path | None = None


def history(name: str) -> list[Version]:
    """The versions of a stage's artifact, newest first.

    Raises:
        InputError: DVC's DAG has no such stage, or there is no history.
    """
    found = {node.name: node for node in nodes()}
    if name not in found:
        raise InputError(f"dvc.yaml has no stage '{name}'; it has: {', '.join(found)}")
    node, versions = found[name], dict[str, Version]()
    for revision, names, content in _revisions():
        digest = (content.get("outs", {}).get(node.outs[0].as_posix()) or {}).get("hash")
        if digest is None:
            continue
        date = str(content.get("timestamp") or "")[:16].replace("T", " ")
        version = versions.setdefault(digest, Version(digest, date))
        version.date = min(version.date or date, date or version.date)
        version.revisions += names
        metrics = content.get("metrics", {}).get((node.artifact / "metrics.json").as_posix()) or {}
        version.figures = version.figures or metrics.get("data") or {}
        version.picture = version.picture or _picture(node, digest, revision)
    return list(versions.values())


def _revisions() -> Iterator[tuple[str | None, list[str], dict[str, Any]]]:
    """(revision, its names, what DVC tells of it) of the workspace, of every commit and of every experiment."""
    told = ask_dvc("exp", "show", "--all-commits", "--json", refusal="dvc cannot tell the history")
    for baseline in json.loads(told):
        revision = None if baseline["rev"] == "workspace" else baseline["rev"]
        names = ["workspace"] if revision is None else [_commit(revision, baseline["name"])]
        if baseline.get("data"):
            yield revision, names, baseline["data"]
        for experiment in baseline.get("experiments") or ():
            last = experiment["revs"][0]
            if last.get("data"):
                yield last["rev"], [experiment["name"] or last["rev"][:7]], last["data"]


def _commit(revision: str, name: str | None) -> str:
    return f"{revision[:7]} ({name})" if name else revision[:7]


def _picture(node: Node, digest: str, revision: str | None) -> Path | None:
    """The version's sample grid as a file of its own, where DVC's cache has it."""
    samples = node.artifact / "samples.png"
    if revision is None:
        return samples if samples.is_file() else None
    path = work_root() / "history" / node.name / f"{digest[:12]}.png"
    if not path.is_file():
        from dvc.api import DVCFileSystem

        try:
            with whole_file(path) as partial:
                DVCFileSystem(".", rev=revision).get_file(samples.as_posix(), str(partial))
        except OSError:  # not in this machine's cache
            return None
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def as_table(versions: list[Version]) -> Any:
    """A rich table of versions."""
    from rich.table import Table

    names = [name for name in FIGURES if any(name in v.figures for v in versions)]
    table = Table(box=None, pad_edge=False)
    for column in ("since", "found in", *names, "picture"):
        table.add_column(column, justify="right" if column in names else "left", overflow="fold")
    for version in versions:
        figures = (f"{version.figures[n]:.4g}" if n in version.figures else "" for n in names)
        table.add_row(version.date, ", ".join(version.revisions), *figures, str(version.picture or "not in the cache"))
    return table
