"""Verdicts and a pair's history in words: table cells, sentences and Markdown. Pure."""

from app.wording.conversations import conversation, use_of
from app.wording.text import NOTHING, duration, escaped
from storage.labelling.history import AnswerRow, PairHistory, VerdictRow

VERDICT_WORDS = {
    "a": "A is better",
    "b": "B is better",
    "tie": "tie",
    "both_bad": "both bad",
    "skip": "skipped",
}


def verdict_state(row: VerdictRow) -> str:
    """Whether a verdict counts."""
    if row.superseded_by is not None:
        return f"replaced by {row.superseded_by}"
    return "counts" if row.withdrawn_at is None else "withdrawn"


def verdict_label(row: VerdictRow) -> str:
    """A verdict in a list of choices: "12 · A is better · ann · counts"."""
    return f"{row.id} · {VERDICT_WORDS[row.verdict]} · {row.labeller} · {verdict_state(row)}"


def history_page(history: PairHistory) -> tuple[str, str]:
    """One pair as Markdown: (what it is and who decided what, the texts)."""
    facts = (
        f"**Pair {history.id}** · {history.origin} · round {history.round} · "
        f"prompt {history.prompt_id} · {escaped(history.source)} · {use_of(history.split)}"
    )
    verdicts = [f"- {_verdict_sentence(row)}" for row in history.verdicts] or ["- No verdict yet."]
    texts = [text for text in conversation(history.messages) if text]
    for name, answer in (("A", history.a), ("B", history.b)):
        texts.append(f"---\n\n**Answer {name}** · {_origin(answer)}\n\n{answer.text}")
    return "\n\n".join((facts, "\n".join(verdicts))), "\n\n".join(texts)


def _origin(answer: AnswerRow) -> str:
    names = [escaped(name) for name in (answer.model, answer.adapter) if name]
    sampling = ", ".join(f"{name} {value}" for name, value in (answer.sampling or {}).items())
    return " · ".join([answer.origin, *names, *([escaped(sampling)] if sampling else [])])


def _verdict_sentence(row: VerdictRow) -> str:
    parts = [
        f"Verdict {row.id}: **{VERDICT_WORDS[row.verdict]}**",
        f"{escaped(row.labeller)} ({row.kind.replace('_', ' ')})",
        f"{row.created_at:%Y-%m-%d %H:%M} UTC",
        NOTHING if row.seconds is None else f"took {duration(row.seconds)}",
        "" if row.left is None else f"{row.left.upper()} was shown left",
        "" if row.strength is None else f"strength {row.strength:g}",
        verdict_state(row),
        "" if not row.rationale else f"“{escaped(row.rationale)}”",
    ]
    return " · ".join(part for part in parts if part and part != NOTHING)
