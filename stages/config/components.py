"""The optional components of the training loop, as given in params.yaml. Their options are declared where they are."""

from typing import Any

from espalier.stages.contracts import known
from espalier.stages.contracts.component import Component, ComponentOptions
from espalier.stages.contracts.parts import chosen, parse_part
from espalier.stages.contracts.registry import Registry

COMPONENTS = Registry[Component[Any]]("component", known.COMPONENTS, "espalier.stages.contracts.component.Component")


def parse_component(name: str, given: Any) -> Any:
    """The options of a known component; null for none."""
    if given is None or isinstance(given, ComponentOptions):
        return given
    return _options_class(COMPONENTS[name]).model_validate(given)


def parse_components(given: Any) -> Any:
    """A mapping of dotted paths to options -> options by path."""
    if isinstance(given, dict) and all(isinstance(options, ComponentOptions) for options in given.values()):
        return given
    found = chosen(given, "dotted paths of components")
    return {name: parse_part(COMPONENTS, name, options, _options_class) for name, options in found.items()}


def _options_class(component: type[Component[Any]]) -> type[ComponentOptions]:
    return component.options_class
