"""Checks of the trick `schedule` against the tricks whose numbers it changes."""

from collections.abc import Mapping

from pydantic import ValidationError

from espalier.stages.tricks.schedule import Ramp, Schedule
from espalier.stages.tricks.trick import Trick

ADAM = ("learning_rate", "beta1", "beta2")


def check_schedules(tricks: Mapping[str, Trick]) -> None:
    """Check every scheduled number, of tricks by their names in params.yaml.

    Raises:
        ValueError: there is no such trick or number, it is read only once, or a value is out of its range.
    """
    schedule = tricks.get(Schedule.name)
    for name, ramps in schedule.numbers.items() if isinstance(schedule, Schedule) else ():
        if name == "adam":
            _check_adam(ramps, tricks)
        elif name not in tricks:
            known = ", ".join(["adam", *(key for key, trick in tricks.items() if trick.scheduled)])
            raise ValueError(f"schedule.{name}: the stage has no such trick; numbers are in: {known}")
        else:
            _check_numbers(name, ramps, tricks[name])


def _check_adam(ramps: Mapping[str, Ramp], tricks: Mapping[str, Trick]) -> None:
    for option, ramp in ramps.items():
        where = f"schedule.adam.{option}"
        if option not in ADAM:
            raise ValueError(f"{where}: adam has no such number; it has: {', '.join(ADAM)}")
        if option != "learning_rate" and "optimizers" in tricks:
            raise ValueError(f"{where}: tricks.optimizers sets the optimisers; remove one")
        for value in (ramp.start, ramp.end):
            if value <= 0 if option == "learning_rate" else not 0 <= value < 1:
                raise ValueError(f"{where}: {value:g} is out of its range")


def _check_numbers(name: str, ramps: Mapping[str, Ramp], trick: Trick) -> None:
    numbers = ", ".join(trick.scheduled) or "none"
    for option, ramp in ramps.items():
        where = f"schedule.{name}.{option}"
        if option not in type(trick).model_fields:
            raise ValueError(f"{where}: the trick has no such option; its numbers: {numbers}")
        if option not in trick.scheduled:
            raise ValueError(
                f"{where}: is no number that can change while the stage trains; those of {name} are: {numbers}"
            )
        if not isinstance(getattr(trick, option), int | float):
            raise ValueError(
                f"{where}: the option is not set to a number; set tricks.{name}.{option} to {ramp.start:g} first"
            )
        for value in (ramp.start, ramp.end):
            try:
                type(trick).model_validate({**trick.model_dump(), option: value})
            except ValidationError as error:
                why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
                raise ValueError(f"{where}: {value:g} is out of its range: {why}") from error
