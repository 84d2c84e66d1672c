"""Says in plain sentences what the curves of a training run mean."""

import math
from collections.abc import Mapping, Sequence

Curve = Sequence[tuple[int, float]]  # (step, value), in the order of the steps

START_LOSS = math.log(2)  # DPO's sigmoid loss while policy and reference agree
FEW_PAIRS = 20
WINDOW = 5
FALLEN_TOO_FAR = 30.0  # nats by which a chosen answer becomes less likely; a rule of thumb


def diagnosis(curves: Mapping[str, Curve], *, num_train: int) -> list[str]:
    """What a person should know of a run, most important first; empty while nothing stands out.

    `curves` has TRL's metric names, those of held-out pairs with the prefix `eval_`. Each rule is
    one function; thresholds are for DPO's sigmoid loss with beta near 0.1.
    """
    rules = (
        _broken_loss(curves),
        _nothing_learnt(curves),
        _worse_on_heldout(curves),
        _margins_explode(curves),
        _chosen_falls(curves),
        _too_easy(curves),
        _negative_rewards(curves),
        _few_pairs(curves, num_train),
    )
    return [sentence for sentence in rules if sentence]


def _broken_loss(curves: Mapping[str, Curve]) -> str | None:
    if all(math.isfinite(value) for _, value in curves.get("loss", ())):
        return None
    return "The loss is not a number any more: the learning rate is too large."


def _nothing_learnt(curves: Mapping[str, Curve]) -> str | None:
    """The loss starts at ln 2 = 0.693, where both models agree, and should leave it.

    Rafailov et al. (2023), equation 7: -log sigmoid(0) while policy and reference are the same.
    """
    loss = curves.get("loss", ())
    if "rewards/margins" not in curves or len(loss) < 2 * WINDOW:
        return None
    if abs(_mean(loss[-WINDOW:]) - START_LOSS) > 0.01:
        return None
    return (
        "The loss stays at 0.693, where it started: nothing is learnt yet. Raise the learning "
        "rate, or train longer."
    )


def _worse_on_heldout(curves: Mapping[str, Curve]) -> str | None:
    """Held-out accuracy well below its best while the training accuracy is high.

    Early stopping on held-out data (Prechelt, 1998); for DPO by its rewards, for a reward model
    by its scores.
    """
    name = "rewards/accuracies" if "rewards/accuracies" in curves else "accuracy"
    heldout = [value for _, value in curves.get(f"eval_{name}", ())]
    trained = curves.get(name, ())
    if len(heldout) < 2 or not trained or max(heldout) - heldout[-1] < 0.1:
        return None
    if _mean(trained[-WINDOW:]) <= heldout[-1]:
        return None
    return (
        f"Accuracy on held-out pairs fell from {max(heldout):.0%} to {heldout[-1]:.0%}: the model "
        "now memorises the training pairs. Stop here, train for fewer epochs, or label more."
    )


def _margins_explode(curves: Mapping[str, Curve]) -> str | None:
    """Azar et al. (2023, IPO): where verdicts never contradict, nothing holds the margin back."""
    margins = curves.get("rewards/margins", ())
    if len(margins) < WINDOW or _mean(margins[-WINDOW:]) < 5:
        return None
    return (
        f"The margin reached {_mean(margins[-WINDOW:]):.1f}, which is far from the base model: "
        "answers may collapse. Lower the learning rate or the number of epochs, or raise beta."
    )


def _chosen_falls(curves: Mapping[str, Curve]) -> str | None:
    """Chosen answers become far less likely although the margin grows.

    Pal et al. (2024, "Smaug"): the loss is content with both falling, if the rejected
    answer falls more. Their remedy, and that of Liu et al. (2024, RPO), is a term for
    the chosen answer.
    """
    chosen = curves.get("logps/chosen", ())
    margins = curves.get("rewards/margins", ())
    if len(chosen) < 2 * WINDOW or not margins or _mean(margins[-WINDOW:]) <= 0:
        return None
    fallen = _mean(chosen[:WINDOW]) - _mean(chosen[-WINDOW:])
    if fallen < FALLEN_TOO_FAR:
        return None
    return (
        f"Chosen answers became less likely by {fallen:.0f} nats, although their margin grows. A "
        "small fall is normal, this one is not: choose the loss sigmoid+sft, raise beta, or lower "
        "the learning rate."
    )


def _too_easy(curves: Mapping[str, Curve]) -> str | None:
    """Accuracy 1 from the start; a house rule, as it says nothing of the answers' quality."""
    accuracies = curves.get("rewards/accuracies", ())
    first = accuracies[WINDOW : 2 * WINDOW]
    if len(first) < WINDOW or min(value for _, value in first) < 1:
        return None
    return (
        "Reward accuracy is 100 % within the first steps: either the pairs are easy, or the "
        "learning rate is high. Compare the answers before you trust the accuracy."
    )


def _negative_rewards(curves: Mapping[str, Curve]) -> str | None:
    """The most asked question of DPO users; Rafailov et al. (2023) train the difference only."""
    chosen = curves.get("rewards/chosen", ())
    margins = curves.get("rewards/margins", ())
    if len(chosen) < WINDOW or len(margins) < WINDOW:
        return None
    if _mean(chosen[-WINDOW:]) >= -0.1 or _mean(margins[-WINDOW:]) <= 0:
        return None
    return (
        "The reward of chosen answers is negative. That is normal: DPO trains the difference to "
        "rejected answers, and that margin is positive."
    )


def _few_pairs(curves: Mapping[str, Curve], num_train: int) -> str | None:
    """Of 20 pairs, Wilson's interval (1927) around 70 % still reaches from 48 % to 85 %."""
    if not curves or num_train >= FEW_PAIRS:
        return None
    return (
        f"With {num_train} pairs the curves say little. From about {FEW_PAIRS} pairs on a simple "
        "preference shows."
    )


def heldout_in_words(num_right: int, num_pairs: int, low: float, high: float) -> str:
    """How well a reward model judges pairs it never saw, with Wilson's interval `low` to `high`."""
    found = (
        f"On held-out pairs the reward model agrees with the labels in {num_right} of {num_pairs} "
        f"({num_right / num_pairs:.0%}; with 95 % confidence {low:.0%} to {high:.0%})."
    )
    if low <= 0.5 <= high:
        return f"{found} It may still be guessing: label more pairs."
    return found


def _mean(points: Curve) -> float:
    return sum(value for _, value in points) / len(points)
