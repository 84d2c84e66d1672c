"""Token ids to text, as they come, never half a character."""

from typing import Any

HALF_A_CHARACTER = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """The text of one row. The deltas put together are what decoding all tokens gives.

    A token may end in the middle of a character's bytes (Chinese, emoji); such text is held back
    until the rest is there. Decoding starts at an earlier token each time, because tokenizers
    write a word's space only when something stands before it.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._token_ids: list[int] = []
        self._start = 0  # where decoding starts
        self._num_shown = 0  # tokens whose text was given out

    def push(self, token_id: int) -> str:
        """Add one token; returns the text that is certain now, often none."""
        self._token_ids.append(token_id)
        text = self._pending()
        if not text or text.endswith(HALF_A_CHARACTER):
            return ""
        self._start, self._num_shown = self._num_shown, len(self._token_ids)
        return text

    def finish(self) -> str:
        """The text held back until now; a character that never became whole shows as U+FFFD."""
        text = self._pending()
        self._start = self._num_shown = len(self._token_ids)
        return text

    def _pending(self) -> str:
        shown = self._decode(self._token_ids[self._start : self._num_shown])
        return self._decode(self._token_ids[self._start :])[len(shown) :]

    def _decode(self, token_ids: list[int]) -> str:
        text: str = self._tokenizer.decode(
            token_ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text
