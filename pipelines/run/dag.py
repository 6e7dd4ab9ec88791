"""DVC's DAG: the single source for the stages, their order and what has changed."""

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx

from espalier.data.errors import InputError
from espalier.data.sources.files import troubles_of
from espalier.pipelines.run.leftovers import check_lock, clear_rwlock
from espalier.stages.config.code import differing, stage_code, stages_with_code
from espalier.stages.config.params import PARAMS, check_stage_name, read_params, stage_names
from espalier.stages.types.fingerprint import CODE

if TYPE_CHECKING:
    from dvc.repo import Repo


CODE_STAGE = "code"
"""The stage of dvc.yaml that writes fingerprints."""


@dataclass(frozen=True, slots=True)
class Node:
    """A DVC stage: its name, such as progan@r8, the names of its dependencies, and the paths of its outputs."""

    name: str
    needs: tuple[str, ...]
    outs: tuple[Path, ...]

    @property
    def group(self) -> str:
        """The name before the @."""
        return self.name.partition("@")[0]

    @property
    def artifact(self) -> Path:
        """The folder it publishes: its single output, or the parent folder of its outputs."""
        return self.outs[0] if len(self.outs) == 1 else self.outs[0].parent


@contextlib.contextmanager
def _repo() -> Iterator["Repo"]:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    read_params()  # dvc would read it unchecked
    check_lock()
    cleared = clear_rwlock()
    if cleared:
        print(cleared, flush=True)
    try:
        with Repo() as repo:
            yield repo
    except DvcException as error:
        cause = f"\n{error.__cause__}" if error.__cause__ else ""
        raise InputError(f"dvc cannot read this project: {error}{cause}") from error


@dataclass(frozen=True)
class Dag:
    """The stages of dvc.yaml in topological order, and for each stale stage the reasons as text; None for a stage that a
    dvc process is running. `unreadable`: why DVC cannot read the data of a stage."""

    nodes: list[Node]
    stale: dict[str, list[str] | None]
    unreadable: dict[str, str] = field(default_factory=dict)

    def check_readable(self, wanted: list[Node]) -> None:
        """Check that DVC can read the data of these stages; it would hang or fail without naming them.

        Raises:
            InputError: it cannot; names the files and what to do about them.
        """
        for node in wanted:
            if node.name in self.unreadable:
                raise InputError(f"{node.name}: {self.unreadable[node.name]}")

    def unchanged(self, ordered: list[Node]) -> frozenset[str]:
        """The stages, from a topologically ordered list, that are unchanged along with all their dependencies."""
        found: set[str] = set()
        for node in ordered:
            if node.name not in self.stale and found.issuperset(node.needs):
                found.add(node.name)
        return frozenset(found)


def read_dag() -> Dag:
    """Query DVC once, and compare the current code with the fingerprints it recorded.

    Raises:
        InputError: no DVC project here, or dvc.yaml and params.yaml do not match.
    """
    with _repo() as repo:
        unreadable = _unreadable(repo)
        found = Dag(_nodes(repo), _changed(repo, unreadable), unreadable)
    _add_code(found)
    return found


def nodes() -> list[Node]:
    """All stages of the current dvc.yaml, in topological order.

    Raises:
        InputError: no DVC project here, or dvc.yaml and params.yaml do not match.
    """
    with _repo() as repo:
        return _nodes(repo)


def _stages(repo: "Repo") -> list[Any]:
    """The stages of the root's dvc.yaml. The dvc.yaml of another folder is another project, and a file tracked by `dvc add` or
    `dvc import` is not a stage: whoever reads it has it among its dependencies."""
    ours = Path(repo.root_dir) / "dvc.yaml"
    return [stage for stage in repo.index.stages if Path(stage.path) == ours]


def _nodes(repo: "Repo") -> list[Node]:
    graph: Any = repo.index.graph.subgraph(_stages(repo))
    order = networkx.lexicographical_topological_sort(graph.reverse(), key=lambda s: s.addressing)
    return [
        Node(
            stage.name,
            tuple(n.name for n in graph.successors(stage)),
            tuple(Path(out.fs_path).relative_to(Path(repo.root_dir)) for out in stage.outs),
        )
        for stage in order
    ]


def _from_outside(repo: "Repo") -> dict[str, list[Path]]:
    """The files and folders that each stage depends on and no stage produces."""
    stages = _stages(repo)
    made = [Path(out.fs_path) for stage in stages for out in stage.outs]
    needed = {stage.name: [Path(dep.fs_path) for dep in stage.deps if dep.protocol == "local"] for stage in stages}
    return {
        name: [p for p in paths if not any(out.is_relative_to(p) for out in made)] for name, paths in needed.items()
    }


def _unreadable(repo: "Repo") -> dict[str, str]:
    """Why DVC cannot read what a stage takes from outside, by stage."""
    needed = {name: [Path(os.path.relpath(path)) for path in paths] for name, paths in _from_outside(repo).items()}
    troubles = troubles_of({path for paths in needed.values() for path in paths})
    return {name: troubles[path] for name, paths in needed.items() for path in paths if path in troubles}


def _changed(repo: "Repo", unreadable: dict[str, str]) -> dict[str, list[str] | None]:
    from dvc.lock import LockError

    found: dict[str, list[str] | None] = {}
    for stage in _stages(repo):
        name = stage.name
        if name in unreadable:
            found[name] = [unreadable[name]]
            continue
        try:
            with repo.lock:
                status = stage.status()
        except LockError:
            found[name] = None
            continue
        reasons = [reason for changes in status.values() for reason in _reasons(changes)]
        if reasons:
            found[name] = reasons
    return found


def _add_code(dag: Dag) -> None:
    """Mark stages whose code differs from the recorded fingerprints as stale. The stage that writes the fingerprints is
    stale only if it would change one, although DVC reports it as always changed."""
    params = read_params()
    differ = {}
    for pipeline, stage in stages_with_code(params):
        file = CODE / pipeline / stage
        modules = (
            differing(file.read_text(encoding="utf-8"), stage_code(params, pipeline, stage)) if file.is_file() else [""]
        )
        if modules:
            differ[f"{pipeline}@{stage}"] = modules
    known = {node.name for node in dag.nodes}
    for name, modules in differ.items():
        if name in known and modules != [""] and dag.stale.get(name, []) is not None:
            more = f" and {len(modules) - 2} more" if len(modules) > 2 else ""
            dag.stale[name] = [f"code changed: {', '.join(modules[:2])}{more}", *(dag.stale.get(name) or [])]
    reasons = dag.stale.get(CODE_STAGE)
    if reasons is not None and not differ:
        reasons = [reason for reason in reasons if reason != "always changed"]
        if reasons:
            dag.stale[CODE_STAGE] = reasons
        else:
            del dag.stale[CODE_STAGE]


def has_remote() -> bool:
    """Whether the DVC repository has a default remote."""
    with _repo() as repo:
        return bool(repo.config["core"].get("remote"))


def leaf_dependencies() -> list[Path]:
    """The files and folders that stages depend on and no stage produces; relative to the repository root if inside it."""
    with _repo() as repo:
        root, paths = Path(repo.root_dir), sorted({path for of in _from_outside(repo).values() for path in of})
        return [path.relative_to(root) if path.is_relative_to(root) else path for path in paths]


def _reasons(found: list[str | dict[str, dict[str, Any]]]) -> Iterator[str]:
    """Flatten DVC's nested status, {"changed deps": {"params.yaml": {"progan.common": "modified"}}}, to short phrases."""
    for change in found:
        if isinstance(change, str):
            yield change
            continue
        for items in change.values():
            for item, how in items.items():
                yield from (
                    (f"{key} {state}" for key, state in how.items()) if isinstance(how, dict) else [f"{item} {how}"]
                )


def stages_of(target: str, until: str = "", known: list[Node] | None = None) -> list[Node]:
    """The stages of a target and their dependencies, in order.

    A target is a pipeline, with `until` as its last stage, or a DVC stage name.

    Raises:
        InputError: no such target, or a stage in params.yaml is missing from DVC's DAG.
    """
    every = {node.name: node for node in known or nodes()}
    if target not in every:
        check_stage_name(read_params(), target)
        pipeline, _, stage = target.partition("@")
        return with_needs(_of_pipeline(pipeline, until or stage, every), every.values())
    return with_needs([target], every.values())


def with_needs(names: Iterable[str], known: Iterable[Node]) -> list[Node]:
    """These stages and all that they need, in the order of `known`."""
    every = {node.name: node for node in known}
    wanted, pending = set[str](), list(names)
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending.extend(every[name].needs)
    return [node for node in every.values() if node.name in wanted]


def _of_pipeline(pipeline: str, until: str, every: dict[str, Node]) -> list[str]:
    named = stage_names(read_params(), pipeline)
    if until and until not in named:
        raise InputError(f"{PARAMS}: {pipeline}.stages has no '{until}'; it has: {', '.join(named)}")
    lacking = [name for name in named if f"{pipeline}@{name}" not in every]
    if lacking:
        raise InputError(
            f"dvc.yaml has no stage {pipeline}@{lacking[0]}, which {PARAMS} names; "
            f"add one with 'foreach: ${{{pipeline}.stages}}'"
        )
    return [f"{pipeline}@{name}" for name in ([until] if until else named)]
