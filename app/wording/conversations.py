"""Prompts, conversations and answers as Markdown. Pure."""

from collections.abc import Mapping, Sequence

from app.wording.text import escaped, fenced, shortened
from storage.data.prompts import PromptDetail
from storage.enums import Split


def answer_text(text: str, *, plain: bool) -> str:
    """An answer as Markdown, or letter for letter."""
    return fenced(text) if plain else text


def conversation(messages: Sequence[Mapping[str, str]], *, plain: bool = False) -> tuple[str, str]:
    """The turns as Markdown: (all before the last two, the last two).

    A conversation of one user turn has no role above it: it is just the prompt.
    """
    turns = [
        f"###### {message['role'].capitalize()}\n\n{answer_text(message['content'], plain=plain)}"
        for message in messages
    ]
    if len(messages) == 1:
        return "", answer_text(messages[0]["content"], plain=plain)
    return "\n\n".join(turns[:-2]), "\n\n".join(turns[-2:])


def prompt_label(messages: Sequence[Mapping[str, str]]) -> str:
    """A conversation in a list of choices: the start of its last turn."""
    turns = sum(message["role"] == "user" for message in messages)
    label = shortened(messages[-1]["content"], 90)
    return label if turns == 1 else f"{label} (turn {turns})"


def use_of(split: str) -> str:
    """What a split is used for."""
    return "held out: it never trains" if split == Split.HELDOUT else "may train"


def prompt_page(detail: PromptDetail) -> tuple[str, str]:
    """One prompt with its answers as Markdown: (what it is, the texts)."""
    tags = f" · {escaped(', '.join(detail.tags))}" if detail.tags else ""
    facts = f"**Prompt {detail.id}** · {escaped(detail.source)}{tags} · {use_of(detail.split)}"
    parts = [text for text in conversation(detail.messages) if text]
    for position, completion in enumerate(detail.completions, start=1):
        model = escaped(completion.model or "")
        verdicts = (
            f"chosen {completion.num_chosen}, rejected {completion.num_rejected}, "
            f"undecided {completion.num_undecided}"
        )
        about = " · ".join(part for part in (completion.origin, model, verdicts) if part)
        parts.append(f"---\n\n**Answer {position}** · {about}\n\n{completion.text}")
    return facts, "\n\n".join(parts)
