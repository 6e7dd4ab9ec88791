"""What several processes, `n_critic`, growing and autocast do to each trick; the text of docs/tricks.md.

Several processes: each trains on its share of the batch, and gradients are averaged. `n_critic`: several discriminator steps in
an iteration. Growing: the stage takes over a parent's weights and adds blocks. Autocast: on a GPU, networks run in bfloat16.
"""

from typing import NamedTuple


class Circumstances(NamedTuple):
    """A trick's behaviour in each of them."""

    processes: str
    n_critic: str
    growing: str
    autocast: str


SHARE = "the mean over all processes is that of one"
SAME = "the same in each"
DRAWN = "random numbers are drawn for the whole batch, and each process takes its own"
EACH_D = "in each discriminator step"
EACH_STEP = "in every step of both players"
ONCE_G = "once, in the generator's step"
FRESH = "nothing is taken over: its state begins anew"
NONE = "no effect"
WEIGHTS = "its weights are taken over where the parent has them, and new blocks have new ones"
FLOAT = "computed in float32"
LOGITS = "computed in float32, from logits in float32"
GRADIENT = "the network runs in bfloat16, the gradient's norm is computed in float32"
LOSS = Circumstances(SHARE, "the discriminator's part in each of its steps, the generator's once", NONE, LOGITS)
PENALTY = Circumstances(SHARE, f"{EACH_D} of an iteration in which it is due", NONE, GRADIENT)
IN_GENERATOR = Circumstances(SHARE, ONCE_G, NONE, FLOAT)

OF: dict[str, Circumstances] = {
    **dict.fromkeys(("loss: minimax", "loss: nonsaturating", "loss: wgan", "loss: lsgan", "loss: hinge"), LOSS),
    "relativistic": Circumstances(
        "paired: the same pairs; average: means over the whole batch", LOSS.n_critic, NONE, LOGITS
    ),
    "label_smoothing": Circumstances(SAME, EACH_D, NONE, FLOAT),
    "noisy_labels": Circumstances(DRAWN, f"drawn anew {EACH_D}", NONE, FLOAT),
    "norm": Circumstances(
        "batch: statistics of the whole batch; the others are of one sample",
        "batch: each pass of a player in training moves its running statistics",
        "running statistics are taken over, as weights are",
        "statistics in float32, the result in bfloat16",
    ),
    "virtual_batch_norm": Circumstances(
        "the same reference in each",
        "the reference passes before each batch",
        "the parent's reference is taken over",
        "statistics in float32, the result in bfloat16",
    ),
    "conditional_batch_norm": Circumstances(
        "statistics of the whole batch",
        "each pass of the generator in training moves its running statistics",
        WEIGHTS,
        "statistics in float32, the result in bfloat16",
    ),
    "class_embedding": Circumstances(SAME, NONE, WEIGHTS, FLOAT),
    "projection": Circumstances(SAME, EACH_STEP, WEIGHTS, LOGITS),
    "acgan": Circumstances(SHARE, EACH_STEP, WEIGHTS, "the class head and its entropy are computed in float32"),
    "dropout": Circumstances(DRAWN, f"drawn anew {EACH_STEP}", "in new blocks, too", "in the precision of its layer"),
    "layer_noise": Circumstances(
        DRAWN, f"drawn anew {EACH_STEP}", "in new blocks, too", "in the precision of its layer"
    ),
    "self_attention": Circumstances(SAME, EACH_STEP, WEIGHTS, "products in bfloat16, the softmax in float32"),
    "minibatch_discrimination": Circumstances(
        "similarities to the whole batch", EACH_STEP, "the matrix T is taken over", FLOAT
    ),
    "minibatch_stddev": Circumstances(
        "the same groups; each process's share must hold whole ones", EACH_STEP, NONE, "the deviation in float32"
    ),
    "spectral_norm": Circumstances(
        SAME,
        "one power iteration a pass in discriminator steps",
        "weights and vectors are taken over; refused if only one of the two stages has it",
        "sigma and the division in float32",
    ),
    "ema": Circumstances(
        SAME,
        "averaged after the generator's step; the half-life counts the images of all discriminator steps",
        "the average is what is handed over, and begins as a copy of the grown generator",
        "weights are float32 throughout",
    ),
    "optimizers": Circumstances(SAME, EACH_D, "moments begin anew", "weights and moments are float32"),
    "ttur": Circumstances(SAME, "a warning: one replaces the other", "moments begin anew", NONE),
    "ramp": Circumstances(SAME, "counts the images of all discriminator steps", "begins anew with each stage", NONE),
    "n_critic": Circumstances(SAME, "is this", "warm iterations come anew with each stage", NONE),
    "simultaneous": Circumstances(SAME, "refused", NONE, NONE),
    "weight_clipping": Circumstances(
        SAME, "after each discriminator step", "refused with ProGAN's equalised weights", NONE
    ),
    "past_players": Circumstances(
        "one draw for all processes", "drawn anew in each step; `every` counts iterations", FRESH, NONE
    ),
    "replay": Circumstances("refused", EACH_D, FRESH, "fakes are kept in float32"),
    "fade": Circumstances(SAME, "alpha counts the images of all discriminator steps", "is this", "blended in bfloat16"),
    "instance_noise": Circumstances(
        DRAWN,
        "fades by the images of all discriminator steps; drawn anew in each",
        "begins anew with each stage",
        FLOAT,
    ),
    "schedule": Circumstances(
        SAME, "counts the images of all discriminator steps", "begins anew with each stage", NONE
    ),
    **dict.fromkeys(
        ("mirror", "diffaugment"),
        Circumstances(DRAWN, f"drawn anew {EACH_STEP}", "on images as the fade leaves them", FLOAT),
    ),
    "ada": Circumstances(
        f"{DRAWN}; r is of the whole batch",
        f"drawn anew {EACH_STEP}; p moves after every 4 of the discriminator's",
        "p begins anew at 0",
        FLOAT,
    ),
    "lecam": Circumstances("averages over the whole batch", f"{EACH_D}, which moves the averages", FRESH, LOGITS),
    "packing": Circumstances(
        "the same packs; each process's share must hold whole ones", EACH_STEP, "the number of a pack must stay", NONE
    ),
    "unrolled": Circumstances("refused", ONCE_G, NONE, "the steps ahead are on float32 weights"),
    **dict.fromkeys(("gradient_penalty", "zero_centered_penalty"), PENALTY._replace(processes=f"{SHARE}; {DRAWN}")),
    "dragan": PENALTY._replace(processes="the deviation of the whole batch; " + DRAWN),
    **dict.fromkeys(("r1", "r2"), PENALTY),
    "drift": Circumstances(SHARE, EACH_D, NONE, LOGITS),
    "historical_averaging": Circumstances(SAME, "each step of a player moves its mean", FRESH, "weights are float32"),
    "feature_matching": IN_GENERATOR._replace(processes="means over the whole batch"),
    "perceptual": IN_GENERATOR._replace(processes="means over the whole batch"),
    "matching_aware": Circumstances("a wrong sentence is the next one's of the whole batch", EACH_D, NONE, LOGITS),
    "path_length": IN_GENERATOR._replace(
        processes=f"{SHARE}; {DRAWN}", growing=FRESH, autocast="the networks as in training, lengths in float32"
    ),
    "reconstruction": IN_GENERATOR,
}
"""By the name that docs/tricks.md has."""
