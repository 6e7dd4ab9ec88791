"""What was done to a sick training, and the configuration that it leaves: each remedy over the one before."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from espalier.stages.artifacts.record import Event, Record
from espalier.stages.config.params import merge
from espalier.stages.config.stage import StageConfig
from espalier.stages.monitor.options import Remedy


@dataclass(frozen=True)
class Healing:
    """Remedies taken and what happened, the oldest first."""

    remedies: tuple[Remedy, ...] = ()
    events: tuple[Event, ...] = ()

    def recorded(self) -> tuple[dict[str, Any], ...]:
        """The remedies as a record holds them."""
        return tuple(remedy.model_dump(mode="json", exclude_defaults=True) for remedy in self.remedies)

    def and_then(self, event: Event, remedy: Remedy | None = None) -> "Healing":
        """With one more event, and its remedy."""
        return Healing((*self.remedies, *([remedy] if remedy else [])), (*self.events, event))

    @property
    def rollbacks(self) -> int:
        """How often it was rolled back."""
        return sum(event.kind == "rollback" for event in self.events)

    @property
    def stopped(self) -> bool:
        """Whether it has ended early."""
        return any(event.kind == "stop" for event in self.events)

    @property
    def kept(self) -> bool:
        """Whether an earlier checkpoint is published, because the end is worse."""
        return any(event.kind == "kept" for event in self.events)


NOTHING_DONE = Healing()


def healing_of(record: Record) -> Healing:
    """What had been done when a checkpoint was written."""
    return Healing(tuple(Remedy(**remedy) for remedy in record.remedies), record.events)


def healed(config: StageConfig, remedies: tuple[Remedy, ...]) -> StageConfig:
    """The configuration under remedies.

    Raises:
        ValueError: a remedy cannot be in this stage; with the reason.
    """
    for remedy in remedies:
        options = config.model_dump(mode="json")
        options["tricks"] = _tricks(config, remedy)
        options["adam"] = merge(options["adam"], remedy.adam)
        try:
            config = StageConfig.model_validate(options)
        except ValidationError as error:
            lines = [line["msg"].removeprefix("Value error, ") for line in error.errors(include_url=False)]
            raise ValueError("; ".join(lines)) from error
    return config


def _tricks(config: StageConfig, remedy: Remedy) -> dict[str, Any]:
    tricks = config.tricks.resolved()
    for name, given in remedy.tricks.items():
        if name == "loss" or not isinstance(given, dict):
            tricks[name] = given
        else:
            tricks[name] = merge(tricks.get(name) or {}, given)
    if remedy.rates:
        tricks["ttur"] = _slower(config, tricks, remedy)
    return tricks


def _slower(config: StageConfig, tricks: dict[str, Any], remedy: Remedy) -> dict[str, float]:
    """Both players' rates, times the remedy's factors; those of chosen optimisers are changed in place."""
    rates = tricks.get("ttur") or dict.fromkeys(("generator", "discriminator"), config.adam.learning_rate)
    for player, factor in remedy.rates.items():
        rates[player] *= factor
        chosen = (tricks.get("optimizers") or {}).get(player)
        if chosen and chosen["learning_rate"] is not None:
            chosen["learning_rate"] *= factor
    return rates
