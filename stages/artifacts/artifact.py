"""Artifacts: what a stage publishes, and what child stages and users start from.

    artifacts/progan/r8/
      generator.safetensors  discriminator.safetensors   the EMA generator
      stage.json      Record: configuration, lineage, step, versions, digests
      metrics.json    final metrics      history.csv   scalars over time
      monitor.csv     probe measurements, with the verdict at each
      samples.png     final grid         samples/      the same latents over time
      milestones/kimg-00020/             weights and record at an earlier step

A checkpoint file can be used wherever a generator is expected.
"""

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.files import file_digest
from espalier.data.sealed import Damaged, check_file, digests_in, format_of, read_record, write_record
from espalier.stages.artifacts.checkpoint import read_checkpoint
from espalier.stages.artifacts.record import FORMAT, Input, Record
from espalier.stages.config.params import named_parts
from espalier.stages.config.stage import StageConfig
from espalier.stages.contracts.condition import Condition, on_device, rows
from espalier.stages.contracts.kind import Kind
from espalier.stages.contracts.published import save_weights
from espalier.stages.contracts.trust import only_named
from espalier.stages.kinds.conditions import class_turns
from espalier.stages.kinds.sampling import latents
from espalier.stages.networks.build import build_networks
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Networks
from espalier.stages.tricks.trick import implements

WEIGHTS = ("generator", "discriminator")
EXAMPLES = "examples.safetensors"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A published stage, or one of its milestones."""

    path: Path
    record: Record

    @property
    def config(self) -> StageConfig:
        """The configuration it was trained with."""
        return config_of(self.record, self.path)

    def weights(self, network: str) -> dict[str, Tensor]:
        """State dict of "generator" or "discriminator", on the CPU.

        Raises:
            InputError: the file is missing, damaged, or differs from the published one.
        """
        file = self.path / f"{network}.safetensors"
        try:
            return safetensors.torch.load_file(check_file(self.path, file.name, self.record.digests))
        except FileNotFoundError as error:
            raise InputError(f"{file} is missing.{self._remedy()}") from error
        except Damaged as error:
            raise InputError(f"{file} {error}.{self._remedy()}") from error
        except SafetensorError as error:
            raise InputError(f"{file} cannot be read: {error}.{self._remedy()}") from error

    def _remedy(self) -> str:
        return f"\nRestore it with 'dvc checkout {self.path}', or train it again: dvc repro -f {self.config.name}"

    @property
    def digest(self) -> str:
        """One digest for both networks' weights."""
        return ":".join(self.record.digests[f"{network}.safetensors"][:32] for network in WEIGHTS)


def config_of(record: Record, path: Path) -> StageConfig:
    """The configuration in a record.

    Raises:
        InputError: this version does not support it, or it names parts that params.yaml does not.
    """
    try:
        with only_named(path, named_parts):
            return StageConfig.model_validate(record.config)
    except ValidationError as error:
        raise InputError(
            f"the configuration in {path} is not supported by this version: {error.errors(include_url=False)[0]['msg']}"
        ) from error


def kind_of(record: Record, path: Path) -> Kind:
    """The kind of data that the generator of an artifact makes."""
    return config_of(record, path).sample_kind


def load_artifact(path: Path) -> Artifact:
    """Open an artifact or a milestone.

    Raises:
        InputError: it does not exist, is damaged, or has another format.
    """
    file = path / "stage.json"
    if not file.is_file():
        raise InputError(f"there is no artifact at {path} (no stage.json in it)")
    if format_of(file) not in (None, FORMAT):
        raise InputError(
            f"the artifact {path} has format {format_of(file)}, this version reads {FORMAT}; publish it again: "
            f"dvc repro -f {path.parent.name}@{path.name}"
        )
    try:
        record = Record.model_validate(read_record(file))
    except (ValidationError, ValueError) as error:
        why = str(error) if isinstance(error, Damaged) else "is damaged: it is no record of a training"
        raise InputError(
            f"{file} {why}. Restore it with 'dvc checkout {path}', or publish it again: dvc repro -f "
            f"{path.parent.name}@{path.name}"
        ) from error
    return Artifact(path, record)


def load_parent(after: Path, at: int | None) -> Artifact:
    """The parent's artifact, or its milestone at a kimg.

    Raises:
        InputError: it is missing; lists the existing stages or milestones.
    """
    if (after / "manifest.json").is_file() and not (after / "stage.json").is_file():
        raise InputError(
            f"{after} is a prepared dataset, but not the one of the pipeline (common.dataset); write a second "
            "pipeline for it"
        )
    if not (after / "stage.json").is_file():
        siblings = sorted(p.parent.name for p in after.parent.glob("*/stage.json"))
        there = f" (there are: {', '.join(siblings)})" if siblings else ""
        raise InputError(
            f"the parent {after} does not exist{there}; train it first: dvc repro {after.parent.name}@{after.name}"
        )
    if at is None:
        return load_artifact(after)
    milestone = after / "milestones" / milestone_name(at)
    if not milestone.is_dir():
        there = ", ".join(str(int(p.name.split("-")[1])) for p in sorted((after / "milestones").glob("kimg-*")))
        raise InputError(f"the parent {after} has no milestone at {at} kimg; it has: {there or 'none'}")
    return load_artifact(milestone)


def milestone_name(kimg: int) -> str:
    """Folder name of a milestone."""
    return f"kimg-{kimg:05d}"


def write_artifact(folder: Path, record: Record, networks: Networks) -> None:
    """Write the weights into a folder, and stage.json with the digests of all that is in it.

    The generator written is the EMA generator.
    """
    save_weights(folder, {"generator": networks.ema, "discriminator": networks.discriminator})
    sealed = record.model_copy(update={"digests": digests_in(folder)})
    write_record(folder / "stage.json", sealed.model_dump(mode="json"))


def write_examples(folder: Path, condition: Condition, own: bool) -> None:
    """Write the condition of the samples, if it is more than classes, so that sampling does not need the dataset.

    `own`: whether it is a user's own.
    """
    if isinstance(condition, tuple):
        parts = {name: part.cpu().contiguous() for name, part in condition._asdict().items()}  # type: ignore[attr-defined]
        safetensors.torch.save_file(parts, folder / EXAMPLES)
    elif own and isinstance(condition, Tensor):
        safetensors.torch.save_file({EXAMPLES: condition.cpu().contiguous()}, folder / EXAMPLES)


def read_examples(path: Path, record: Record) -> Condition:
    """The examples of the artifact that contains these weights, in the form its networks expect; on the CPU.

    Raises:
        InputError: none are found in the path or its three parents.
    """
    network = config_of(record, path).network
    for folder in (path, *path.parents[:3]):
        if (folder / EXAMPLES).is_file():
            parts = _examples_in(folder)
            return parts[EXAMPLES] if EXAMPLES in parts else network.condition_of(parts)
    raise InputError(
        f"{path} is conditioned on {network.conditioned_on or record.config['conditioning']}, but {EXAMPLES} is missing; use "
        "an artifact, or one of its milestones"
    )


def _examples_in(folder: Path) -> dict[str, Tensor]:
    try:
        file = check_file(folder, EXAMPLES, load_artifact(folder).record.digests)
    except Damaged as error:
        raise InputError(f"{folder / EXAMPLES} {error}. Restore it with 'dvc checkout {folder}'") from error
    return safetensors.torch.load_file(file)


def latents_for(record: Record, count: int, seed: int, device: torch.device) -> Tensor:
    """The first `count` latents of a seed for an artifact's generator."""
    network = record.config["network"]
    return latents(count, network["latent"], seed, device, network["prior"])


def condition_for(path: Path, record: Record, count: int, device: torch.device) -> Condition:
    """The condition of `count` samples of an artifact: its classes or examples in rotation; None if it is unconditional."""
    if record.encoder is None and record.config.get("conditioning") is None:
        return class_turns(record.classes, count, device) if record.classes else None
    examples = read_examples(path, record)
    size = len(examples[0]) if isinstance(examples, tuple) else len(examples) if isinstance(examples, Tensor) else 0
    return on_device(rows(examples, class_turns(size, count, torch.device("cpu"))), device)


def parent_input(parent: Artifact | None) -> Input | None:
    """The lineage entry of a parent, if there is one."""
    return None if parent is None else Input(path=parent.path.as_posix(), digest=parent.digest)


def start_input(config: StageConfig) -> Input | None:
    """The lineage entry of the checkpoint to continue from, if one is configured.

    Raises:
        InputError: it does not exist.
    """
    if config.start is None:
        return None
    if not config.start.is_file():
        raise InputError(f"there is no checkpoint {config.start}; restore it with 'dvc checkout {config.start}'")
    return Input(path=config.start.as_posix(), digest=file_digest(config.start))


def load_generator(path: Path, device: torch.device) -> tuple[nn.Module, Record]:
    """The generator of an artifact, a milestone or a single checkpoint file, ready to sample from.

    Needs neither the dataset nor the project's params.yaml.

    Raises:
        InputError: no generator can be loaded from the path.
    """
    if path.is_file():
        checkpoint = read_checkpoint(path)
        record = checkpoint.record
        state = checkpoint.state.get("ema", checkpoint.state["generator"])
    else:
        artifact = load_artifact(path)
        record, state = artifact.record, artifact.weights("generator")
    config = config_of(record, path)
    networks = build_networks(config, record.channels, device, record.classes, record.shape)
    context = StepContext(config.seed, config.name, record.step, record.images, config.batch_size, device)
    networks.ema.load_state_dict(state)
    for trick in config.tricks.others:
        if implements(trick, "before_step"):
            trick.before_step(networks, context)
    return networks.ema.eval(), record
