"""A tokenizer as the fields of a GGUF file.

Byte-level BPE only. Programs that read GGUF cut a text into words by rules of their own, which the
file names; a tokenizer that cuts in another way is refused, since its answers would be wrong.
"""

import json
from typing import Any

from gguf import GGUFWriter, TokenType

from trainer.errors import TrainerError

# Splitting rules by the name that GGUF gives them.
_LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_PATTERNS = {
    rf"{_LETTERS}|\p{{N}}|{_REST}": "qwen2",
    rf"{_LETTERS}|\p{{N}}{{1,3}}|{_REST}": "llama-bpe",
}


def add_tokenizer(writer: GGUFWriter, tokenizer: Any, vocab_size: int) -> None:
    """Write vocabulary, merges, special tokens and chat template.

    `vocab_size` is the number of rows of the model's embedding; what the tokenizer does not use of
    them is filled up. Raises TrainerError for a tokenizer that GGUF has no name for.
    """
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_splitting_name(backend))
    tokens, kinds = _vocabulary(tokenizer, vocab_size)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    merges = backend["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    ids = {
        writer.add_bos_token_id: tokenizer.bos_token_id,
        writer.add_eos_token_id: tokenizer.eos_token_id,
        writer.add_unk_token_id: tokenizer.unk_token_id,
        writer.add_pad_token_id: tokenizer.pad_token_id,
    }
    for add, token_id in ids.items():
        if token_id is not None:
            add(token_id)
    # The chat template writes what a conversation begins with.
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(tokenizer.chat_template)


def _vocabulary(tokenizer: Any, vocab_size: int) -> tuple[list[str], list[int]]:
    tokens = [f"[PAD{index}]" for index in range(vocab_size)]
    kinds = [int(TokenType.UNUSED)] * vocab_size
    for token, index in tokenizer.get_vocab().items():
        tokens[index], kinds[index] = token, int(TokenType.NORMAL)
    for index, added in tokenizer.added_tokens_decoder.items():
        kind = TokenType.CONTROL if added.special else TokenType.USER_DEFINED
        tokens[index], kinds[index] = str(added), int(kind)
    return tokens, kinds


def _splitting_name(backend: dict[str, Any]) -> str:
    """GGUF's name of how the tokenizer cuts a text into words."""
    rule = backend["pre_tokenizer"] or {}
    steps = rule.get("pretokenizers", [rule])
    kinds = [step.get("type") for step in steps]
    if backend["model"].get("type") == "BPE" and not backend["model"].get("byte_fallback"):
        if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
            return "gpt-2"
        if kinds == ["Digits", "ByteLevel"] and steps[0]["individual_digits"]:
            return "smollm"
        if kinds == ["Split", "ByteLevel"]:
            pattern = steps[0]["pattern"].get("Regex")
            if pattern in _PATTERNS:
                return _PATTERNS[pattern]
    raise TrainerError(
        "The model's tokenizer cannot be written as GGUF. Those of SmolLM2, Llama 3, Qwen 2 and "
        "Qwen 3 can. Export the merged model instead."
    )
