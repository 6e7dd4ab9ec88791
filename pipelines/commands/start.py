"""From a folder of images to a pipeline: look at the images and the machine, choose what trains in the time given, write it."""

import tempfile
from importlib import resources
from pathlib import Path

import psutil
from ruamel.yaml import YAML

from espalier.data.errors import InputError
from espalier.data.prepare import cores
from espalier.data.survey import Survey, survey
from espalier.pipelines.commands.check import measured
from espalier.pipelines.commands.choice import Choice, Cost, Machine, chosen, refuse_hopeless
from espalier.pipelines.commands.new import DAG, add_pipeline, check_new, on_one_line
from espalier.stages.artifacts.artifact import load_artifact
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import PARAMS, read_params
from espalier.stages.features.imagenet import is_installed

AROUND = 75.0
"""Seconds of a run that are no training: DVC and its checks, starting processes, publishing, the report and the grid."""
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
    found = chosen(name, seen, machine, left, resolution, given, lambda choice: _cost(name, choice))
    section = {"common": found.common, "stages": {_stage(found): {}}}
    stage_config({"datasets": {name: found.dataset}, name: section}, name, _stage(found))  # it can be run
    of_time = f"machine: {machine.words}; {60 * hours:.3g} minutes, {around / 60:.2g} of them around the training"
    return found, [*_of(seen), of_time, *found.words, *seen.notes]


def write(name: str, choice: Choice) -> list[str]:
    """Add a choice to both files of the project in the current folder. Returns a sentence about it."""
    add_pipeline(name, on_one_line(choice.dataset), _section(name, choice), _stages(name))
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


def _cost(name: str, choice: Choice) -> Cost:
    """Run a few steps of a choice, on random images of its size, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        common = {**choice.common}
        after = common.pop("after", None)
        if after is not None:  # the parent's weights cost what others do
            common.pop("transfer")
        text = {"datasets": {name: choice.dataset}, name: {"common": common, "stages": {_stage(choice): {}}}}
        YAML().dump(text, Path(folder) / PARAMS)
        ((_, cost),) = measured(name, [_stage(choice)], Path(folder))
    return Cost(cost["images_per_second"], cost["peak_bytes"], cost["base_bytes"])


def _stage(choice: Choice) -> str:
    return f"r{choice.resolution}"


def _section(name: str, choice: Choice) -> str:
    """The pipeline's text in params.yaml."""
    common = {**choice.common}
    after = common.pop("after", common["dataset"])
    lines = [f"{name}: # made by espalier start; all of it can be changed", "  report: true", "  common:"]
    lines += [f"    {key}: {on_one_line(value)}" for key, value in common.items() if value != {}]
    return "\n".join([*lines, "  stages:", f"    {_stage(choice)}: {on_one_line({'after': after})}"]) + "\n"


def _stages(name: str) -> str:
    """The pipeline's block in dvc.yaml: that of ProGAN in a new project, under another name."""
    template = resources.files("espalier.pipelines.commands").joinpath("project", "dvc.yaml.template")
    text = template.read_text(encoding="utf-8")
    block = text[text.index("  progan:\n") : text.index("  features:\n")]
    return (
        block.replace("progan", name)
        .replace("one resolution, grown from the one below", "one stage of training")
        .rstrip()
        + "\n"
    )
