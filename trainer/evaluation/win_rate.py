"""How sure a share of votes is."""

import math


def wilson_interval(successes: float, trials: float, z: float = 1.96) -> tuple[float, float]:
    """Bounds between which the true share lies, with 95 % confidence for z = 1.96.

    Wilson's score interval (1927): with p = successes / trials and n = trials,
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). Unlike p ± z √(p(1-p)/n) it stays within
    0 and 1 and means something for few votes. Without trials nothing is known: (0, 1). A tie may
    count as half a success.
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
