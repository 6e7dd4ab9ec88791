"""Compare the workspace with another revision or experiment: parameters, metrics and samples that differ."""

import difflib
import io
import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from espalier.data.errors import InputError
from espalier.pipelines.report.chain import Chain, number
from espalier.pipelines.run.repro import ask_dvc, dvc
from espalier.stages.config.params import PARAMS

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Other:
    """A stage in the other revision: its final metrics and samples, if DVC's cache has them."""

    metrics: dict[str, float] = field(default_factory=dict)
    samples: "Image.Image | None" = None


@dataclass(frozen=True)
class Against:
    """Another revision: its name, the differing parameters as (key, there, here), and its stages by name."""

    revision: str
    params: list[tuple[str, Any, Any]]
    stages: dict[str, Other]


def read_against(chain: Chain, revision: str) -> Against:
    """Read another revision or experiment of the same pipeline.

    Raises:
        InputError: DVC knows no such revision; the message suggests the nearest one.
    """
    params = _params(chain, revision)
    files = _Files(revision)
    return Against(
        revision, params, {stage.node.name: files.stage(stage.node.artifact.as_posix()) for stage in chain.own}
    )


def _params(chain: Chain, revision: str) -> list[tuple[str, Any, Any]]:
    """The differing parameters of this pipeline and its datasets in params.yaml."""
    try:
        answer = ask_dvc("params", "diff", "--json", "--", revision, refusal=f"--against {revision}")
    except InputError as error:
        known = known_revisions()
        near = difflib.get_close_matches(revision, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(known[:12]) or 'none'}"
        raise InputError(
            f"--against {revision}: dvc cannot compare with it ({_one_line(str(error), revision)}); use a commit, a "
            f"branch, a tag or an experiment; {hint}"
        ) from error
    try:
        changes = json.loads(answer or "{}").get(str(PARAMS), {})
    except ValueError as error:
        raise InputError(f"--against {revision}: cannot parse dvc's output: {answer[:200]}") from error
    mine = {chain.pipeline, *(f"datasets.{stage.name}" for stage in chain.stages if stage.is_dataset)}
    return [
        (key, change.get("old"), change.get("new"))
        for key, change in sorted(changes.items())
        if key in mine or key.startswith(tuple(f"{section}." for section in mine))
    ]


def _one_line(answer: str, revision: str) -> str:
    return " ".join(answer.removeprefix(f"--against {revision}: ").split())[:200]


def known_revisions() -> list[str]:
    """Names of experiments, branches and tags; empty without git."""
    asked = (
        dvc("exp", "list", "--all-commits", "--name-only"),
        ["git", "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags"],
    )
    found: list[str] = []
    for command in asked:
        done = subprocess.run(command, capture_output=True, text=True)
        found += done.stdout.split() if done.returncode == 0 else []
    return sorted(set(found))


class _Files:
    """Files of a revision, if they are in this machine's cache."""

    def __init__(self, revision: str) -> None:
        from dvc.api import DVCFileSystem
        from dvc.exceptions import DvcException

        try:
            self.system = DVCFileSystem(".", rev=revision)
        except (DvcException, OSError) as error:
            raise InputError(f"--against {revision}: dvc cannot read it: {error}") from error

    def stage(self, artifact: str) -> Other:
        """A stage's metrics and samples."""
        try:
            metrics = json.loads(self._bytes(f"{artifact}/metrics.json") or b"{}")
        except ValueError:
            metrics = {}
        metrics = {name: number(value) for name, value in metrics.items()} if isinstance(metrics, dict) else {}
        return Other(metrics, self._image(f"{artifact}/samples.png"))

    def _bytes(self, path: str) -> bytes | None:
        from dvc.exceptions import DvcException

        try:
            found: bytes = self.system.read_bytes(path)
        except (OSError, DvcException, KeyError):  # that revision has none, or it is not in this machine's cache
            return None
        return found

    def _image(self, path: str) -> "Image.Image | None":
        from PIL import Image

        content = self._bytes(path)
        if content is None:
            return None
        try:
            return Image.open(io.BytesIO(content)).convert("RGB")
        except OSError:
            return None
