"""The tricks of a stage as given in params.yaml: names or dotted paths, with options."""

from typing import Any

from espalier.stages.contracts.options import Options
from espalier.stages.contracts.parts import chosen, located, parse_part
from espalier.stages.tricks.catalogue import LOSSES, TRICKS, in_order, trick_key
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.no_loss import NoLoss
from espalier.stages.tricks.trick import Trick


class Tricks(Options):
    """The loss, and the tricks in the order of application."""

    loss: Loss
    others: tuple[Trick, ...]

    @property
    def loss_key(self) -> str:
        """The loss's name in params.yaml."""
        return NoLoss.name if isinstance(self.loss, NoLoss) else trick_key(self.loss)

    def resolved(self) -> dict[str, Any]:
        """Every trick with every option, in the form used in params.yaml."""
        found: dict[str, Any] = {"loss": {"name": self.loss_key, **self.loss.model_dump(mode="json")}}
        for trick in self.others:
            found[trick_key(trick)] = trick.model_dump(mode="json")
        return found


def parse_tricks(value: Any) -> Any:
    """Parse a mapping of names to options into Tricks. Raises ValueError or ValidationError, naming the key."""
    if isinstance(value, Tricks):
        return value
    found = chosen(value, "trick names")
    loss = found.pop("loss", None)
    if loss is None:
        raise ValueError("must name a loss, such as 'loss: wgan'")
    loss = {"name": loss} if isinstance(loss, str) else loss
    if not isinstance(loss, dict) or not isinstance(loss.get("name"), str):
        raise located("loss", loss, "must be the name of a loss, such as wgan, or {name: wgan} with options")
    tricks = [parse_part(TRICKS, name, options, lambda cls: cls) for name, options in found.items()]
    options = {key: given for key, given in loss.items() if key != "name"}
    if loss["name"] == NoLoss.name and not options:
        return Tricks(loss=NoLoss(), others=tuple(in_order(tricks)))
    made = parse_part(LOSSES, loss["name"], options, lambda cls: cls, key="loss")
    if "." in loss["name"] and "relativistic" in found and type(made).margin is Loss.margin:
        raise located("loss", loss, f"'{loss['name']}' does not define margin, which the trick relativistic needs")
    return Tricks(loss=made, others=tuple(in_order(tricks)))
