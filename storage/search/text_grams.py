"""What of a text the search index keeps, and whether a text holds what is searched for. Pure.

A text is cut into runs of letters and digits. Of a run the index keeps all pieces of three
characters, and a run that is shorter as a whole. Scripts without spaces between words, such as
Chinese, Japanese and Thai, are kept by single characters and by pairs. Neither letter case nor
width matters.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Scripts without spaces: Thai, Lao, Burmese, Khmer, Chinese, Japanese, Korean.
_DENSE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_LETTER = rf"[^\W_{_DENSE}]"
_RUN = re.compile(rf"([{_DENSE}]+)|({_LETTER}+)")
_ASCII_RUN = re.compile(r"[^\W_]+")
_PIECE = 3  # characters


@dataclass(frozen=True)
class Search:
    """A search: a text is found if it holds every word, in any order."""

    words: tuple[str, ...]
    """As they were typed, folded."""
    grams: frozenset[str]
    """What the index has of any text that holds the words; empty for signs alone, such as "?"."""
    patterns: tuple[re.Pattern[str], ...]
    """One a word; a run of one or two letters in it must stand alone."""

    def holds(self, text: str) -> bool:
        """Say whether a text holds every word."""
        folded_text = folded(text)
        return all(pattern.search(folded_text) for pattern in self.patterns)


@lru_cache(maxsize=64)
def search_for(text: str) -> Search:
    """Return the search that a person has typed; spaces stand between its words."""
    words = tuple(dict.fromkeys(folded(text).split()))
    return Search(
        words=words,
        grams=frozenset(gram for word in words for gram in grams(word)),
        patterns=tuple(_pattern(word) for word in words),
    )


def grams(text: str) -> set[str]:
    """Return what the index keeps of a text: pieces of letters and digits, each once."""
    folded_text = folded(text)
    found: set[str] = set()
    if folded_text.isascii():
        for run in set(_ASCII_RUN.findall(folded_text)):
            found.update(_pieces(run, _PIECE))
        return found
    for dense, run in _RUN.findall(folded_text):
        if dense:
            found.update(dense)
            found.update(_pieces(dense, 2))
        else:
            found.update(_pieces(run, _PIECE))
    return found


def folded(text: str) -> str:
    """Return a text without differences of letter case and width."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _pieces(run: str, length: int) -> list[str]:
    if len(run) <= length:
        return [run]
    return [run[start : start + length] for start in range(len(run) - length + 1)]


def _pattern(word: str) -> re.Pattern[str]:
    parts, end = [], 0
    for run in _RUN.finditer(word):
        parts.append(re.escape(word[end : run.start()]))
        is_short = run[2] is not None and len(run[2]) < _PIECE
        escaped = re.escape(run[0])
        parts.append(f"(?<!{_LETTER}){escaped}(?!{_LETTER})" if is_short else escaped)
        end = run.end()
    parts.append(re.escape(word[end:]))
    return re.compile("".join(parts))
