"""Recipes: what their papers put together, overridable option by option."""

from typing import Any

import pytest

from espalier.data.errors import InputError
from espalier.stages.artifacts.record import Input
from espalier.stages.artifacts.work_key import work_key
from espalier.stages.config.load import stage_config
from espalier.stages.config.recipes import RECIPES
from espalier.stages.config.stage import StageConfig


def configured(recipe: Any, resolution: Any = 64, **own: Any) -> StageConfig:
    stage = {"recipe": recipe, "resolution": resolution, "kimg": 1000, **own}
    stage = {key: value for key, value in stage.items() if value != "none"}
    return stage_config({"p": {"common": {"dataset": "artifacts/datasets/x"}, "stages": {"s": stage}}}, "p", "s")


@pytest.mark.parametrize("resolution", [32, 64, 256, 512, 1024])
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_valid_stage_at_every_size(name: str, resolution: int) -> None:
    config = configured(name, resolution)
    assert config.network.name == name and config.recipe == name
    again = StageConfig.model_validate(config.resolved())
    assert again == config, "what is recorded needs no recipe"


def test_the_numbers_are_the_papers() -> None:
    r3gan: dict[str, Any] = configured("r3gan", 256).resolved()
    assert r3gan["tricks"]["r1"]["weight"] == pytest.approx(150, rel=0.01) and r3gan["batch_size"] == 256
    numbers = r3gan["tricks"]["schedule"]["numbers"]
    assert numbers["adam"]["learning_rate"] == {"start": 2e-4, "end": 5e-5, "kimg": 20_000, "shape": "cosine"}
    assert numbers["r2"]["weight"]["end"] == pytest.approx(15, rel=0.01) and numbers["ada"]["p"]["end"] == 0.3
    assert r3gan["tricks"]["ada"]["strengths"]["hue"] == 0.5 and r3gan["tricks"]["ada"]["strengths"]["noise"] == 0
    stylegan2: dict[str, Any] = configured("stylegan2", 256).resolved()
    assert stylegan2["batch_size"] == 16 and stylegan2["tricks"]["r1"]["weight"] == pytest.approx(0.0002 * 256**2 / 16)
    assert stylegan2["tricks"]["ema"]["half_life_kimg"] == 5
    assert [configured("progan", r).batch_size for r in (4, 16, 32, 64, 128, 256, 512)] == [128, 128, 64, 32, 16, 8, 4]
    assert configured("projected").adam.learning_rate == 2e-4


def test_what_is_set_beside_a_recipe_is_not_changed_by_its_schedule() -> None:
    given: dict[str, Any] = {"r1": {"weight": 5}, "ada": None, "ema": {"half_life_kimg": 2}}
    config = configured("r3gan", adam={"learning_rate": 0.01}, tricks=given).resolved()
    assert set(config["tricks"]["schedule"]["numbers"]) == {"adam", "r2"}
    assert set(config["tricks"]["schedule"]["numbers"]["adam"]) == {"beta2"}
    again = {**given, "schedule": {"r1": {"weight": {"start": 5, "end": 1, "kimg": 10}}}}
    assert configured("r3gan", tricks=again).resolved()["tricks"]["schedule"]["numbers"]["r1"]["weight"]["end"] == 1
    rest = {"r1": None, "r2": None, "ada": None, "ema": {"half_life_kimg": 2}}
    bare = configured("r3gan", adam={"learning_rate": 0.01, "betas": [0, 0.9]}, tricks=rest).resolved()
    assert "schedule" not in bare["tricks"]
    named: Any = configured("stylegan2", 512, network="stylegan2").network
    assert named.base == 16384, "a bare name of the recipe's own network keeps its sizes"


def test_a_recipes_name_and_micro_batches_are_no_part_of_the_work_folder() -> None:
    config = configured("projected")
    plain = StageConfig.model_validate({**config.resolved(), "recipe": None})
    again = Input(path="x", digest="d")
    assert work_key(config, again, None, None, None) == work_key(plain, again, None, None, None)
    smaller = configured("stylegan2", micro_batch=8, tricks={"ada": None, "path_length": None})
    whole = configured("stylegan2", tricks={"ada": None, "path_length": None})
    assert work_key(smaller, again, None, None, None) == work_key(whole, again, None, None, None)


def test_every_option_can_be_overridden_and_a_trick_removed() -> None:
    config = configured(
        "stylegan2", batch_size=8, network={"largest": 32}, tricks={"ada": None, "r1": {"every": 1}, "loss": "hinge"}
    )
    network: Any = config.network
    assert (config.batch_size, network.name, network.largest, network.base) == (8, "stylegan2", 32, 8192)
    tricks = config.tricks.resolved()
    assert "ada" not in tricks and tricks["r1"]["every"] == 1 and tricks["loss"]["name"] == "hinge"
    assert tricks["r1"]["weight"] == pytest.approx(0.0002 * 64**2 / 32), "the recipe's own"
    other = configured("stylegan2", network="resnet", tricks={"path_length": None})
    assert other.network.name == "resnet"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"recipe": "stylegan"}, "p.stages.s.recipe: there is no recipe 'stylegan'; did you mean 'stylegan2'?"),
        ({"recipe": 3}, "there is no recipe '3'; use one of: progan, r3gan, stylegan2, projected"),
        ({"recipe": "r3gan", "resolution": "none"}, "p.stages.s.resolution: a recipe is for images of a resolution"),
        ({"recipe": "r3gan", "resolution": 48}, "must be a power of two"),
        ({"recipe": "projected", "resolution": 2048}, "2048 is too large for the network projected; use 1024 at most"),
        ({"recipe": "stylegan2", "network": {"prior": "uniform"}}, "mixing draws other latents from N(0, 1)"),
        (
            {"recipe": "projected", "tricks": {"ada": {"by": "held_out"}}, "monitor": {"hold_out": 64}},
            "judged with running statistics",
        ),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        configured(**given)
    assert said in str(refused.value), refused.value
