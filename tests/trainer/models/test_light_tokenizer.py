"""The light tokenizer gives what transformers' own gives."""

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.trainer.conftest import preference_rows
from trainer.errors import TrainerError
from trainer.models.chat_template import encode_conversation
from trainer.models.light_tokenizer import LightTokenizer
from trainer.recipes.tokens import prompt_stays, tokenise

CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": " Grüße, \U0001f600 and <|im_end|>\n\n<|im_start|>system "},
    {"role": "assistant", "content": "Yes.\n"},
]


@pytest.mark.parametrize("open_ended", [True, False])
def test_ids_are_those_of_transformers(tiny_base: Path, open_ended: bool) -> None:
    light, full = LightTokenizer(tiny_base), AutoTokenizer.from_pretrained(tiny_base)
    assert encode_conversation(
        light, CONVERSATION, add_generation_prompt=open_ended
    ) == encode_conversation(full, CONVERSATION, add_generation_prompt=open_ended)


def test_pairs_have_the_tokens_that_a_worker_trains_on(tiny_base: Path) -> None:
    rows = preference_rows(5)
    full = AutoTokenizer.from_pretrained(tiny_base)
    assert tokenise(LightTokenizer(tiny_base), rows, "rows") == tokenise(full, rows, "rows")


def _with_template(tiny_base: Path, folder: Path, template: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_bytes((tiny_base / "tokenizer.json").read_bytes())
    config = json.loads((tiny_base / "tokenizer_config.json").read_text(encoding="utf-8"))
    config["chat_template"] = [{"name": "default", "template": template}]
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_a_template_in_the_configuration_is_read_with_its_generation_block(
    tiny_base: Path, tmp_path: Path
) -> None:
    template = (
        "{{ bos_token }}{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}"
        "{{ eos_token }}{% endfor %}"
    )
    tokenizer = LightTokenizer(_with_template(tiny_base, tmp_path, template))
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hi"}], add_generation_prompt=False, tokenize=False
    )
    assert text == "<|im_start|>hi<|im_end|>"


def test_a_template_that_refuses_a_conversation_gives_its_reason(
    tiny_base: Path, tmp_path: Path
) -> None:
    template = "{{ raise_exception('no such role') }}"
    tokenizer = LightTokenizer(_with_template(tiny_base, tmp_path, template))
    with pytest.raises(TrainerError, match="refuses a conversation of user: no such role"):
        tokenise(tokenizer, preference_rows(1), "rows")


def test_a_prompt_that_the_answer_changes_is_noticed(tiny_base: Path, tmp_path: Path) -> None:
    (row,) = preference_rows(1)
    assert prompt_stays(LightTokenizer(tiny_base), row)
    template = "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}"
    assert not prompt_stays(LightTokenizer(_with_template(tiny_base, tmp_path, template)), row)


def test_a_template_cannot_reach_out_of_its_sandbox(tiny_base: Path, tmp_path: Path) -> None:
    template = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    tokenizer = LightTokenizer(_with_template(tiny_base, tmp_path, template))
    with pytest.raises(TrainerError, match="unsafe"):
        tokenise(tokenizer, preference_rows(1), "rows")
