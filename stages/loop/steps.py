"""Number of iterations of a stage."""

import math

import torch

from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.game import discriminator_steps
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.trick import implements


def iterations(config: StageConfig) -> int:
    """Number of iterations of the stage. Each discriminator step consumes one batch of reals."""
    counting = [trick for trick in config.tricks.others if implements(trick, "discriminator_steps")]
    if not counting:
        return math.ceil(config.images / config.batch_size)
    step = images = 0
    while images < config.images:
        context = StepContext(config.seed, config.name, step, images, config.batch_size, torch.device("cpu"))
        images += discriminator_steps(counting, context) * config.batch_size
        step += 1
    return step
