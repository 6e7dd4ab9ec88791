"""The latent of a photo and directions: against generators whose answer is known, and trained ones at the command line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.models import stylegan2
from espalier.stages.config.stage import StageConfig
from espalier.stages.latents.directions import along, closed_form, from_labels
from espalier.stages.latents.projection import features_of, project
from espalier.stages.latents.space import Space, load_points, save_points
from espalier.stages.networks.build import build_networks
from tests.conftest import Project


class Linear(nn.Module):
    """An image that is linear in its latent."""

    def __init__(self) -> None:
        super().__init__()
        self.latent, self.resolution, self.channels = 4, 8, 1
        self.dense = nn.Linear(4, 64, bias=False)
        with torch.no_grad():
            basis, _ = torch.linalg.qr(torch.randn(64, 4, generator=torch.Generator().manual_seed(0)))
            self.dense.weight.copy_(basis * torch.tensor([1.0, 5.0, 3.0, 2.0]))

    def forward(self, z: Tensor, condition: object = None) -> Tensor:
        image: Tensor = self.dense(z)
        return image.view(-1, 1, 8, 8)


def styled() -> stylegan2.Generator:
    torch.manual_seed(1)
    return stylegan2.Generator(16, 3, latent=8, base=64, largest=16, style=8, mapping_layers=2).eval()


def test_directions_are_ordered_by_how_far_they_stretch() -> None:
    found = closed_form(Linear(), 4, 4)
    assert torch.allclose(found.abs(), torch.eye(4)[[1, 2, 3, 0]], atol=1e-5)
    assert (found.max(dim=1).values > 0).all()


def test_of_styles_they_are_those_of_all_layers() -> None:
    generator = styled()
    rows = [m.style.weight.detach() for m in generator.modules() if isinstance(m, stylegan2.Modulated)]
    stacked = torch.cat([w / w.norm(dim=1, keepdim=True) for w in rows]).numpy()
    _, _, right = np.linalg.svd(stacked)
    found = closed_form(generator, 8, 3).numpy()
    assert np.allclose(np.abs((found * right[:3]).sum(axis=1)), 1, atol=1e-4)


NETWORKS: dict[str, dict[str, Any]] = {
    "progan": {"base": 64, "largest": 16},
    "dcgan": {"generator_width": 16, "discriminator_width": 4},
    "resnet": {"generator_width": 16, "discriminator_width": 4},
    "r3gan": {"base": 64, "largest": 16, "blocks": 1},
    "stylegan2": {"style": 6, "base": 64, "largest": 16},
    "projected": {"width": 2, "largest": 16, "side": 64},
}


def built(name: str) -> Any:
    """A network's generator at 16x16 with 6 latents."""
    given = {
        "pipeline": "p", "stage": "s", "dataset": "d", "resolution": 16, "kimg": 1, "tricks": {"loss": "hinge"},
        "network": {"name": name, "latent": 6, **NETWORKS[name]},
    }  # fmt: skip
    return build_networks(StageConfig.model_validate(given), 3, torch.device("cpu")).generator.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_directions_that_change_its_images(name: str) -> None:
    generator = built(name)
    space = Space(generator)
    points = space.points(torch.randn(64, generator.latent))
    vectors = closed_form(generator, 6, 2)
    assert vectors.shape == (2, points.shape[1]) and torch.allclose(vectors @ vectors.t(), torch.eye(2), atol=1e-4)
    direction = along("1", vectors[0], points)
    with torch.no_grad():
        before, after = space(points[:4]), space(direction.moved(points[:4], 3))
    assert (before - after).abs().mean() > 1e-4


def test_a_generator_without_a_first_layer_is_refused() -> None:
    class Odd(nn.Module):
        latent = 3

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, z: Tensor, condition: object = None) -> Tensor:
            return z * self.scale

    with pytest.raises(ValueError, match="no layer of the generator takes the latent"):
        closed_form(Odd(), 3, 1)


def test_the_direction_of_a_label_is_the_one_that_made_it() -> None:
    points = torch.randn(4000, 5, generator=torch.Generator().manual_seed(0))
    wanted = torch.tensor([0.6, 0.0, -0.8, 0.0, 0.0])
    labels = (points @ wanted > 0.5).long()
    assert float(from_labels(points, labels, 1) @ wanted) > 0.99
    assert along("1", wanted, points).std == pytest.approx(1, abs=0.05)
    with pytest.raises(ValueError, match="0 of 4000 samples have the class 7"):
        from_labels(points, labels, 7)


@pytest.mark.parametrize("imagenet", [True, False])
def test_a_generators_own_image_is_found_again(imagenet: bool) -> None:
    generator = styled().requires_grad_(False)
    space, phi = Space(generator), features_of(imagenet, torch.device("cpu"))
    starts = torch.randn(12, 8, generator=torch.Generator().manual_seed(5))
    hidden = space.points(torch.randn(1, 8, generator=torch.Generator().manual_seed(99)))
    photo, told = space(hidden), list[tuple[int, float]]()
    found = project(space, photo, starts, None, phi, 60, lambda done, loss: told.append((done, loss)))
    assert found.loss < 0.5 * found.start_loss and told[-1] == (60, found.loss)
    error = [float((space(point) - photo).abs().mean()) for point in (found.start, found.point)]
    assert error[1] < 0.6 * error[0]
    again = project(space, photo, starts, None, phi, 60, lambda done, loss: None)
    assert torch.equal(again.point, found.point)


def test_latents_keep_the_length_that_the_prior_gives_them() -> None:
    generator = built("progan").requires_grad_(False)
    space, starts = Space(generator), torch.randn(6, 6, generator=torch.Generator().manual_seed(3))
    photo = space(torch.randn(1, 6))
    found = project(space, photo, starts, None, features_of(False, torch.device("cpu")), 30, lambda done, loss: None)
    assert float(found.point.norm()) == pytest.approx(float(found.start.norm()), rel=1e-4)
    assert found.loss < found.start_loss


def test_files_of_latents_are_read_back_or_refused(tmp_path: Path) -> None:
    space, file = Space(styled()), tmp_path / "a.safetensors"
    save_points(file, torch.ones(2, 8), styled=True)
    assert torch.equal(load_points(file, space, 8), torch.ones(2, 8))
    with pytest.raises(InputError, match=r"styles \(2, 8\), and styles \(N, 16\) are needed"):
        load_points(file, space, 16)
    plain = Space(built("progan"))
    with pytest.raises(InputError, match="this generator has latents, not styles"):
        load_points(file, plain, 8)
    save_file({"latents": torch.ones(2, 8, dtype=torch.int64)}, file)
    for broken in (file, tmp_path / "none.safetensors"):
        with pytest.raises(InputError):
            load_points(broken, plain, 8)
    file.write_text("not a file of tensors")
    with pytest.raises(InputError, match="holds no latents"):
        load_points(file, plain, 8)


def test_at_the_command_line(copy_of_trained: Project) -> None:
    project_, photo = copy_of_trained, copy_of_trained.root / "me.png"
    project_.espalier("sample", "progan@r16", "-n", "1", "--seed", "7", "--folder", "one")
    (project_.root / "one/00000.png").rename(photo)
    said = project_.espalier("project", "me.png", "progan@r16", "--steps", "40", "-o", "found.png")
    losses = [float(word.strip(";,")) for word in said.replace(";", " ").split() if word[0].isdigit() and "." in word][
        :2
    ]
    assert losses[0] < losses[1] and "found.safetensors" in said
    assert load_file(project_.root / "found.safetensors")["latents"].shape[0] == 1
    project_.espalier("sample", "progan@r16", "--latents", "found.safetensors", "--folder", "again")
    with Image.open(project_.root / "again/00000.png") as image:
        assert image.size == (16, 16)
    project_.espalier("sample", "progan@r16", "--seeds", "3,7,9-10", "--folder", "seeds")
    assert sorted(path.name for path in (project_.root / "seeds").iterdir()) == [
        f"seed{seed:05d}.png" for seed in (3, 7, 9, 10)
    ]
    with Image.open(project_.root / "seeds/seed00007.png") as image, Image.open(photo) as first:
        assert image.tobytes() == first.tobytes(), "the image of a seed is the first that --seed gives"
    assert "rows: 1, 2, 3" in project_.espalier("directions", "progan@r16", "-n", "3", "-o", "ways.png")
    assert (project_.root / "ways.png").is_file()
    said = project_.espalier("directions", "progan@r16", "--labels", ok=False)
    assert "has no classes to count" in said or "too few" in said or "learnt from" in said


def test_a_walk_is_a_video(copy_of_trained: Project) -> None:
    import av

    copy_of_trained.espalier("sample", "progan@r16", "--seeds", "1,2,3", "--interpolate", "-o", "walk.mp4")
    with av.open(str(copy_of_trained.root / "walk.mp4")) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        assert len(frames) == 48 and float(file.duration or 0) / 1e6 == pytest.approx(3, abs=0.2)
    assert np.abs(frames[0].astype(int) - frames[16]).mean() > 1
