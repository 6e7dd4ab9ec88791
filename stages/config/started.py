"""What a stage was started with, compared with what the project says when it is about to publish.

A training takes hours, and DVC records params.yaml and code as they are when it ends: without this, an edit made meanwhile
would be recorded beside weights that never saw it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.data.files import file_digest
from espalier.data.sources.files import find_files
from espalier.stages.config.code import differing, stage_code
from espalier.stages.config.params import PARAMS, RUNNERS, entries, merged_section, read_params, with_text_keys
from espalier.stages.contracts.known import SECTIONS

IDENTIFYING = ("manifest.json", "stage.json")
"""The file that identifies an artifact."""


class Started:
    """The section of params.yaml, the code and the inputs of a stage, as they were when this was made."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.pipeline, self.stage = pipeline, stage
        self.section, self.code = section_of(params, pipeline, stage), stage_code(params, pipeline, stage)
        self.inputs = dict(_inputs(self.section))
        self.images = _listing(self.section)

    def check(self) -> None:
        """Check that nothing has changed since.

        Raises:
            InputError: something has; names it. What was computed so far is kept where it is.
        """
        changes = list(self._changes())
        if changes:
            more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
            raise InputError(
                f"{self.pipeline} {self.stage} was started with other inputs than the project has now, so it is not published: "
                f"{', '.join(changes[:4])}{more}. Run it again for the new ones (what is trained for the old ones is kept in "
                ".work), or undo the change and run it again to publish"
            )

    def _changes(self) -> Iterator[str]:
        params = read_params()
        try:
            now = section_of(params, self.pipeline, self.stage)
        except InputError:
            yield f"{PARAMS} no longer has this stage"
            return
        yield from (f"{key} in {PARAMS}" for key in differences(self.section, now))
        yield from (
            f"the code of {name}" for name in differing(self.code, stage_code(params, self.pipeline, self.stage))
        )
        yield from (str(path) for path, digest in dict(_inputs(now)).items() if self.inputs.get(path, digest) != digest)
        if now.get("root") == self.section.get("root") and _listing(now) != self.images:
            yield f"the files in {now['root']}"


def section_of(params: dict[str, Any], pipeline: str, stage: str) -> dict[str, Any]:
    """The section of a stage, or of an entry outside pipelines such as a dataset, without what concerns only the runner.

    Raises:
        InputError: there is none.
    """
    if pipeline not in SECTIONS:
        return {key: value for key, value in merged_section(params, pipeline, stage).items() if key not in RUNNERS}
    found = entries(params, SECTIONS[pipeline]).get(stage)
    if not isinstance(found, dict):
        raise InputError(f"{PARAMS}: {SECTIONS[pipeline]} has no {pipeline} '{stage}'")
    section: dict[str, Any] = with_text_keys(found)
    return section


def differences(one: Any, other: Any, key: str = "") -> list[str]:
    """The dotted keys in which two sections differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = dict.fromkeys([*one, *other])
        return [found for k in keys for found in differences(one.get(k), other.get(k), f"{key}.{k}".lstrip("."))]
    return [] if one == other and type(one) is type(other) else [key]


def _inputs(value: Any) -> Iterator[tuple[Path, str]]:
    """The digest of each file that a section names, and of the file that identifies each artifact it names."""
    if isinstance(value, dict):
        for option in value.values():
            yield from _inputs(option)
    elif isinstance(value, list):
        for option in value:
            yield from _inputs(option)
    elif isinstance(value, str) and "/" in value:
        for file in (Path(value), *(Path(value, name) for name in IDENTIFYING)):
            if file.is_file():
                yield file, file_digest(file)


def _listing(section: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Size and time of each file of a dataset's folder, if it has one."""
    root = section.get("root")
    if not isinstance(root, str) or not Path(root).is_dir():
        return {}
    stats = {name: Path(root, name).stat() for name in find_files(Path(root)).files}
    return {name: (found.st_size, found.st_mtime_ns) for name, found in stats.items()}
