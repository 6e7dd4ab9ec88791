"""Spectral normalisation: divides each weight matrix by its largest singular value, so that each layer is 1-Lipschitz.

    W / sigma(W),   sigma = u^T W v by power iteration:  v = W^T u / ||W^T u||,  u = W v / ||W v||

One iteration per forward pass in training; gradients flow through sigma, not through u and v. A kernel is reshaped to
(outputs, inputs x height x width). Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks",
algorithm 1; for both players as in Zhang et al., "Self-Attention Generative Adversarial Networks". The released SNGAN
iterates in each forward pass of the discriminator, including the generator's step; SAGAN on reals only. Here: in the
discriminator's own step, on reals and fakes, unless `in_generator_step`. It replaces ProGAN's run-time scale.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import register_parametrization

from espalier.models.layers import EqualizedWeight
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Discriminator, Networks
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Trick

LAYERS = (EqualizedWeight, nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)


class Normalised(_SpectralNorm):
    """torch's parametrisation, in float32 under autocast, too: in bfloat16, sigma would be off by up to 0.4%."""

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            normalised: Tensor = super().forward(weight)
        return normalised


def iterates(network: nn.Module, yes: bool) -> None:
    """Switch a network's power iterations on or off for its next forward passes."""
    for module in network.modules():
        if isinstance(module, _SpectralNorm):
            module.train(yes)


class SpectralNorm(Trick):
    """Applied to every convolution, dense layer and projection; not to norms and biases."""

    name = "spectral_norm"
    shorthand = "on"
    on: Literal["discriminator", "both"] = "discriminator"
    in_generator_step: bool = Field(default=False, description="also iterate in the generator's step")

    def whole_batch(self) -> str | None:
        return "its power iteration moves in every pass"

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.hidden",)

    def change_networks(self, networks: Networks) -> None:
        for network in (networks.discriminator, *([networks.generator] if self.on == "both" else [])):
            for module in list(network.modules()):
                if isinstance(module, LAYERS):
                    if isinstance(module, EqualizedWeight):
                        module.scale = 1.0
                    outputs = 1 if isinstance(module, nn.ConvTranspose2d) else 0
                    register_parametrization(module, "weight", Normalised(module.weight, dim=outputs))

    def generators_discriminator(self, discriminator: Discriminator, step: Step) -> Discriminator:
        iterates(step.networks.discriminator, self.in_generator_step)
        return discriminator

    def after_generator_step(self, networks: Networks, context: StepContext) -> None:
        iterates(networks.discriminator, True)
