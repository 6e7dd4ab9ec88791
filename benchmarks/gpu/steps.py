"""Images a second of a full training step, beside a plain loop of the same mathematics."""

import contextlib
import copy
import time
from collections.abc import Callable

import torch

from benchmarks.gpu.setting import DEVICE, SMOKE, computing, make, one_step, peak, penalty_of, stage, timed, wait
from benchmarks.plain_progan import PlainDiscriminator, PlainGenerator
from espalier.stages.loop.trainer import Trainer

SIZES = [(8, 4), (16, 4)] if SMOKE else [(256, 16), (64, 32), (32, 32), (128, 32), (8, 64), (512, 8), (1024, 4)]
"""Resolution and batch size; the sizes that matter most come first, should time run out."""
PRECISIONS = ("bf16", "tf32")
LAZY = 4
TIMES = {8: 30, 16: 20, 32: 20, 64: 12, 128: 8, 256: 6, 512: 4, 1024: 3}


class Plain:
    """The step as one loop: eager, WGAN-GP on every step, drift, EMA; in bfloat16 or in tf32."""

    def __init__(self, trainer: Trainer, bfloat16: bool) -> None:
        ours = trainer.networks
        self.g, self.d = PlainGenerator(ours.generator), PlainDiscriminator(ours.discriminator)
        for parameter in (*self.g.parameters(), *self.d.parameters()):
            parameter.requires_grad_(True)
        self.ema, self.bfloat16 = copy.deepcopy(self.g), bfloat16
        self.g_optimizer = torch.optim.Adam(self.g.parameters(), 1e-3, (0.0, 0.99))
        self.d_optimizer = torch.optim.Adam(self.d.parameters(), 1e-3, (0.0, 0.99))
        self.reals, self.latent = trainer.batches.reals, trainer.config.network.latent
        self.batch = trainer.config.batch_size

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        return torch.autocast(DEVICE.type, torch.bfloat16) if self.bfloat16 else contextlib.nullcontext()

    def __call__(self) -> None:
        batch = self.batch
        indices = torch.randint(len(self.reals), (batch,)).numpy()
        latent = torch.randn(2, batch, self.latent, device=DEVICE)
        stored = torch.from_numpy(self.reals[indices]).to(DEVICE)
        real = stored.permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
        with self._precision():
            fake = self.g(latent[0]).detach().float()
            real_logits, fake_logits = self.d(real).float(), self.d(fake).float()
            mixed = torch.lerp(real, fake, torch.rand(batch, 1, 1, 1, device=DEVICE)).requires_grad_()
            logits = self.d(mixed).float()
        (gradient,) = torch.autograd.grad(logits.sum(), mixed, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss = fake_logits.mean() - real_logits.mean() + 10 * penalty + 0.001 * (real_logits**2).mean()
        self.d_optimizer.zero_grad()
        loss.backward()
        self.d_optimizer.step()
        with self._precision():
            g_loss = -self.d(self.g(latent[1])).float().mean()
        self.g_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        with torch.no_grad():
            for average, current in zip(self.ema.parameters(), self.g.parameters(), strict=True):
                average.lerp_(current, 0.001)


def row(resolution: int, batch: int, name: str, step: Callable[[], object], times: int) -> None:
    """Print one line of the table; what cannot run is said in its place."""
    start = f"| {resolution} | {batch} | {name} |"
    try:
        peak(reset=True)
        milliseconds, host = timed(step, times)
        print(
            f"{start} {milliseconds:.1f} | {1000 * batch / milliseconds:.0f} | {host:.1f} | {peak():.1f} |", flush=True
        )
    except Exception as error:  # out of memory, or an operation that the device lacks: the next line may run
        print(f"{start} {type(error).__name__}: {str(error)[:90]} | | | |", flush=True)
    wait()


def rows(resolution: int, batch: int, until: float) -> None:
    """All lines of one size."""
    times = 1 if SMOKE else TIMES[resolution]
    trainer = make(stage(resolution, batch))
    for mode in PRECISIONS:
        if time.time() < until:
            with computing(mode):
                row(resolution, batch, f"Espalier, {mode}", lambda: one_step(trainer), times)
    penalty = penalty_of(trainer)
    object.__setattr__(penalty, "every", LAZY)
    if time.time() < until:
        row(
            resolution,
            batch,
            f"Espalier, bf16, penalty every {LAZY}",
            lambda: one_step(trainer),
            -(-times // LAZY) * LAZY,
        )
    for mode in PRECISIONS:
        if time.time() < until:
            with computing(mode):
                row(resolution, batch, f"plain, {mode}", Plain(trainer, mode == "bf16"), times)


def main(seconds: float) -> None:
    """Print the table, within about so many seconds."""
    until = time.time() + seconds
    print("| resolution | batch | step | ms | img/s | host ms | peak GiB |\n|---|---|---|---|---|---|---|", flush=True)
    for resolution, batch in SIZES:
        if time.time() < until:
            rows(resolution, batch, until)
