"""Run with overridden parameters as a DVC experiment. The user's params.yaml and artifacts are not modified.

The stages run in a clone of the repository, including uncommitted changes. The clone shares DVC's cache and the work
folders with the workspace, so a killed experiment resumes. At the end the experiment is saved under refs/exps of the
workspace, as `dvc exp run` would do. (`dvc exp run` itself runs the whole chain in one process, so stages could not
be monitored, gated or retried individually.)
"""

import contextlib
import difflib
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from espalier.data.errors import InputError
from espalier.data.files import make_folder
from espalier.pipelines.run.dag import leaf_dependencies
from espalier.pipelines.run.repro import ask_dvc
from espalier.stages.artifacts.workfolder import work_root
from espalier.stages.config.params import PARAMS, read_params

PLAIN_DIFF = (
    "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--no-renames", "--unified=3",
    "--submodule=short", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
"""A diff that git can apply, whatever the user's git is configured to show."""


def experiment_name(overrides: Sequence[str]) -> str:
    """A name derived from the overrides: "loss-hinge-3fa9c1"."""
    words = "-".join(re.sub(r"[^A-Za-z0-9]+", "-", re.sub(r"^[^=]*\.(?=[^=]*=)", "", o)).strip("-") for o in overrides)
    return f"{words[:40].strip('-')}-{hashlib.sha256(repr(tuple(overrides)).encode()).hexdigest()[:6]}"


@contextlib.contextmanager
def experiment(name: str, overrides: Sequence[str]) -> Iterator[Path]:
    """Create the experiment's workspace and make it the current folder; remove it on exit.

    Raises:
        InputError: no git commit to start from, or an override of a nonexistent key.
    """
    root = Path.cwd()
    if git("rev-parse", "--verify", "--quiet", "HEAD", check=False).returncode:
        raise InputError(
            "an override creates a DVC experiment, which needs a git repository with a commit; create one with "
            "'git init', 'git add .' and 'git commit', or edit params.yaml instead"
        )
    place = work_root() / "experiments" / name
    shutil.rmtree(place, ignore_errors=True)
    before = os.environ.get("DVC_ROOT")
    try:
        own = _clone(place)
        with contextlib.chdir(own):
            os.environ["DVC_ROOT"] = str(root)  # stages train in the workspace's work folders
            override(overrides)
            yield own
    finally:
        os.environ.pop("DVC_ROOT", None)
        if before is not None:
            os.environ["DVC_ROOT"] = before
        shutil.rmtree(place, ignore_errors=True)


def save(name: str, stages: Sequence[str], workspace: Path) -> None:
    """Save the current folder with the results of these stages as an experiment of the workspace.

    Raises:
        InputError: dvc cannot save it; with dvc's message. Trained results stay in its cache.
    """
    ask_dvc("exp", "save", "--force", "--name", name, *stages, refusal=f"dvc cannot save the experiment {name}")
    git("-C", str(workspace), "fetch", "--quiet", str(_top()), "+refs/exps/*:refs/exps/*")


def _top() -> Path:
    """The root of the git repository that contains the current folder."""
    return Path(git("rev-parse", "--show-toplevel").stdout.strip())


def _clone(top: Path) -> Path:
    """Clone the repository, including uncommitted changes. Returns the clone's counterpart of the current folder."""
    root = Path.cwd()
    make_folder(top.parent)
    git("clone", "--quiet", "--shared", str(_top()), str(top))
    changes = git("diff", *PLAIN_DIFF, "HEAD").stdout
    if changes:
        git("-C", str(top), "apply", "--whitespace=nowarn", "-", given=changes)
    place = top / root.relative_to(_top())
    for local in ("dvc.lock", ".dvc/config.local"):
        if (root / local).is_file():
            shutil.copy(root / local, place / local)
    cache = ask_dvc("cache", "dir", refusal="dvc cannot report its cache folder")
    with contextlib.chdir(place):
        ask_dvc("cache", "dir", "--local", str((root / cache).resolve()), refusal="dvc cannot share its cache")
    for leaf in leaf_dependencies():  # data not tracked by git
        if not leaf.is_absolute() and (root / leaf).exists() and not (place / leaf).exists():
            (place / leaf).parent.mkdir(parents=True, exist_ok=True)
            (place / leaf).symlink_to(root / leaf)
    return place


def git(*arguments: str, check: bool = True, given: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run git in the current folder, with `given` on its standard input.

    Raises:
        InputError: git is not installed, or fails and `check` is set; with git's message.
    """
    text = {"encoding": "utf-8", "errors": "surrogateescape"}  # a diff may hold any bytes
    try:
        done = subprocess.run(["git", *arguments], input=given, capture_output=True, **text)  # type: ignore[call-overload]
    except FileNotFoundError as error:
        raise InputError("git is not installed, or not in PATH; install it first") from error
    if check and done.returncode:
        raise InputError(f"git {' '.join(arguments)} failed: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done  # type: ignore[no-any-return]


def override(overrides: Sequence[str]) -> None:
    """Apply overrides to the current params.yaml, as `dvc exp run -S` does.

    Raises:
        InputError: a nonexistent key (the message suggests the nearest one), or an invalid override.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    for one in overrides:
        try:
            apply_overrides(PARAMS, [one])
        except DvcException as error:
            raise InputError(_explain(one, error)) from error


def _explain(one: str, error: Exception) -> str:
    key = one.lstrip("+~").partition("=")[0].strip()
    known = list(_keys(read_params()))
    if "=" not in one and not one.startswith("~"):
        return f"the override '{one}' has no value; use {one}=VALUE"
    if key in known:
        return f"the override '{one}' is invalid: {error.__cause__}"
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.85)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{PARAMS} has no key '{key}' to override; {hint}To add a key, write +{key}=VALUE"


def _keys(section: object, prefix: str = "") -> Iterator[str]:
    """Every dotted key path."""
    if isinstance(section, dict):
        for key, value in section.items():
            yield f"{prefix}{key}"
            yield from _keys(value, f"{prefix}{key}.")
