"""Preferences as token ids."""

from pathlib import Path
from typing import Any

import pytest
from trl.trainer.dpo_trainer import DataCollatorForPreference

from tests.trainer.conftest import preference_rows
from trainer.errors import TrainerError
from trainer.models import loading
from trainer.recipes.tokens import PairTokens, cut, tokenise


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Any:
    return loading.load_tokenizer(str(tiny_base), tiny_base)


def test_answer_starts_after_the_prompt_and_ends_with_its_end_token(tokenizer: Any) -> None:
    (pair,) = tokenise(tokenizer, preference_rows(1), "train.jsonl")
    assert tokenizer.decode(pair.prompt_ids).endswith("<|im_start|>assistant\n")
    assert tokenizer.decode(pair.chosen_ids) == "0<|im_end|>\n"
    assert tokenizer.decode(pair.rejected_ids) == "I would say it is 0, sir.<|im_end|>\n"


def test_row_that_is_no_preference_is_named(tokenizer: Any) -> None:
    rows = [*preference_rows(1), {"prompt": []}]
    with pytest.raises(TrainerError, match=r"train\.jsonl, line 2 is no preference"):
        tokenise(tokenizer, rows, "train.jsonl")


def test_pairs_that_do_not_fit_are_counted() -> None:
    fits = PairTokens([1] * 4, [2] * 2, [3] * 4)
    is_cut = PairTokens([1] * 4, [2] * 2, [3] * 5)
    is_dropped = PairTokens([1] * 8, [2], [3])
    kept, fit = cut([fits, is_cut, is_dropped], 8)
    assert kept == [fits, PairTokens([1] * 4, [2] * 2, [3] * 4)]
    assert (fit.num_cut, fit.num_dropped) == (1, 1)
    warning = fit.warning(8, "Pairs")
    assert warning is not None
    assert "1 are cut" in warning
    assert "1 are left out" in warning
    assert cut([fits], 8)[1].warning(8, "Pairs") is None


def test_trl_cuts_the_answer_and_keeps_the_start() -> None:
    collate = DataCollatorForPreference(pad_token_id=0, max_length=5)
    batch = collate([{"prompt_ids": [1, 1, 1], "chosen_ids": [2, 2, 2], "rejected_ids": [3]}])
    assert batch["input_ids"].tolist() == [[1, 1, 1, 2, 2], [1, 1, 1, 3, 0]]
