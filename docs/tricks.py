"""python -m docs.tricks: writes docs/tricks.md from the tricks' own files, options and rules, and the measured tables."""

from pathlib import Path

from espalier.pipelines.commands import trick_pages as describe
from espalier.stages.networks.known import NETWORKS
from espalier.stages.tricks.catalogue import LOSSES
from espalier.stages.tricks.compatibility import RULES

HERE = Path(__file__).parent
PAGE = HERE / "tricks.md"

EFFECTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ring_grid": ("ring and grid", ("packing",)),
    "stacked_mnist": (
        "stacked MNIST",
        ("packing", "unrolled", "minibatch_stddev", "relativistic", "r1", "r2", "gradient_penalty"),
    ),
    "stress": (
        "losses under stress",
        ("loss: nonsaturating", "loss: lsgan", "loss: hinge", "loss: wgan", "relativistic", "norm"),
    ),
    "dirac": (
        "Dirac-GAN",
        (*(f"loss: {name}" for name in LOSSES), "r1", "gradient_penalty", "instance_noise", "simultaneous"),
    ),
    "ttur": ("saddle", ("ttur", "optimizers")),
}
"""Each table, and of which tricks it shows something."""

GANHACKS = (
    (
        "scale images to [-1, 1], tanh at the end",
        "always; `dcgan` and `resnet` end in tanh, ProGAN is linear as published",
    ),
    ("the non-saturating loss; flipped labels for the generator", "`loss: nonsaturating`, which is the same thing"),
    ("a spherical latent; interpolate along great circles", "`network.prior: normal`; `espalier sample --interpolate`"),
    ("separate batches of reals and fakes; batch or instance norm", "always separate; `norm`"),
    (
        "no sparse gradients: leaky ReLU, strided convolutions or pixel shuffle",
        "`network.activation: leaky_relu`, `network.up: pixelshuffle`, `transposed` or `nearest`; no max pooling anywhere",
    ),
    ("soft and noisy labels, now and then flipped", "`noisy_labels`; `label_smoothing` is what the paper has"),
    (
        "DCGAN if you can, else KL+GAN or VAE+GAN",
        "`network: dcgan`; hybrids are superseded by what keeps a plain GAN stable: `r1`, `spectral_norm`",
    ),
    ("reinforcement learning's replay and old checkpoints", "`replay`, `past_players`; superseded by `ema`"),
    ("Adam; SGD for the discriminator", "Adam for both; `optimizers: {discriminator: {name: sgd}}`"),
    (
        "watch for failure: losses near 0, gradient norms",
        "history.csv has both losses and mean logits; a NaN stops training",
    ),
    ("do not balance by loss statistics", "there is no such option, on purpose"),
    ("use labels", "`projection` with `conditional_batch_norm`, which supersede `acgan`"),
    ("decaying noise on the discriminator's input, noise in the generator's layers", "`instance_noise`, `layer_noise`"),
    ("train the discriminator more", "`n_critic`; elsewhere superseded by `ttur`"),
    ("batch discrimination", "`minibatch_discrimination`; superseded by `minibatch_stddev`"),
    ("discrete conditions: embed, and add as channels", "`class_embedding`; superseded by `conditional_batch_norm`"),
    ("dropout in the generator, in use, too", "`dropout: {generator: 0.5}`"),
)


def page() -> str:
    """The whole page."""
    parts = [
        "# The tricks",
        "Made by `python -m docs.tricks` from the tricks' own files, and kept true by a test. Each is a key under `tricks` of a "
        "pipeline in params.yaml; `espalier tricks NAME` tells the same of one. They are applied in this order.",
        _overview(),
        "## What cannot or should not be together",
        _matrix(),
        "## Networks",
        _networks(),
        "## ganhacks",
        "All 17 of soumith/ganhacks, which its authors call unmaintained, and what to write here.",
        "\n".join(f"{i}. {hack}: {ours}." for i, (hack, ours) in enumerate(GANHACKS, start=1)),
        "## Each trick",
        *(_section(name) for name in describe.names()),
    ]
    return "\n\n".join(parts) + "\n"


def _effects(name: str) -> str:
    links = [
        f"[{title}](tables/{table}.md)"
        for table, (title, tricks) in EFFECTS.items()
        if name in tricks and (HERE / "tables" / f"{table}.md").is_file()
    ]
    return ", ".join(links)


def _file(name: str) -> str:
    parts = describe.find(name).__module__.split(".")[1:]  # without espalier, which is this repository
    path = Path(*parts).with_suffix(".py").as_posix()
    return f"[{path.rpartition('/')[2]}](../{path})"


def _overview() -> str:
    head = "| trick | what it is | source | file | measured |\n| --- | --- | --- | --- | --- |"
    rows = []
    for name in describe.names():
        cls = describe.find(name)
        anchor = name.replace(": ", "-")
        cells = (f"[{name}](#{anchor})", describe.summary(cls), describe.source(cls), _file(name), _effects(name))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([head, *rows])


def _matrix() -> str:
    lines = ["| outcome | one | other | why |", "| --- | --- | --- | --- |"]
    lines += [f"| {r.outcome} | {r.one} | {r.other} | {r.why} |" for r in RULES]
    more = "`forbid` refuses the configuration, `warn` is said at the start of training and by `espalier check`."
    return f"{more}\n\n" + "\n".join(lines)


def _networks() -> str:
    lines = ["| network | what it is | options |", "| --- | --- | --- |"]
    for name, network in NETWORKS.items():
        options = ", ".join(f"{key} {field.default}" for key, field in network.model_fields.items() if key != "name")
        first = (network.__doc__ or "").split("\n")[0]
        lines.append(f"| {name} | {first} | {options} |")
    return "\n".join(lines)


def _section(name: str) -> str:
    cls = describe.find(name)
    lines = [f'### <a id="{name.replace(": ", "-")}"></a>{name}', describe.text(cls)]
    options = describe.options(cls)
    if options:
        lines.append(
            "| option | values | default | |\n| --- | --- | --- | --- |\n"
            + "\n".join(f"| {o.name} | {o.values} | {o.default} | {o.meaning} |" for o in options)
        )
    lines.append(f"Networks: {', '.join(describe.networks(cls))}.")
    return "\n\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
