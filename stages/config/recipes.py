"""Recipes: a stage's network, loss, tricks and rates as a paper puts them together, at sizes that follow the resolution.

    recipe: stylegan2          # every option of it can be overridden beside it; null removes a trick

Each is what its authors use, with their numbers for one resolution carried over to others as said here. `espalier inspect` shows
all that an artifact was trained with.
"""

from collections.abc import Callable
from typing import Any

R3GAN_KIMG = 20_000
"""Thousands of images over which R3GAN's numbers change."""


def progan(resolution: int) -> dict[str, Any]:
    """Karras et al. 2018, preset v2 for one GPU: batches by resolution, 600 kimg of fading."""
    return {
        "batch_size": min(128, max(4, 2048 // resolution)),
        "network": {"name": "progan"},
        "adam": {"learning_rate": 0.001, "betas": [0.0, 0.99]},
        "tricks": {
            "loss": "wgan",
            "gradient_penalty": {"weight": 10},
            "drift": {"weight": 0.001},
            "minibatch_stddev": {"group": 4},
            "ema": {"half_life_kimg": 10},
            "fade": {"kimg": 600},
        },
    }


def r3gan(resolution: int) -> dict[str, Any]:
    """Huang et al. 2024, FFHQ presets. Gamma is 2 at 64x64 and 150 at 256x256; in between, and beyond, a power of the side."""
    gamma = 2 * (resolution / 64) ** 3.115

    def ramp(start: float, end: float) -> dict[str, float]:
        return {"start": start, "end": end, "kimg": R3GAN_KIMG}

    return {
        "batch_size": 256,
        "network": {"name": "r3gan"},
        "adam": {"learning_rate": 0.0002, "betas": [0.0, 0.9]},
        "tricks": {
            "loss": "nonsaturating",
            "relativistic": "paired",
            "r1": {"weight": gamma},
            "r2": {"weight": gamma},
            "ema": {"half_life_kimg": 500},
            "ada": {
                "p": 0.0,
                "strengths": {
                    "cutout": 1.0,
                    **dict.fromkeys(("brightness", "contrast", "lumaflip", "hue", "saturation"), 0.5),
                },
            },
            "schedule": {
                "adam": {"learning_rate": ramp(0.0002, 0.00005), "beta2": ramp(0.9, 0.99)},
                "r1": {"weight": ramp(gamma, gamma / 10)},
                "r2": {"weight": ramp(gamma, gamma / 10)},
                "ema": {"half_life_kimg": ramp(0.0, 500.0)},
                "ada": {"p": ramp(0.0, 0.3)},
            },
        },
    }


def stylegan2(resolution: int) -> dict[str, Any]:
    """Karras et al. 2020, `auto` of StyleGAN2-ADA for one GPU: batch, gamma and the average by resolution."""
    batch = max(min(4096 // resolution, 32), 4)
    return {
        "batch_size": batch,
        "network": {"name": "stylegan2", "base": 8192 if resolution < 512 else 16384},
        "adam": {"learning_rate": 0.002 if resolution >= 1024 else 0.0025, "betas": [0.0, 0.99]},
        "tricks": {
            "loss": "nonsaturating",
            "r1": {"weight": 0.0002 * resolution**2 / batch, "every": 16},
            "path_length": {"weight": 2, "every": 4},
            "minibatch_stddev": {"group": 4},
            "ema": {"half_life_kimg": batch * 10 / 32, "rampup": 0.05},
            "ada": {},
        },
    }


def projected(resolution: int) -> dict[str, Any]:
    """Sauer et al. 2021, the FastGAN configuration."""
    return {
        "batch_size": 64,
        "network": {"name": "projected"},
        "adam": {"learning_rate": 0.0002, "betas": [0.0, 0.99]},
        "tricks": {"loss": "hinge", "ema": {"half_life_kimg": 20, "rampup": None}, "diffaugment": {}},
    }


RECIPES: dict[str, Callable[[int], dict[str, Any]]] = {
    "progan": progan,
    "r3gan": r3gan,
    "stylegan2": stylegan2,
    "projected": projected,
}
