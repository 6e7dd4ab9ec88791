"""Add a pipeline to params.yaml and dvc.yaml, like an existing one. The rest of both files stays as it is, byte for byte."""

import re
import sys
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.data.sources.archive import check_images
from espalier.stages.config.params import (
    ARTIFACTS,
    PARAMS,
    check_name,
    choose,
    entries,
    merged_section,
    pipeline_names,
    read_params,
    stage_names,
)

DAG = Path("dvc.yaml")


def new_pipeline(name: str, like: str, images: Path | None) -> list[str]:
    """Add the pipeline `name`, a copy of `like`; with `images`, on a new dataset of the same name. Returns what was added.

    Raises:
        InputError: the name is taken or invalid, there is no such pipeline or folder of images, or a file has a form that
            cannot be extended.
    """
    params = read_params()
    choose({key: params[key] for key in pipeline_names(params)}, like, str(PARAMS), "pipeline")
    check_new(name, params, images)
    dag = _loaded(DAG)
    if like not in dag["stages"]:
        raise InputError(f"{DAG}: stages.{like} is missing, so there is no stage to copy")
    section = _block(PARAMS, like, _loaded(PARAMS)).replace(f"{ARTIFACTS}/{like}/", f"{ARTIFACTS}/{name}/")
    dataset = None
    if images is not None:
        old = str(merged_section(params, like, stage_names(params, like)[0])["dataset"])
        section = re.sub(rf"{re.escape(old)}(?![\w-])", f"{ARTIFACTS}/datasets/{name}", section)
        options = {"source": "folder", "root": images.as_posix(), "resolution": _resolution(params, like)}
        dataset = on_one_line(options)
    stage = re.sub(rf"(?<![\w-]){re.escape(like)}(?![\w-])", name, _block(DAG, like, dag["stages"]))
    return add_pipeline(name, dataset, _named(section, like, name), stage, like)


def check_new(name: str, params: dict[str, Any], images: Path | None) -> None:
    """Check that a pipeline of this name can be added, with `images` on a dataset of this name.

    Raises:
        InputError: the name is taken or invalid, or there is no such folder of images.
    """
    check_name(name, str(PARAMS), "a pipeline")
    if YAML(typ="safe", pure=True).load(name) != name:
        raise InputError(f"'{name}' is not text in YAML; choose another name, such as my_{name}")
    for file, keys in ((PARAMS, params), (DAG, _loaded(DAG)["stages"])):
        if name in keys:
            raise InputError(f"{file} has '{name}' already; choose another name")
    if images is not None:
        if name in entries(params, "datasets"):
            raise InputError(f"{PARAMS}: datasets.{name} exists already; choose another name, or omit --images")
        check_images(images)


def add_pipeline(name: str, dataset: str | None, section: str, stage: str, after: str | None = None) -> list[str]:
    """Write a pipeline's blocks into both files, and its dataset's entry. Returns what was added.

    `after`: the stage in dvc.yaml that the block follows; by default the last.

    Raises:
        InputError: a file has a form that cannot be extended.
    """
    stages = _loaded(DAG)["stages"]
    for needed in ("code", "dataset"):
        if needed not in stages:
            raise InputError(f"{DAG} has no stage '{needed}', which every pipeline needs; take it from a new project's")
    text = PARAMS.read_text(encoding="utf-8")
    added = [f"{PARAMS}: {name}", f"{DAG}: stages.{name}"]
    if dataset is not None:
        text = _with_dataset(text, name, dataset)
        added.insert(0, f"{PARAMS}: datasets.{name}")
    changed = {
        PARAMS: _checked(PARAMS, f"{text.rstrip()}\n\n{section}", {name, "datasets"}),
        DAG: _checked(DAG, _after(DAG, after or list(stages)[-1], stages, stage), {"stages"}),
    }
    for file, new in changed.items():
        with whole_file(file) as partial:
            partial.write_text(new, encoding="utf-8")
    return added


def _loaded(file: Path) -> CommentedMap:
    if not file.is_file():
        raise InputError(f"no {file} here; run this in the project's root folder")
    try:
        found = YAML().load(file)
    except YAMLError as error:
        raise InputError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(found, CommentedMap) or (file == DAG and not isinstance(found.get("stages"), CommentedMap)):
        raise InputError(f"{file} must be a mapping{' with stages' if file == DAG else ''}")
    return found


def _span(file: Path, key: str, parent: CommentedMap) -> tuple[list[str], int, int]:
    """The lines of a file, and the first and past-the-last line of a key's block, without comments about the next one."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    start, column = parent.lc.key(key)
    if lines[start][:column].strip():
        raise InputError(f"{file}: {key} shares its line with other keys; give it a line of its own")
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > column):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    return lines, start, end


def _block(file: Path, key: str, parent: CommentedMap) -> str:
    lines, start, end = _span(file, key, parent)
    return "".join(lines[start:end]).rstrip("\n") + "\n"


def _after(file: Path, key: str, parent: CommentedMap, block: str) -> str:
    """The file's text with a block after that of a key."""
    lines, _, end = _span(file, key, parent)
    before = "".join(lines[:end]).rstrip("\n")
    return f"{before}\n\n{block}{''.join(lines[end:])}"


def _named(section: str, old: str, new: str) -> str:
    """The section with another key."""
    return re.sub(rf"\A(['\"]?){re.escape(old)}\1", new, section)


def _resolution(params: dict[str, Any], pipeline: str) -> int:
    """The largest resolution that a pipeline trains at."""
    found = [merged_section(params, pipeline, stage).get("resolution") for stage in stage_names(params, pipeline)]
    sizes = [size for size in found if isinstance(size, int)]
    if not sizes:
        raise InputError(f"{PARAMS}: {pipeline} does not train on images; omit --images")
    return max(sizes)


def _with_dataset(text: str, name: str, options: str) -> str:
    """The text of params.yaml with one more dataset."""
    entry = f"{name}: {options}\n"
    datasets = YAML().load(text).get("datasets")
    if not datasets:
        block, empty = f"datasets:\n  {entry}", re.compile(r"(?m)^datasets:\s*(\{\}|null|~)?[ \t]*(#.*)?$\n?")
        return empty.sub(lambda _: block, text, count=1) if empty.search(text) else f"{block}\n{text.lstrip()}"
    lines = text.splitlines(keepends=True)
    line, column = datasets.lc.key(next(iter(datasets)))
    if lines[line][:column].strip():
        raise InputError(f"{PARAMS}: datasets is on one line; write one dataset per line, then run this again")
    lines.insert(line, " " * column + entry)
    return "".join(lines)


def on_one_line(value: Any) -> str:
    """A value as YAML in flow style."""
    yaml, out = YAML(), StringIO()
    yaml.default_flow_style, yaml.width = True, sys.maxsize
    yaml.dump(value, out)
    return out.getvalue().removesuffix("...\n").strip()


def _checked(file: Path, text: str, changed: set[str]) -> str:
    """The text, after checking that only these top-level keys differ from what the file holds.

    Raises:
        InputError: the new text would not have that meaning.
    """
    safe = YAML(typ="safe", pure=True)
    refusal = f"{file} has a form that cannot be extended automatically; add the pipeline by hand"
    try:
        before, after = safe.load(file), safe.load(text)
    except YAMLError as error:
        raise InputError(refusal) from error
    if {key for key in {**before, **after} if before.get(key) != after.get(key)} - changed:
        raise InputError(refusal)
    return text
