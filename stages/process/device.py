"""Choose the device and precision of training."""

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from espalier.data.errors import InputError


def choose_device() -> torch.device:
    """ESPALIER_DEVICE if set ("cpu", "cuda", "cuda:1"), else this process's GPU, else the CPU."""
    asked = os.environ.get("ESPALIER_DEVICE")
    if asked is None:
        return (
            torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            if torch.cuda.is_available()
            else torch.device("cpu")
        )
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise InputError(f"ESPALIER_DEVICE is '{asked}'; use 'cpu', 'cuda' or 'cuda:1'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"ESPALIER_DEVICE is '{asked}', but torch finds no usable GPU on this machine")
    return device


def precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 for convolutions and matrix products on a GPU that supports it; float32 elsewhere."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def state_of_layers(device: torch.device) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The state of the random generators that layers use on this device."""
    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def restore_layers(state: tuple[torch.Tensor, torch.Tensor | None], device: torch.device) -> None:
    """Go back to a state, so that layers draw the same again."""
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)


def seed_layers(seed: int, device: torch.device) -> None:
    """Seed the random generators used on this device by layers such as dropout.

    `torch.manual_seed` seeds every device type and formats a stack trace for each one not in use. On a CPU, that cost a
    tenth of the step time of a tiny network.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
