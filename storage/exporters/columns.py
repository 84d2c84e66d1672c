"""The columns that stand beside the texts of a pair: where it comes from, and who judged it."""

from storage.exporters.judged_pairs import JudgedPair
from storage.exporters.writing import Row


def identity(pair: JudgedPair) -> Row:
    """The pair's id and split, and of a row that is one verdict its labeller too."""
    row: Row = {"pair_id": pair.pair_id, "split": pair.split.value}
    return row if pair.given is None else row | verdict(pair)


def verdict(pair: JudgedPair) -> Row:
    """Who gave the verdict that the row stands for, and what was kept with it."""
    given = pair.given
    if given is None:
        return {}
    return {
        "labeller": given.labeller,
        "labeller_kind": given.labeller_kind.value,
        "strength": given.strength,
        "rationale": given.rationale,
        "seconds": given.seconds,
        "at": given.at.isoformat(),
    }


def provenance(pair: JudgedPair) -> Row:
    """All that is known of a pair beside its texts and its verdict."""
    return {
        "pair_id": pair.pair_id,
        "split": pair.split.value,
        "source": pair.source,
        "tags": pair.tags,
        "origin": pair.origin.value,
        "round": pair.round,
        "agreement": pair.agreement,
    } | verdict(pair)
