"""Groups of options that stages share."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """A group of options: unknown keys are errors, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AdamOptions(Options):
    """Adam for both players; defaults are ProGAN's (appendix A.1)."""

    learning_rate: float = Field(default=0.001, gt=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.0, 0.99)


class WatchOptions(Options):
    """How training is watched. Nothing here changes a weight, so changing it continues where training was."""

    log_steps: int = Field(default=50, ge=1, description="iterations between rows of history.csv")
    sample_kimg: float = Field(default=10.0, gt=0, description="thousand images between sample grids")
    checkpoint_seconds: float = Field(default=60.0, gt=0, description="seconds between checkpoints")


class EvaluateOptions(Options):
    """How a stage's samples are compared with its dataset; see stages/loop/evaluate.py."""

    features: Path = Field(description="a feature network's artifact, or a file with Inception's weights (.pth)")
    count: int = Field(
        default=2000, ge=65, description="fakes, and reals, to compare; as many other reals for the floor"
    )
    every_kimg: float | None = Field(
        default=None, gt=0, description="thousand images between evaluations; else at the end"
    )

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that every evaluation has; those of large images and of classes are left out."""
        ending = "" if self.features.suffix == ".pth" else "_local"
        return (f"fid{ending}", f"kid{ending}", "precision", "recall", "density", "coverage", "support")
