"""Apply remedies to a configuration, each on top of the previous one."""

from typing import Any

from pydantic import ValidationError

from espalier.stages.config.params import merge
from espalier.stages.config.stage import StageConfig
from espalier.stages.monitor.options import Remedy


def with_remedies(config: StageConfig, remedies: tuple[Remedy, ...]) -> StageConfig:
    """The configuration with these remedies applied.

    Raises:
        ValueError: a remedy cannot be used in this stage; gives the reason.
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
    """Both networks' learning rates, times the remedy's factors. Those under `optimizers` are changed in place."""
    rates = tricks.get("ttur") or dict.fromkeys(("generator", "discriminator"), config.adam.learning_rate)
    for player, factor in remedy.rates.items():
        rates[player] *= factor
        chosen = (tricks.get("optimizers") or {}).get(player)
        if chosen and chosen["learning_rate"] is not None:
            chosen["learning_rate"] *= factor
    return rates
