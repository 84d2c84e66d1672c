"""Compare, Statistics and their endpoints say the same of the same votes."""

import uuid

import pytest

from app.services.context import Context, User
from app.services.labels import comparing, statistics
from app.services.labels.labelling import Submission
from storage.data.pairs import NewCompletion
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, Holds, RunKind, Side
from storage.labelling.comparisons import NewComparison, add_comparison
from storage.labelling.labellers import human_labeller
from storage.training.adapters import NewAdapter, add_adapter
from storage.training.runs import NewRun, create_run

SENTENCE = (
    "Tuned preferred in 2 of 4 votes, 1 tie counted half (62 %, 22–91 %), 1 both bad left out"
)


@pytest.fixture
def asked(context: Context, user: User) -> list[int]:
    """Five comparisons with one adapter; the tuned answer stands right."""
    with context.database.session_scope() as session:
        run = create_run(session, NewRun(RunKind.DPO, "dpo", "starter"))
        new = NewAdapter(run.id, f"runs/{run.folder}/adapter", Holds.ADAPTER, "starter", "00")
        adapter_id, me = add_adapter(session, new).id, human_labeller(session, user.id, user.name)
        made = []
        for number in range(5):
            prompt, _ = add_prompt(session, [{"role": "user", "content": f"{number}"}], source="x")
            base, tuned = (NewCompletion(t, CompletionOrigin.GENERATED) for t in ("base", "tuned"))
            comparison = NewComparison(prompt.id, base, tuned, adapter_id, me.id, Side.A, round=1)
            made.append(add_comparison(session, comparison).id)
        return made


def test_the_vote_both_screens_and_the_endpoint_give_one_result(
    context: Context, user: User, asked: list[int]
) -> None:
    choices = ("right", "left", "tie", "both_bad", "right")
    for pair_id, choice in zip(asked, choices, strict=True):
        result = comparing.vote(context, user, Submission(uuid.uuid4().hex, pair_id, choice))
    assert result.win_rate.sentence == SENTENCE
    assert comparing.verdict(context, 1) == result.win_rate
    found = statistics.overview(context)
    assert [rate for _, rate in found.win_rates] == [result.win_rate]
    [row] = statistics.to_json(found)["win_rates"]
    assert (row["num_tuned"], row["num_base"], row["num_ties"], row["num_both_bad"]) == (2, 1, 1, 1)
    assert (row["share"], row["low"], row["high"]) == (
        2.5 / 4,
        result.win_rate.low,
        result.win_rate.high,
    )
