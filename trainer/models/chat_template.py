"""Conversations as token ids, safe against control tokens that a person typed.

Works on any transformers tokenizer, but imports none itself.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.errors import TrainerError

Message = Mapping[str, str]

_PRIVATE_USE = range(0xE000, 0xF8FF)


def encode_conversation(
    tokenizer: Any, messages: Sequence[Message], *, add_generation_prompt: bool
) -> list[int]:
    """Token ids of a conversation by the model's own chat template.

    Text such as `<|im_end|>` inside a message stays text: it is cut by a mark before the template
    is filled in, and the parts between the marks are encoded one by one, so that only the
    template itself can bring in control tokens. A conversation without such text gives exactly
    what `apply_chat_template` gives. Raises TrainerError when the template refuses the messages.
    """
    contents = [message["content"] for message in messages]
    mark = _unused_mark(contents)
    control = _control_pattern(tokenizer)
    marked = [
        {**message, "content": _cut(message["content"], control, mark)} for message in messages
    ]
    try:
        text = tokenizer.apply_chat_template(
            marked, add_generation_prompt=add_generation_prompt, tokenize=False
        )
    except Exception as error:  # a template's code may fail in any way
        roles = ", ".join(message["role"] for message in messages)
        raise TrainerError(
            f"The model's chat template refuses a conversation of {roles}: {error}"
        ) from error
    ids: list[int] = []
    for part in text.split(mark):
        ids += tokenizer(part, add_special_tokens=False)["input_ids"]
    return ids


def _control_pattern(tokenizer: Any) -> re.Pattern[str] | None:
    """Matches, without consuming anything, wherever a control token is spelled out."""
    added = tokenizer.added_tokens_decoder.values()
    spellings = {str(token) for token in added if token.special} | set(tokenizer.all_special_tokens)
    spellings = {spelling for spelling in spellings if len(spelling) > 1}
    if not spellings:
        return None
    return re.compile("(?=" + "|".join(map(re.escape, sorted(spellings))) + ")")


def _cut(text: str, control: re.Pattern[str] | None, mark: str) -> str:
    """The text with a mark after the first character of every control token spelled in it."""
    if control is None:
        return text
    pieces = []
    start = 0
    for match in control.finditer(text):
        pieces.append(text[start : match.start() + 1])
        start = match.start() + 1
    return mark.join([*pieces, text[start:]])


def _unused_mark(contents: Sequence[str]) -> str:
    used = set().union(*contents)
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in used)
