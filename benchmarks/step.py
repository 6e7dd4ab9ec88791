"""A full training step (WGAN-GP, drift, stddev, EMA): our trainer against the same mathematics as one plain loop.

    python -m benchmarks.step                        the whole table, about 20 minutes on 2 cores
    python benchmarks/step.py --resolutions 32 --widths 64

Both are timed in one process, alternating, on one thread, in CPU seconds, which neighbours on the machine hardly
move; the table gives medians. Before timing, one step of each from the same weights is compared. "lazy" is our step
with the penalty at `every: 8` against the plain loop with the penalty on every step. The shares are of our step.
"""

import argparse
import contextlib
import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.trainer import Trainer
from espalier.stages.tricks.ema import Ema
from espalier.stages.types.inputs import MadeUpStore, inputs_of
from espalier.stages.types.train import trainer_of

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # python benchmarks/step.py

from benchmarks.plain_progan import PlainDiscriminator, PlainGenerator

BATCH, IMAGES = 16, 512
LAZY = 8
CPU = torch.device("cpu")


class Plain:
    """The same step as a loop that a competent person would write in an afternoon, in float32 or in bfloat16."""

    def __init__(self, trainer: Trainer, bfloat16: bool = False) -> None:
        ours = trainer.networks
        self.g, self.d = PlainGenerator(ours.generator), PlainDiscriminator(ours.discriminator)
        self.ema = copy.deepcopy(self.g)
        self.g_optimizer = torch.optim.Adam(self.g.parameters(), 1e-3, (0.0, 0.99))
        self.d_optimizer = torch.optim.Adam(self.d.parameters(), 1e-3, (0.0, 0.99))
        self.reals, self.latent = trainer.batches.reals, trainer.config.network.latent
        self.batch, self.device, self.bfloat16 = trainer.config.batch_size, trainer.device, bfloat16

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else contextlib.nullcontext()

    def step(self, z_d: Tensor, z_g: Tensor, eps: Tensor, indices: Any) -> tuple[Tensor, Tensor]:
        stored = torch.from_numpy(self.reals[indices]).to(self.device)
        real = stored.permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1
        with self._precision():
            fake = self.g(z_d).detach().float()
            real_logits, fake_logits = self.d(real).float(), self.d(fake).float()
            mixed = (real + eps * (fake - real)).requires_grad_()
            mixed_logits = self.d(mixed).float()
        (gradient,) = torch.autograd.grad(mixed_logits.sum(), mixed, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        d_loss = fake_logits.mean() - real_logits.mean() + 10 * penalty + 0.001 * (real_logits**2).mean()
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()
        with self._precision():
            g_loss = -self.d(self.g(z_g)).float().mean()
        self.g_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        with torch.no_grad():
            for average, current in zip(self.ema.parameters(), self.g.parameters(), strict=True):
                average.lerp_(current, 0.001)
        return d_loss.detach(), g_loss.detach()

    def __call__(self) -> None:
        indices = torch.randint(len(self.reals), (self.batch,)).numpy()
        latent = torch.randn(2, self.batch, self.latent, device=self.device)
        self.step(latent[0], latent[1], torch.rand(self.batch, 1, 1, 1, device=self.device), indices)


def make_trainer(resolution: int, width: int, every: int | None) -> Trainer:
    """Our trainer on random images; the penalty on each `every`-th step, or never."""
    tricks: dict[str, Any] = {"loss": "wgan", "drift": {}, "minibatch_stddev": {}, "ema": {}}
    if every:
        tricks["gradient_penalty"] = {"every": every}
    network = {"latent": width, "base": 64 * width, "largest": width}
    config = StageConfig.model_validate(
        {"pipeline": "bench", "stage": "s", "dataset": "made-up", "kimg": 1, "resolution": resolution}
        | {"batch_size": BATCH, "network": network, "tricks": tricks}
    )
    store = MadeUpStore(config.model_copy(update={"batch_size": IMAGES}))  # it makes up one batch
    return trainer_of(config, inputs_of(config, store, None, CPU, ""), None, Path(tempfile.gettempdir()), CPU)


def one_step(trainer: Trainer) -> dict[str, Tensor]:
    """An iteration with its log, as in training."""
    step, terms = trainer.step, trainer.iterate()
    trainer.meter.add(step, terms)
    trainer.meter.read()
    return terms


def check_same(trainer: Trainer, plain: Plain) -> None:
    """One step of both from the same weights, latents and images gives the same losses."""
    context = trainer.context()
    z_d, z_g = (context.normal((BATCH, plain.latent), "latent", p) for p in ("discriminator", "generator"))
    eps, indices = context.uniform((BATCH, 1, 1, 1), "gradient_penalty"), trainer.batches.indices(0, BATCH)
    d_loss, g_loss = plain.step(z_d, z_g, eps, indices)
    terms = one_step(trainer)
    ours = sum(terms[name].item() for name in ("loss_d", "gradient_penalty", "drift"))
    # After its step Adam's sign-like first update amplifies rounding, so the generator's loss agrees less closely.
    torch.testing.assert_close(torch.tensor(ours), d_loss, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(terms["loss_g"].cpu(), g_loss, rtol=0.05, atol=0.02)


def cpu_seconds(action: Callable[[], object], times: int = 1) -> float:
    """CPU seconds of one call."""
    begun = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - begun) / times


class Shares:
    """CPU seconds spent in parts of a trainer's step."""

    def __init__(self, trainer: Trainer) -> None:
        self.spent: dict[str, float] = {}
        self.networks = trainer.networks
        self._wrap(trainer.batches, "at", "data")
        self._wrap(trainer.game, "discriminator_step", "D")
        self._wrap(trainer.game, "generator_step", "G")
        (ema,) = (t for t in trainer.game.tricks if isinstance(t, Ema))
        trainer.game.at("after_generator_step").remove(ema)
        trainer.game.generator_step = self._then(trainer.game.generator_step, ema)  # type: ignore[method-assign]

    def _wrap(self, owner: object, name: str, part: str) -> None:
        setattr(owner, name, self._timed(getattr(owner, name), part))

    def _then(self, step: Callable[..., Any], ema: Ema) -> Callable[..., Any]:
        """The generator step with the average, taken out of it, timed by itself."""
        average = self._timed(ema.after_generator_step, "EMA")

        def both(context: Any, *arguments: Any) -> Any:
            terms = step(context, *arguments)
            average(self.networks, context)
            return terms

        return both

    def _timed(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            begun = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                self.spent[part] = self.spent.get(part, 0.0) + time.process_time() - begun

        return timed


def shares(resolution: int, width: int, steps: int) -> dict[str, float]:
    """Share of our step in data, penalty, D, G, EMA and everything else."""
    trainer, without = make_trainer(resolution, width, 1), make_trainer(resolution, width, None)
    parts, parts_without = Shares(trainer), Shares(without)
    total = 0.0
    for t in (trainer, without):
        one_step(t)
    parts.spent.clear()
    parts_without.spent.clear()
    for _ in range(steps):
        total += cpu_seconds(lambda: one_step(trainer))
        one_step(without)
    found = dict(parts.spent)
    penalty = found["D"] - parts_without.spent["D"]
    inner = {"data": found["data"], "penalty": penalty, "D": found["D"] - penalty, "G": found["G"]}
    inner["EMA"] = found["EMA"]
    inner["else"] = total - sum(inner.values())
    return {name: seconds / total for name, seconds in inner.items()}


def row(resolution: int, width: int, rounds: int) -> str:
    """One line of the table."""
    ours, lazy = make_trainer(resolution, width, 1), make_trainer(resolution, width, LAZY)
    plain = Plain(ours)
    check_same(ours, plain)
    one_step(lazy)
    while lazy.step % LAZY:
        one_step(lazy)
    times: dict[str, list[float]] = {"ours": [], "plain": [], "lazy": []}
    for _ in range(rounds):
        times["ours"].append(cpu_seconds(lambda: one_step(ours)))
        times["plain"].append(cpu_seconds(plain))
        times["lazy"].append(cpu_seconds(lambda: one_step(lazy), LAZY))
        times["plain"].append(cpu_seconds(plain))
        times["ours"].append(cpu_seconds(lambda: one_step(ours)))
    median = {name: statistics.median(found) for name, found in times.items()}
    part = " ".join(f"{name} {share:4.0%}" for name, share in shares(resolution, width, max(2, rounds)).items())
    return (
        f"| {resolution} | {width} | {BATCH / median['ours']:.1f} | {BATCH / median['plain']:.1f} "
        f"| {median['plain'] / median['ours']:.2f} | {median['plain'] / median['lazy']:.2f} | {part} |"
    )


def main() -> None:
    """Print the table, a row as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolutions", type=int, nargs="+", default=[4, 8, 16, 32, 64])
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--seconds", type=float, default=30, help="to spend on timing each row, about")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, 1 thread, batch {BATCH}; images per CPU second, medians of alternating runs\n")
    print(
        "| resolution | width | ours | plain | ratio | lazy ratio | share of our step |\n|---|---|---|---|---|---|---|"
    )
    for width in arguments.widths:
        for resolution in arguments.resolutions:
            trainer = make_trainer(resolution, width, 1)
            one_step(trainer)
            rounds = int(arguments.seconds / (14 * cpu_seconds(lambda t=trainer: one_step(t))))  # type: ignore[misc]
            print(row(resolution, width, min(max(rounds, 3), 40)), flush=True)


if __name__ == "__main__":
    main()
