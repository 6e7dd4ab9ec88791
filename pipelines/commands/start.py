"""From a folder of images to a pipeline: look at the images and the machine, choose what trains in the time given, write it."""

import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from espalier.data.errors import InputError
from espalier.data.prepare import cores
from espalier.data.survey import Survey, survey
from espalier.pipelines.commands.check import measured
from espalier.pipelines.commands.choice import GROWN, Choice, Cost, Machine, chosen, refuse_hopeless
from espalier.pipelines.commands.new import DAG, add_pipeline, check_new, on_one_line
from espalier.stages.artifacts.artifact import load_artifact
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import PARAMS, read_params
from espalier.stages.features.imagenet import is_installed

AROUND = 75.0
"""Seconds of a run that are no training: DVC and its checks, starting processes, publishing, the report and the grid."""
BETWEEN = 10.0
"""Those of each stage before the last: starting a process, publishing."""
SHARE = 0.9
"""Of the time that is left, what training is given: probes, samples and checkpoints take the rest."""


def start(name: str, images: Path, hours: float, resolution: int | None, parent: Path | None) -> list[str]:
    """Add the dataset and the pipeline `name` to params.yaml and dvc.yaml. Returns what was seen, chosen and written, and why.

    Raises:
        InputError: the name is taken, there is nothing to learn from, or no time to learn it in.
    """
    check_new(name, read_params(), images)
    found, told = plan(name, images, hours, resolution, parent)
    return [*told, *write(name, found)]


def plan(
    name: str, images: Path, hours: float, resolution: int | None = None, parent: Path | None = None
) -> tuple[Choice, list[str]]:
    """Look at images and machine, and choose. Returns the choice and what is said of it; writes nothing.

    Raises:
        InputError: there is nothing to learn from, or no time to learn it in.
    """
    given = load_artifact(parent) if parent is not None else None
    if given is not None and resolution not in (None, given.config.resolution):
        raise InputError(
            f"{parent} is at resolution {given.config.resolution}, which transfer cannot change; omit --resolution"
        )
    print(f"looking at {images} ...", flush=True)
    seen = survey(images)
    refuse_hopeless(seen)
    machine = this_machine()
    around = AROUND + 1.5 * seen.seconds * seen.count / machine.cores
    left = SHARE * (3600 * hours - around)
    if not left > 0:  # nor if it is not a number
        raise InputError(
            f"--hours {hours:g} is {60 * hours:.2g} minutes, and all but training takes {around / 60:.1f}; give it more time"
        )
    print("trying what this machine can do ...", flush=True)
    found = chosen(name, seen, machine, left, resolution, given, Costs(name))
    section = {"common": found.common, "stages": _stages_of(name, found)}
    for stage in section["stages"]:
        stage_config({"datasets": {name: found.dataset}, name: section}, name, stage)  # it can be run
    of_time = f"machine: {machine.words}; {60 * hours:.3g} minutes, {around / 60:.2g} of them around the training"
    return found, [*_of(seen), of_time, *found.words, *seen.notes]


def write(name: str, choice: Choice) -> list[str]:
    """Add a choice to both files of the project in the current folder. Returns a sentence about it."""
    add_pipeline(name, on_one_line(choice.dataset), _section(name, choice), _stages(name, choice))
    return [f"written: {PARAMS}: datasets.{name}, {name}; {DAG}: stages.{name}"]


def this_machine() -> Machine:
    """What the stages will train on."""
    import torch

    from espalier.stages.process.device import choose_device

    device = choose_device()
    gpu = device.type == "cuda"
    memory = torch.cuda.mem_get_info(device)[0] if gpu else psutil.virtual_memory().available
    return Machine(gpu, cores(), memory, is_installed())


def _of(seen: Survey) -> list[str]:
    """What was seen, in a few lines."""
    low, middle, high = seen.sides
    colour = "grey" if seen.channels == 1 else "colour"
    kinds = (
        f", {len(seen.classes)} folders in it (they can be conditioned on: espalier tricks projection)"
        if seen.classes
        else ""
    )
    lines = [
        f"images: {seen.count} {colour}{kinds}",
        f"shorter side: {middle} pixels in the middle, {low} to {high} for most; height / width {seen.aspect[0]:.2f}",
    ]
    if seen.damaged:
        lines.append(
            f"damaged: {len(seen.damaged)} of {seen.looked} looked at, such as {next(iter(seen.damaged))}; left out"
        )
    if seen.distinct < 1 or seen.near > 0.01:
        lines.append(f"copies: {1 - seen.distinct:.0%} exact, {seen.near:.0%} nearly so, of {seen.looked} looked at")
    return lines


class Costs:
    """What choices cost: each stage runs a few steps once, on random images of its size, in a folder of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._known: dict[str, dict[str, Any]] = {}

    def __call__(self, choice: Choice) -> Cost:
        """Of a choice.

        Raises:
            InputError: it cannot run at these sizes.
        """
        common = {**choice.common}
        after = common.pop("after", None)
        if after is not None:  # the parent's weights cost what others do
            common.pop("transfer")
        text = {
            "datasets": {self.name: choice.dataset},
            self.name: {"common": common, "stages": _stages_of(self.name, choice)},
        }
        *earlier, last = [self._of(text, stage) for stage in text[self.name]["stages"]]
        before = sum(
            GROWN[side] * 1000 / one["images_per_second"] for side, one in zip(choice.grown, earlier, strict=True)
        )
        return Cost(last["images_per_second"], last["peak_bytes"], last["base_bytes"], before, BETWEEN * len(earlier))

    def _of(self, text: dict[str, Any], stage: str) -> dict[str, Any]:
        section = text[self.name]
        key = repr((section["common"]["network"], section["common"]["batch_size"], section["stages"][stage]))
        if key not in self._known:
            with tempfile.TemporaryDirectory() as folder:
                YAML().dump(text, Path(folder) / PARAMS)
                ((_, self._known[key]),) = measured(self.name, [stage], Path(folder))
        return self._known[key]


def _stages_of(name: str, choice: Choice) -> dict[str, dict[str, Any]]:
    """The stages as in params.yaml, from the first to the last."""
    after = choice.common.get("after", choice.common["dataset"])
    found = {}
    for side, kimg in [*choice.grown.items(), (choice.resolution, None)]:
        found[f"r{side}"] = {"after": after} if kimg is None else {"after": after, "resolution": side, "kimg": kimg}
        after = f"artifacts/{name}/r{side}"
    return found


def _section(name: str, choice: Choice) -> str:
    """The pipeline's text in params.yaml."""
    lines = [f"{name}: # made by espalier start; all of it can be changed", "  report: true", "  common:"]
    lines += [
        f"    {key}: {on_one_line(value)}" for key, value in choice.common.items() if value != {} and key != "after"
    ]
    lines += ["  stages:", *(f"    {stage}: {on_one_line(value)}" for stage, value in _stages_of(name, choice).items())]
    return "\n".join(lines) + "\n"


def _stages(name: str, choice: Choice) -> str:
    """The pipeline's block in dvc.yaml: that of ProGAN in a new project, under another name."""
    template = resources.files("espalier.pipelines.commands").joinpath("project", "dvc.yaml.template")
    text = template.read_text(encoding="utf-8")
    block = text[text.index("  progan:\n") : text.index("  features:\n")].replace("progan", name).rstrip()
    grown = "one resolution, grown from the one below"
    return (block if choice.grown else block.replace(grown, "one stage of training")) + "\n"
