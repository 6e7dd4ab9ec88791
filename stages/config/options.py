"""Option groups shared by stages."""

from typing import Annotated

from pydantic import Field

from espalier.stages.contracts.options import Options


class AdamOptions(Options):
    """Adam for both players; defaults are ProGAN's (appendix A.1)."""

    learning_rate: float = Field(default=0.001, gt=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.0, 0.99)


class JoinOptions(Options):
    """When the discriminator joins. Before, the generator only has its added terms, such as reconstruction."""

    from_kimg: float = Field(default=0.0, ge=0, description="thousands of images before it joins")
    warm_up_kimg: float = Field(
        default=0.0,
        ge=0,
        description="thousands of images on which it then trains alone, while the generator stands still",
    )

    @property
    def at_once(self) -> bool:
        """Whether both players train from the first step."""
        return self == AT_ONCE

    def fits(self, images: int) -> bool:
        """Whether it has not joined yet."""
        return images < round(self.from_kimg * 1000)

    def warms_up(self, images: int) -> bool:
        """Whether it trains alone."""
        return not self.fits(images) and images < round((self.from_kimg + self.warm_up_kimg) * 1000)


AT_ONCE = JoinOptions()


class WatchOptions(Options):
    """Logging, samples and checkpoints. These do not affect the weights, so training resumes after a change here."""

    log_steps: int = Field(default=50, ge=1, description="iterations between rows of history.csv")
    sample_kimg: float = Field(default=10.0, gt=0, description="thousands of images between sample grids")
    checkpoint_seconds: float = Field(default=60.0, gt=0, description="seconds between checkpoints")
    milestone_checkpoints: bool = Field(
        default=False,
        description="publish each milestone's checkpoint, too: several times its weights, to resume from elsewhere",
    )
