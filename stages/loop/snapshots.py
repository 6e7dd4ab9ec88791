"""Sample sheets and milestones during training, and sample diversity at the end."""

import shutil
from pathlib import Path

import numpy as np

from espalier.data.files import link_or_copy, whole_folder, write_json
from espalier.stages.artifacts.artifact import milestone_name, write_artifact
from espalier.stages.artifacts.checkpoint import write_checkpoint
from espalier.stages.contracts.component import Component, Metrics, Terms, images_of, passed
from espalier.stages.kinds.grids import save_image
from espalier.stages.loop.keep_best import DRAWN
from espalier.stages.loop.trainer import Trainer
from espalier.stages.metrics.diversity import diversity
from espalier.stages.process import distributed
from espalier.stages.process.seeds import chosen

DIVERSITY_SAMPLES = 256


class Snapshots(Component[Trainer]):
    """Snapshots of the averaged generator, written by rank 0."""

    def after_step(self, run: Trainer, terms: Terms) -> None:
        before, images, each = run.before, run.images, run.config.milestone_kimg
        if passed(run.config.watch.sample_kimg, before, images) or before == 0:
            _draw(run)
        if each and passed(each, before, images):
            run.check()
            _set_milestone(run, images // (each * 1000) * each)

    def publish(self, run: Trainer, folder: Path, until: int) -> Metrics:
        save_image(run.sheet(), folder / "samples.png")
        for kept in DRAWN:
            _copy_until(run, kept, folder)
        write_json(folder / "milestones" / "index.json", sorted(p.name for p in (folder / "milestones").glob("kimg-*")))
        reals = run.batches.reals
        some = np.sort(chosen(len(reals), DIVERSITY_SAMPLES, run.config.seed, "diversity"))
        found = diversity(run.made(run.latents(len(some))), run.batches.finished(some))
        return {"diversity": round(found, 4)}


def _draw(run: Trainer) -> None:
    if distributed.rank() == 0:
        save_image(run.sheet(), run.folder / "samples" / f"kimg-{run.images / 1000:010.3f}.png")


def _set_milestone(run: Trainer, images: int) -> None:
    if distributed.rank() == 0:
        with whole_folder(run.folder / "milestones" / milestone_name(images)) as folder:
            write_artifact(folder, run.record("milestone"), run.networks)
            write_checkpoint(folder, run.record("milestone"), run.objects())


def _copy_until(run: Trainer, what: str, folder: Path) -> None:
    """Link or copy sheets or milestones of this run, excluding later ones from a longer run.

    The checkpoint of a milestone is several times its weights, so it stays in the work folder unless it is asked for.
    """
    (folder / what).mkdir()
    left_out = None if run.config.watch.milestone_checkpoints else shutil.ignore_patterns("step-*.pt")
    for path in sorted((run.drawn / what).glob("kimg-*")):
        if images_of(float(path.name.removeprefix("kimg-").removesuffix(".png"))) <= run.images:
            if path.is_dir():
                shutil.copytree(path, folder / what / path.name, ignore=left_out, copy_function=link_or_copy)
            else:
                link_or_copy(path, folder / what / path.name)
