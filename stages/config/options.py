"""Option groups shared by stages."""

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
