"""The share of votes for one of two models, and how sure it is."""

import math
from dataclasses import dataclass


def wilson_interval(successes: float, trials: float, z: float = 1.96) -> tuple[float, float]:
    """Bounds between which the true share lies, with 95 % confidence for z = 1.96.

    Wilson's score interval (1927): with p = successes / trials and n = trials,
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). Unlike p ± z √(p(1-p)/n) it stays within
    0 and 1 and means something for few votes. Without trials nothing is known: (0, 1).
    """
    if trials == 0:
        return 0.0, 1.0
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials cannot be.")
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


@dataclass(frozen=True)
class WinRate:
    """How the votes on tuned against base answers fell."""

    num_tuned: int
    num_base: int
    num_ties: int
    num_both_bad: int
    share: float | None
    """Of tuned answers, 0 to 1; None without a vote that counts."""
    low: float | None
    high: float | None
    """Bounds of its 95 % interval."""

    @property
    def sentence(self) -> str:
        """The result in words: "Tuned preferred in 9 of 14 votes (64 %, 39–84 %)", and the rest."""
        both_bad = f", {self.num_both_bad} both bad left out" if self.num_both_bad else ""
        if self.share is None or self.low is None or self.high is None:
            return f"No votes on this adapter yet{both_bad}."
        ties = f", {_count(self.num_ties, 'tie')} counted half" if self.num_ties else ""
        votes = _count(self.num_tuned + self.num_base + self.num_ties, "vote")
        return (
            f"Tuned preferred in {self.num_tuned} of {votes}{ties} ({self.share * 100:.0f} %, "
            f"{self.low * 100:.0f}–{self.high * 100:.0f} %){both_bad}"
        )


def win_rate(*, num_tuned: int, num_base: int, num_ties: int, num_both_bad: int) -> WinRate:
    """The share of votes for tuned answers, a tie as half a vote for each side.

    Votes that find both bad say nothing of the two, so they are left out and only counted. This is
    FastChat's adjusted win rate (Zheng et al. 2023, lm-sys/FastChat `show_result.py`): (wins + ties
    / 2) / (wins + losses + ties). The interval is Wilson's of that share among as many votes. A
    vote is 0, 1/2 or 1 then, and its variance at most that of a vote without ties, p(1-p): with
    ties the interval is a little wider than it need be, never narrower.
    """
    votes = num_tuned + num_base + num_ties
    wins = num_tuned + num_ties / 2
    share, low, high = None, None, None
    if votes:
        share, (low, high) = wins / votes, wilson_interval(wins, votes)
    return WinRate(num_tuned, num_base, num_ties, num_both_bad, share, low, high)


def _count(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number} {word}s"
