"""Interventions in a failing run: remedies and events."""

from dataclasses import dataclass
from typing import Any

from espalier.stages.artifacts.record import Event, Record
from espalier.stages.monitor.options import Remedy


@dataclass(frozen=True)
class Interventions:
    """Remedies applied and events, oldest first."""

    remedies: tuple[Remedy, ...] = ()
    events: tuple[Event, ...] = ()

    def recorded(self) -> tuple[dict[str, Any], ...]:
        """The remedies as stored in a record."""
        return tuple(remedy.model_dump(mode="json", exclude_defaults=True) for remedy in self.remedies)

    def and_then(self, event: Event, remedy: Remedy | None = None) -> "Interventions":
        """Return a copy with one more event, and its remedy."""
        return Interventions((*self.remedies, *([remedy] if remedy else [])), (*self.events, event))

    @property
    def rollbacks(self) -> int:
        """Number of rollbacks."""
        return sum(event.kind == "rollback" for event in self.events)

    @property
    def stopped(self) -> bool:
        """Whether training stopped early."""
        return any(event.kind == "stop" for event in self.events)

    @property
    def kept(self) -> bool:
        """Whether an earlier checkpoint is published because the final one is worse."""
        return any(event.kind == "kept" for event in self.events)


NO_INTERVENTIONS = Interventions()


def interventions_of(record: Record) -> Interventions:
    """Interventions up to the time a checkpoint was written."""
    return Interventions(tuple(Remedy(**remedy) for remedy in record.remedies), record.events)
