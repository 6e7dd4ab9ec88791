"""Artifacts: what a stage publishes, and what a child stage or a person starts from.

    artifacts/progan/r8/
      generator.safetensors  discriminator.safetensors   the generator is the averaged one
      stage.json      Record: configuration, lineage, step, versions, digests
      metrics.json    final figures      history.csv   scalars over time
      monitor.csv     what the probes saw, with the verdict then
      samples.png     final grid         samples/      the same latents over time
      milestones/kimg-00020/             the same weights and record, earlier

A single checkpoint file serves wherever a generator is asked for.
"""

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.files import write_json
from espalier.data.store import Store, file_digest
from espalier.models.fashiongan.told import Told
from espalier.stages.artifacts.checkpoint import read_checkpoint
from espalier.stages.artifacts.record import FORMAT, Input, Record
from espalier.stages.config.stage import StageConfig
from espalier.stages.networks.build import build_networks
from espalier.stages.tricks.context import Moment
from espalier.stages.tricks.trick import Networks, implements

WEIGHTS = ("generator", "discriminator")
EXAMPLES = "examples.safetensors"
ENCODER = "encoder.safetensors"
"""A sentence encoder's weights, in its artifact."""


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
        """State of "generator" or "discriminator", on the CPU.

        Raises:
            InputError: the file is missing, damaged, or not the one that was published.
        """
        file = self.path / f"{network}.safetensors"
        try:
            if file_digest(file) != self.record.digests.get(file.name):
                raise InputError(
                    f"{file} is damaged: its digest is not the one in {self.path / 'stage.json'}.{self._remedy()}"
                )
            return safetensors.torch.load_file(file)
        except FileNotFoundError as error:
            raise InputError(f"{file} is missing.{self._remedy()}") from error
        except SafetensorError as error:
            raise InputError(f"{file} cannot be read: {error}.{self._remedy()}") from error

    def _remedy(self) -> str:
        return f"\nBring it back with 'dvc checkout {self.path}', or train it again: dvc repro -f {self.config.name}"

    @property
    def digest(self) -> str:
        """One digest for both networks' weights."""
        return ":".join(self.record.digests[f"{network}.safetensors"][:32] for network in WEIGHTS)


def config_of(record: Record, path: Path) -> StageConfig:
    """The configuration in a record."""
    try:
        return StageConfig.model_validate(record.config)
    except ValidationError as error:
        raise InputError(
            f"the configuration in {path} is not one that this version understands: "
            f"{error.errors(include_url=False)[0]['msg']}"
        ) from error


def load_artifact(path: Path) -> Artifact:
    """Open an artifact or a milestone.

    Raises:
        InputError: there is none, it is damaged, or of another format.
    """
    file = path / "stage.json"
    if not file.is_file():
        raise InputError(f"there is no artifact at {path} (no stage.json in it)")
    try:
        record = Record.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InputError(f"{file} is damaged: it cannot be read. Bring it back with 'dvc checkout {path}'") from error
    if record.format != FORMAT:
        raise InputError(f"the artifact {path} has format {record.format}, this version reads {FORMAT}")
    return Artifact(path, record)


def load_parent(after: Path, at: int | None) -> Artifact:
    """The parent's artifact, or its milestone at a kimg.

    Raises:
        InputError: it is missing; with the stages or milestones there are.
    """
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


def write_weights(folder: Path, record: Record, networks: Networks) -> None:
    """Weights and stage.json into a folder, the averaged generator as the generator."""
    players: dict[str, nn.Module] = {"generator": networks.ema, "discriminator": networks.discriminator}
    for name, network in players.items():
        tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
        safetensors.torch.save_file(tensors, folder / f"{name}.safetensors")
    digests = {f"{name}.safetensors": file_digest(folder / f"{name}.safetensors") for name in WEIGHTS}
    write_json(folder / "stage.json", record.model_copy(update={"digests": digests}).model_dump(mode="json"))


def write_examples(folder: Path, told: Tensor | Told | None) -> None:
    """What the samples were told, where that is sentences and maps, so that others can be drawn without the dataset."""
    if isinstance(told, Told):
        safetensors.torch.save_file(
            {name: of.cpu().contiguous() for name, of in told._asdict().items()}, folder / EXAMPLES
        )


def read_examples(path: Path) -> Told:
    """The examples of the artifact that holds these weights.

    Raises:
        InputError: there are none near.
    """
    for folder in (path, *path.parents[:3]):
        if (folder / EXAMPLES).is_file():
            return Told(**safetensors.torch.load_file(folder / EXAMPLES))
    raise InputError(
        f"{path} is told sentences and maps, and has no {EXAMPLES} beside it; right would be an artifact, or a milestone in it"
    )


def parent_input(parent: Artifact | None) -> Input | None:
    """A parent, if there is one, as lineage names it."""
    return None if parent is None else Input(path=parent.path.as_posix(), digest=parent.digest)


def start_input(config: StageConfig) -> Input | None:
    """The checkpoint to go on from, if one is chosen, as lineage names it.

    Raises:
        InputError: there is none.
    """
    if config.start is None:
        return None
    if not config.start.is_file():
        raise InputError(f"there is no checkpoint {config.start}; bring it back with 'dvc checkout {config.start}'")
    return Input(path=config.start.as_posix(), digest=file_digest(config.start))


def reads_input(config: StageConfig, store: Store) -> Input | None:
    """What a stage's sentences are encoded by, if it is told any, as lineage names it.

    Raises:
        InputError: there is none.
    """
    if config.reads is None:
        return None
    if config.reads == config.dataset:
        return Input(path=config.reads.as_posix(), digest=store.digest)
    file = config.reads / ENCODER
    if not file.is_file():
        raise InputError(
            f"there is no sentence encoder at {config.reads}; train it first: dvc repro text@{config.reads.name}"
        )
    return Input(path=config.reads.as_posix(), digest=file_digest(file))


def load_generator(path: Path, device: torch.device) -> tuple[nn.Module, Record]:
    """The generator of an artifact, a milestone or a single checkpoint file, ready to sample from.

    Needs neither the dataset nor the project's params.yaml.

    Raises:
        InputError: nothing there that a generator can be loaded from.
    """
    if path.is_file():
        checkpoint = read_checkpoint(path)
        record = checkpoint.record
        state = checkpoint.state.get("ema", checkpoint.state["generator"])
    else:
        artifact = load_artifact(path)
        record, state = artifact.record, artifact.weights("generator")
    config = config_of(record, path)
    networks = build_networks(config, record.channels, device, record.classes)
    moment = Moment(config.seed, config.name, record.step, record.images, config.batch_size, device)
    networks.ema.load_state_dict(state)
    for trick in config.tricks.others:
        if implements(trick, "before_step"):
            trick.before_step(networks, moment)
    return networks.ema.eval(), record
