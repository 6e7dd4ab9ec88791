"""Incompatible combinations, and why: the single list used by the validator, the command line and the docs.

A feature is a trick's name, "loss NAME", or one of those returned by `features`. `forbid` rejects the configuration,
`warn` prints a warning at the start, `note` is informational.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.trick import Trick

Outcome = Literal["forbid", "warn", "note"]
BN_D, BN_G = "batch norm in the discriminator", "batch norm in the generator"
NORM_G = "a chosen norm in the generator"
CLASS_G, CLASS_D, NO_CLASS_D = (
    "classes in the generator",
    "classes in the discriminator",
    "no classes in the discriminator",
)
MOMENTUM, UNBOUNDED = "momentum in the discriminator", "no bound on the discriminator"
BY_SIGN = "p follows the sign of logits"
HELD_OUT = "p follows held-out reals"
MICRO = "micro-batches"
SEVERAL, EQUALIZED = "several processes", "equalized weights"
SENTENCES = "sentences"

BOUNDS = ("weight_clipping", "gradient_penalty", "zero_centered_penalty", "dragan", "r1", "r2", "spectral_norm")
PENALTIES = ("gradient_penalty", "zero_centered_penalty", "dragan", "r1", "r2")


@dataclass(frozen=True)
class Rule:
    """Two features, the outcome of combining them, why, and what to use instead or the source."""

    outcome: Outcome
    one: str
    other: str
    why: str


def _each(outcome: Outcome, ones: tuple[str, ...], other: str, why: str) -> list[Rule]:
    return [Rule(outcome, one, other, why) for one in ones]


RULES: tuple[Rule, ...] = (
    *_each(
        "forbid", PENALTIES, BN_D,
        "the penalty is on each sample's own gradient, and batch norm makes it depend on the other samples; use "
        "norm: {discriminator: layer}, or instance, or none (Gulrajani et al., section 4)",
    ),
    Rule("forbid", "spectral_norm", "weight_clipping", "both put a Lipschitz bound on the same weight; remove one"),
    Rule(
        "forbid", "weight_clipping", EQUALIZED,
        "its weights are stored as N(0, 1) and scaled at run time, so nearly all are outside the box; use another "
        "network, or gradient_penalty",
    ),
    *_each(
        "forbid", ("label_smoothing", "noisy_labels"), "loss wgan",
        "that loss has no labels; use nonsaturating, minimax or lsgan",
    ),
    *_each(
        "forbid", ("label_smoothing", "noisy_labels"), "loss hinge",
        "that loss has a margin and no labels; use nonsaturating, minimax or lsgan",
    ),
    *_each(
        "forbid", ("label_smoothing", "noisy_labels"), "relativistic",
        "a relativistic loss compares reals with fakes and has no labels; remove one",
    ),
    Rule("forbid", "label_smoothing", "noisy_labels", "both set the targets; remove one (noisy_labels.real can smooth, too)"),
    Rule(
        "forbid", "relativistic", "loss wgan",
        "that loss already is a difference of reals and fakes; use nonsaturating, minimax, lsgan or hinge",
    ),
    Rule(
        "forbid", "matching_aware", "relativistic",
        "a relativistic loss judges no image on its own, so none can be rejected for its sentence; remove one",
    ),
    *(
        Rule(
            "forbid", BY_SIGN, other,
            "the zero of that discriminator's output has no meaning; use ada: {by: held_out} and monitor.hold_out, or a fixed "
            "or scheduled p",
        )
        for other in ("relativistic", "loss wgan", "loss lsgan")
    ),
    Rule(
        "forbid", HELD_OUT, BN_D,
        "held-out reals are judged with running statistics, and the others with the batch's; use norm: {discriminator: layer}, "
        "or a fixed or scheduled p",
    ),
    Rule(
        "forbid", "lecam", "relativistic",
        "a relativistic loss does not fix the level of a logit, so its average says nothing; remove one",
    ),
    *_each("warn", ("diffaugment",), "ada", "both augment the discriminator's input; one is enough"),
    Rule("forbid", "virtual_batch_norm", "conditional_batch_norm", "both replace the generator's norm; remove one"),
    *_each(
        "forbid", ("virtual_batch_norm", "conditional_batch_norm"), NORM_G, "both replace the generator's norm; remove one"
    ),
    Rule("forbid", "virtual_batch_norm", CLASS_G, "the reference batch has no classes; use norm: {generator: layer}"),
    Rule(
        "forbid", "virtual_batch_norm", SENTENCES,
        "the reference batch has no sentences; use norm: {generator: layer}",
    ),
    Rule(
        "forbid", "conditional_batch_norm", SENTENCES,
        "these networks are conditioned on a sentence, not a class; remove it, or use another network",
    ),
    Rule("forbid", "replay", SENTENCES, "the pool keeps fakes without their sentences; remove it"),
    Rule(
        "forbid", "unrolled", SEVERAL,
        "it looks ahead on one process's share of the batch, while the actual step averages over all; use processes: 1",
    ),
    Rule("forbid", "replay", SEVERAL, "the pool of fakes is in one process's memory; use processes: 1"),
    *_each(
        "forbid", (BN_D, BN_G), MICRO,
        "batch norm's statistics are of the whole batch; use another norm, or leave micro_batch out",
    ),
    Rule("forbid", "replay", CLASS_D, "the pool keeps fakes without their classes; remove one"),
    Rule(
        "forbid", "simultaneous", "n_critic",
        "simultaneous is one step of each player, from the same weights; remove one",
    ),
    Rule("warn", "weight_clipping", MOMENTUM, "momentum destabilises clipped critics; the authors use RMSProp (WGAN, 4.2)"),
    Rule("warn", "weight_clipping", BN_D, "the norm's scale is also clipped, so its output is tiny, as in the released code"),
    Rule("warn", "gradient_penalty", "weight_clipping", "the penalty was designed to replace clipping"),
    Rule(
        "warn", "spectral_norm", BN_D, "batch norm rescales and undoes the bound; use norm: {discriminator: none}"
    ),
    Rule("warn", "unrolled", BN_D, "the steps ahead normalise by batch, and do not update the running statistics"),
    *_each(
        "warn", ("minibatch_stddev", "minibatch_discrimination"), "packing",
        "both let the discriminator see several samples; the statistics are then over packs",
    ),
    Rule("warn", "ttur", "n_critic", "two time scales were designed to replace several steps (Heusel et al.)"),
    Rule("warn", "acgan", "projection", "the discriminator is given the class that it should predict"),
    Rule(
        "warn", CLASS_G, NO_CLASS_D,
        "nothing rewards the generator for using the class; add projection or acgan",
    ),
    Rule(
        "warn", "loss wgan", UNBOUNDED,
        f"the critic's output can grow without bound; add one of {', '.join(BOUNDS)}",
    ),
    *_each(
        "note", PENALTIES, "minibatch_stddev",
        "a sample's gradient then depends on the others of its group; ProGAN does this and works",
    ),
    *_each(
        "note", PENALTIES, "minibatch_discrimination", "a sample's gradient then depends on the others of its batch"
    ),
    Rule("note", "packing", CLASS_D, "each pack has one class and one label"),
)  # fmt: skip


def norms(setting: Setting, tricks: Sequence[Trick]) -> dict[str, str]:
    """The norm after hidden layers, by player, with the tricks applied."""
    found: dict[str, str] = {**setting.norms}
    for trick in tricks:
        if trick.name == "norm":
            chosen: Any = trick
            found |= {p: kind for p in found if (kind := getattr(chosen, p)) is not None}
        elif trick.name in ("virtual_batch_norm", "conditional_batch_norm"):
            found["generator"] = trick.name
    return found


def features(setting: Setting, loss: Trick, chosen_tricks: Sequence[Trick]) -> dict[str, str]:
    """The features of a configuration, each with the key that sets it."""
    tricks: dict[str, Any] = {trick.name: trick for trick in chosen_tricks}
    found = {name: f"tricks.{name}" for name, trick in tricks.items() if trick.acts()}
    found[f"loss {loss.name}"] = "tricks.loss"
    norm, network = norms(setting, chosen_tricks), f"network: {setting.network}"
    chosen = {p: "norm" in tricks and getattr(tricks["norm"], p) is not None for p in norm}
    for player, feature in (("discriminator", BN_D), ("generator", BN_G)):
        if norm[player] in ("batch", "conditional_batch_norm"):
            own = "tricks.conditional_batch_norm" if norm[player] != "batch" else f"tricks.norm.{player}"
            found[feature] = own if chosen[player] or norm[player] != "batch" else network
    if chosen["generator"]:
        found[NORM_G] = "tricks.norm.generator"
    found |= _of_classes(tricks)
    if setting.conditioned_on is not None:
        found[SENTENCES] = network
    if setting.equalized:
        found[EQUALIZED] = network
    if _has_momentum(setting, tricks):
        found[MOMENTUM] = "tricks.optimizers.discriminator" if "optimizers" in tricks else "adam.betas"
    if not any(name in found for name in BOUNDS):
        found[UNBOUNDED] = "tricks"
    if setting.processes > 1:
        found[SEVERAL] = "processes"
    if setting.micro_batches > 1:
        found[MICRO] = "micro_batch"
    if "ada" in tricks and tricks["ada"].p is None:
        found[BY_SIGN if tricks["ada"].by == "sign" else HELD_OUT] = "tricks.ada"
    return found


def _of_classes(tricks: dict[str, Any]) -> dict[str, str]:
    found = {}
    if given := [name for name in ("conditional_batch_norm", "class_embedding") if name in tricks]:
        found[CLASS_G] = f"tricks.{given[0]}"
    judged = [name for name in ("projection", "acgan") if name in tricks]
    found[CLASS_D if judged else NO_CLASS_D] = f"tricks.{judged[0]}" if judged else "tricks"
    return found


def _has_momentum(setting: Setting, tricks: dict[str, Any]) -> bool:
    chosen = tricks["optimizers"].discriminator if "optimizers" in tricks else None
    if chosen is None or chosen.name == "adam":
        betas = chosen.betas if chosen is not None and chosen.betas else setting.betas
        return bool(betas[0] > 0)
    return bool(chosen.momentum > 0)


def found_together(setting: Setting, loss: Trick, tricks: Sequence[Trick], outcome: Outcome) -> list[str]:
    """A message with both keys for each rule of this outcome that applies to the configuration."""
    present = features(setting, loss, tricks)
    sentences = []
    for rule in RULES:
        if rule.outcome == outcome and rule.one in present and rule.other in present:
            one, other = present[rule.one], present[rule.other]
            named = [key if key.endswith(f.removeprefix("loss ")) else f"{key} ({f})" for key, f in
                     ((one, rule.one), (other, rule.other))]  # fmt: skip
            verb = "cannot be together" if outcome == "forbid" else "do not go well together"
            sentences.append(f"{named[0]} and {named[1]} {verb}: {rule.why}")
    return sentences
