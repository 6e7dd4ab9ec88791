"""Option groups shared by stages."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from espalier.stages.contracts.options import Options


class AdamOptions(Options):
    """Adam for both players; defaults are ProGAN's (appendix A.1)."""

    learning_rate: float = Field(default=0.001, gt=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.0, 0.99)


class WatchOptions(Options):
    """Logging, samples and checkpoints. These do not affect the weights, so training resumes after a change here."""

    log_steps: int = Field(default=50, ge=1, description="iterations between rows of history.csv")
    sample_kimg: float = Field(default=10.0, gt=0, description="thousands of images between sample grids")
    checkpoint_seconds: float = Field(default=60.0, gt=0, description="seconds between checkpoints")


class EvaluateOptions(Options):
    """How a stage's samples are evaluated against its dataset; see stages/loop/evaluate.py."""

    features: Path = Field(description="a feature network's artifact, or a file with Inception's weights (.pth)")
    count: int = Field(
        default=2000,
        ge=65,
        description="generated and real samples to compare; as many other real samples for the floor",
    )
    every_kimg: float | None = Field(
        default=None, gt=0, description="thousands of images between evaluations; default: only at the end"
    )

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of every evaluation, without those that need large images or classes."""
        ending = "" if self.features.suffix == ".pth" else "_local"
        return (f"fid{ending}", f"kid{ending}", "precision", "recall", "density", "coverage", "support")
