"""Unrolling: the generator plays against the discriminator as it would be k steps ahead.

    theta_(j+1) = theta_j - step of the discriminator's optimiser on f(G, theta_j),   j = 0 .. k - 1
    the generator descends f(G, theta_k(G, theta_0)), its gradient flowing through all k steps

The discriminator itself, its buffers and its optimiser are unchanged. All k steps use the same reals and fakes;
the optimiser's moments and step count start from copies. f is the discriminator's loss without added
terms. With k = 0 this is standard training. Source: Metz et al., "Unrolled Generative Adversarial Networks", equations 7
to 9; k 5 in the authors' demo, 10 in the paper's mixture figure. The demo's generator takes minus the discriminator's
loss (`loss: minimax`). Time and memory grow with k.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor
from torch.func import functional_call

from espalier.stages.tricks.parts import Discriminator
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Trick

State = dict[str, Any]
Update = Callable[[Tensor, Tensor, State, dict[str, Any]], Tensor]


def adam(theta: Tensor, grad: Tensor, state: State, group: dict[str, Any]) -> Tensor:
    """One differentiable step of Adam."""
    beta1, beta2 = group["betas"]
    state["step"] = state.get("step", 0) + 1
    state["exp_avg"] = beta1 * state.get("exp_avg", 0) + (1 - beta1) * grad
    state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0) + (1 - beta2) * grad.square()
    mean = state["exp_avg"] / (1 - beta1 ** state["step"])
    return theta.sub(
        mean / (_root(state["exp_avg_sq"] / (1 - beta2 ** state["step"])) + group["eps"]), alpha=group["lr"]
    )


def sgd(theta: Tensor, grad: Tensor, state: State, group: dict[str, Any]) -> Tensor:
    """One differentiable step of gradient descent with momentum."""
    if not group["momentum"]:
        return theta.sub(grad, alpha=group["lr"])
    before = state.get("momentum_buffer")
    state["momentum_buffer"] = grad if before is None else group["momentum"] * before + grad
    return theta.sub(state["momentum_buffer"], alpha=group["lr"])


def rmsprop(theta: Tensor, grad: Tensor, state: State, group: dict[str, Any]) -> Tensor:
    """One differentiable step of RMSProp."""
    state["square_avg"] = group["alpha"] * state.get("square_avg", 0) + (1 - group["alpha"]) * grad.square()
    direction = grad / (_root(state["square_avg"]) + group["eps"])
    if group["momentum"]:
        direction = state["momentum_buffer"] = group["momentum"] * state.get("momentum_buffer", 0) + direction
    return theta.sub(direction, alpha=group["lr"])


def _root(x: Tensor) -> Tensor:
    return x.clamp_min(1e-30).sqrt()  # the root's derivative at 0 is infinite


RULES: dict[type[torch.optim.Optimizer], Update] = {
    torch.optim.Adam: adam,
    torch.optim.SGD: sgd,
    torch.optim.RMSprop: rmsprop,
}


class Unrolled(Trick):
    """Written `unrolled: 5`."""

    name = "unrolled"
    shorthand = "steps"
    steps: int = Field(default=5, ge=0, description="k, discriminator steps to look ahead")

    def whole_batch(self) -> str | None:
        return "it looks ahead on the whole batch"

    def acts(self) -> bool:
        return self.steps > 0

    def generators_discriminator(self, discriminator: Discriminator, step: Step) -> Discriminator:
        if self.steps == 0:
            return discriminator
        network, optimizer = step.players.opponent, step.players.optimizers["discriminator"]
        update, group = RULES[type(optimizer)], optimizer.param_groups[0]
        own = dict(step.networks.discriminator.named_parameters())
        buffers = {name: value.clone() for name, value in network.named_buffers()}
        theta = {name: p.detach().requires_grad_() for name, p in network.named_parameters()}
        states = {name: _copied(optimizer.state.get(own[name], {})) for name in theta}

        def later(images: Tensor, features: list[Tensor] | None = None) -> Tensor:
            logits: Tensor = functional_call(network, (theta, buffers), (images, features, step.players.condition))
            return logits

        for _ in range(self.steps):
            loss = step.players.discriminator_loss(later(step.real).float(), later(step.fake).float())
            grads = torch.autograd.grad(loss, list(theta.values()), create_graph=True, allow_unused=True)
            theta = {
                name: p if grad is None else update(p, grad, states[name], group)
                for (name, p), grad in zip(theta.items(), grads, strict=True)
            }
        return later


def _copied(state: State) -> State:
    found = {name: value.clone() if isinstance(value, Tensor) else value for name, value in state.items()}
    if "step" in found:
        found["step"] = int(found["step"])
    return found
