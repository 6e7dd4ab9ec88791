"""The versions of an artifact in the workspace, commits and experiments, newest first, yielded as they are found.

They are read from dvc.lock. Only commits that changed it are visited, so all others cost nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.pipelines.run.dag import Node, nodes
from espalier.pipelines.run.experiments import git
from espalier.pipelines.run.results import METRICS
from espalier.stages.artifacts.workfolder import work_root
from espalier.stages.config.params import check_stage_name, read_params

LOCK = Path("dvc.lock")
MOST_COMMITS = 200
"""Default number of commits that changed dvc.lock to search."""


@dataclass
class Version:
    """One version of an artifact: the revisions that hold it, its final metrics, its sample sheet."""

    digest: str
    date: str
    revisions: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    image: Path | None = None


@dataclass(frozen=True)
class Revision:
    """A revision of dvc.lock; the workspace if `commit` is empty."""

    commit: str
    name: str
    date: str


def history(name: str, most: int = MOST_COMMITS) -> Iterator[Version]:
    """The versions of a stage's artifact, newest first; adjacent revisions with the same content are merged.

    Raises:
        InputError: DVC's DAG has no such stage.
    """
    known = {node.name: node for node in nodes()}
    if name not in known:
        check_stage_name(read_params(), name)
        raise InputError(f"dvc.yaml has no stage '{name}'; it has: {', '.join(known)}")
    node, current = known[name], None
    for revision in _revisions(most):
        digest = _digest(node, revision)
        if digest is None:
            continue
        if current is not None and current.digest == digest:
            current.revisions.append(revision.name)
            current.date = revision.date or current.date
            continue
        if current is not None:
            yield current
        metrics, image = _published(node, digest, revision)
        current = Version(digest, revision.date, [revision.name], metrics, image)
    if current is not None:
        yield current


def _git(*arguments: str) -> list[str]:
    """Git's output as lines; empty if there is no repository or no commit."""
    done = git(*arguments, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def _revisions(most: int) -> Iterator[Revision]:
    """The workspace, then commits, then experiments; each newest first."""
    yield Revision("", "workspace", "")
    places = ("HEAD", "--branches", "--tags")
    for line in _git("log", *places, f"-n{most}", "--format=%H%x09%cI%x09%D", "--", LOCK.as_posix()):
        commit, date, names = line.split("\t")
        shown = names.split(", ")[0].removeprefix("HEAD -> ").removeprefix("tag: ")
        yield Revision(commit, f"{commit[:7]} ({shown})" if shown else commit[:7], date[:16].replace("T", " "))
    form = "--format=%(objectname)%09%(committerdate:iso8601)%09%(refname:lstrip=4)"
    for line in _git("for-each-ref", "--sort=-committerdate", form, "refs/exps"):
        commit, date, name = line.split("\t")
        if name:
            yield Revision(commit, name, date[:16])


def _digest(node: Node, revision: Revision) -> str | None:
    """The digest of a stage's first output in dvc.lock at this revision."""
    if revision.commit:
        text = "\n".join(_git("show", f"{revision.commit}:./{LOCK}"))
    else:
        text = LOCK.read_text(encoding="utf-8") if LOCK.is_file() else ""
    try:
        found = YAML(typ="safe").load(text)
        outs = found["stages"][node.name]["outs"]
    except (YAMLError, KeyError, TypeError):
        return None
    wanted = node.outs[0].as_posix()
    return next((out.get("md5") for out in outs if isinstance(out, dict) and out.get("path") == wanted), None)


def _published(node: Node, digest: str, revision: Revision) -> tuple[dict[str, float], Path | None]:
    """The version's final metrics and a copy of its sample sheet, if DVC's cache has them."""
    metrics, samples = node.artifact / "metrics.json", node.artifact / "samples.png"
    if not revision.commit:
        text = metrics.read_text(encoding="utf-8") if metrics.is_file() else ""
        return _numbers(text), samples if samples.is_file() else None
    folder = work_root() / "history" / node.name
    copies = folder / f"{digest[:12]}.json", folder / f"{digest[:12]}.png"
    for file, copy in zip((metrics, samples), copies, strict=True):
        if not copy.is_file():
            _bring(file, revision.commit, copy)
    image = copies[1] if copies[1].is_file() else None
    if image is not None and image.is_relative_to(Path.cwd()):
        image = image.relative_to(Path.cwd())
    return _numbers(copies[0].read_text(encoding="utf-8") if copies[0].is_file() else ""), image


def _bring(file: Path, commit: str, copy: Path) -> None:
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        with whole_file(copy) as partial:
            DVCFileSystem(".", rev=commit).get_file(file.as_posix(), str(partial))
    except (OSError, DvcException):  # not in this machine's cache
        return


def _numbers(text: str) -> dict[str, float]:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


HEAD = ("since", *METRICS, "found in", "samples")


def as_line(version: Version) -> str:
    """A version as one line under `head_line`."""
    metrics = (f"{version.metrics[n]:.4g}" if n in version.metrics else "" for n in METRICS)
    cells = (version.date, *metrics, ", ".join(version.revisions), str(version.image or "not in the cache"))
    return _line(cells)


def head_line() -> str:
    """The column names."""
    return _line(HEAD)


def _line(cells: tuple[str, ...]) -> str:
    date, *metrics, where, image = cells
    return f"{date:16}  {'  '.join(f'{cell:>9}' for cell in metrics)}  {where:40}  {image}".rstrip()
