"""Publishing a finished stage: its artifact, whole, made only of what (params, data, code) decide."""

import shutil
from pathlib import Path

from data.files import whole_folder, write_json
from data.store import Store
from stages.artifact import write_weights
from stages.curves import draw_curves
from stages.history import History
from stages.pictures import diversity, from_store, generate, latents, save_picture
from stages.trainer import Trainer

DIVERSITY_SAMPLES = 256


def publish(trainer: Trainer, store: Store, artifact: Path) -> dict[str, float]:
    """Write the artifact in place of an older one. Returns its final figures."""
    trainer.game.before_step(trainer.moment())
    rows = trainer.history.until(trainer.step)
    figures = {name: float(value) for name, value in rows[-1].items() if name not in ("step", "kimg", "alpha")}
    figures = {"step": trainer.step, "kimg": trainer.images / 1000, **figures, "diversity": _diversity(trainer, store)}
    with whole_folder(artifact) as folder:
        write_weights(folder, trainer.record("finished"), trainer.networks)
        write_json(folder / "metrics.json", figures)
        History.write(folder / "history.csv", rows)
        _write_curves(rows, folder / "curves")
        draw_curves(rows, folder / "curves.png", trainer.config.name)
        save_picture(trainer.grid(), folder / "samples.png")
        _copy_until(trainer, "samples", folder)
        _copy_until(trainer, "milestones", folder)
        write_json(folder / "milestones" / "index.json", sorted(p.name for p in (folder / "milestones").glob("kimg-*")))
    return figures


def _diversity(trainer: Trainer, store: Store) -> float:
    pictures = store.images(trainer.config.resolution)
    count = min(DIVERSITY_SAMPLES, len(pictures))
    latent = latents(count, trainer.config.network.latent, trainer.config.seed, trainer.device)
    return round(diversity(generate(trainer.networks.ema, latent), from_store(pictures, count)), 4)


def _write_curves(rows: list[dict[str, str]], folder: Path) -> None:
    """One CSV a scalar, as dvc plots want them."""
    for name in list(rows[0])[2:]:
        History.write(folder / f"{name}.csv", [{"kimg": row["kimg"], "value": row[name]} for row in rows])


def _copy_until(trainer: Trainer, what: str, folder: Path) -> None:
    """Copy samples or milestones of this training, leaving out what a longer one made later."""
    (folder / what).mkdir()
    for path in sorted((trainer.folder / what).glob("kimg-*")):
        if float(path.name.removeprefix("kimg-").removesuffix(".png")) * 1000 <= trainer.images:
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, folder / what / path.name)
