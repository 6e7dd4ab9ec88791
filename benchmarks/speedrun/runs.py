"""The worlds, the recipes, and the runs of them."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.worlds import ROOT
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params, stage_names
from espalier.stages.config.stage import StageConfig

DOCS = ROOT.parent / "docs"
ROWS = DOCS / "speedrun"
SECONDS, COUNT, SIDE = 1800, 2000, 64
AT = (0.03, 0.06, 0.125, 0.25, 0.5, 0.75, 1.0)
"""When images are judged, as shares of the time."""
WORLDS = {"dolls64": "8,000 dolls", "few64": "100 dolls"}
RECIPES = {
    "sngan": "SNGAN (resnet, spectral norm, hinge)",
    "progan": "ProGAN, 4 to 64 (today's default)",
    "r3gan": "R3GAN",
    "stylegan2": "StyleGAN2",
    "projected": "Projected GAN",
}
OPTIONS = {"straight": "ProGAN at 64 at once"}
PLAIN = "_plain"
JUDGES = ("fd_imagenet", "fid_local", "recall", "coverage")


@dataclass(frozen=True)
class Run:
    """A recipe on a world with a seed."""

    world: str
    recipe: str
    seed: int

    @property
    def pipeline(self) -> str:
        return f"speed_{self.recipe.removesuffix(PLAIN)}"

    @property
    def name(self) -> str:
        return f"{self.world}-{self.recipe}-{self.seed}"

    @property
    def rows(self) -> Path:
        """Where its measurements are once it has finished."""
        return ROWS / f"{self.name}.csv"


def runs(recipes: list[str], plain: bool = False) -> list[Run]:
    """All of these recipes, every recipe once before any a second time; `plain`: without augmentation, on few images."""
    if plain:
        return [Run("few64", recipe + PLAIN, seed) for seed in range(3) for recipe in recipes]
    return [Run(world, recipe, seed) for seed in range(3) for world in WORLDS for recipe in recipes]


def every_recipe() -> dict[str, str]:
    """Recipes and options, with and without augmentation, and their words."""
    all_of = RECIPES | OPTIONS
    return all_of | {f"{recipe}{PLAIN}": f"{words}, without augmentation" for recipe, words in all_of.items()}


def stages(run: Run) -> list[StageConfig]:
    """The stages of a recipe; all but the last end after their kimg, the last with the time."""
    params, plain = read_params(), run.recipe.endswith(PLAIN)
    found = [stage_config(params, run.pipeline, name) for name in stage_names(params, run.pipeline)]
    store = Path("artifacts/datasets", run.world)
    for number, config in enumerate(found):
        changes = {"seed": run.seed, "dataset": store, "after": store if number == 0 else config.after}
        tricks = config.tricks
        augmented = is_augmented(config)
        if augmented if plain else run.world == "few64" and not augmented:
            changed = {**tricks.resolved(), "diffaugment": None if plain else {}}
            config = StageConfig.model_validate({**config.resolved(), "tricks": changed})
        found[number] = config.model_copy(update=changes)
    return found


def is_augmented(config: StageConfig) -> bool:
    """Whether a stage has DiffAugment."""
    return any(trick.name == "diffaugment" for trick in config.tricks.others)
