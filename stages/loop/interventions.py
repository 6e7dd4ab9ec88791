"""What was done to a failing training: remedies, and what happened."""

from dataclasses import dataclass
from typing import Any

from espalier.stages.artifacts.record import Event, Record
from espalier.stages.monitor.options import Remedy


@dataclass(frozen=True)
class Interventions:
    """Remedies taken and what happened, the oldest first."""

    remedies: tuple[Remedy, ...] = ()
    events: tuple[Event, ...] = ()

    def recorded(self) -> tuple[dict[str, Any], ...]:
        """The remedies as a record holds them."""
        return tuple(remedy.model_dump(mode="json", exclude_defaults=True) for remedy in self.remedies)

    def and_then(self, event: Event, remedy: Remedy | None = None) -> "Interventions":
        """With one more event, and its remedy."""
        return Interventions((*self.remedies, *([remedy] if remedy else [])), (*self.events, event))

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


NO_INTERVENTIONS = Interventions()


def interventions_of(record: Record) -> Interventions:
    """What had been done when a checkpoint was written."""
    return Interventions(tuple(Remedy(**remedy) for remedy in record.remedies), record.events)
