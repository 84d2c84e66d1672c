"""Label Studio's pairwise tasks: the data, and per annotator which side was selected."""

from collections.abc import Iterator, Mapping
from typing import Any

from storage.importers.formats.prompts_only import prompt_messages
from storage.importers.parsed import NO_PROMPT, Dropped, Judgement, Parsed, checked_pair
from storage.importers.verdict_codes import winner_of

NAME = "Label Studio"
COLUMNS = frozenset({"data", "annotations"})

_SIDES = (("text1", "text2"), ("answer1", "answer2"), ("response1", "response2"))
_PROMPTS = ("prompt", "question", "instruction")


def recognises(row: Mapping[str, Any]) -> bool:
    """Whether the row is a task whose data has two texts."""
    return isinstance(row.get("data"), Mapping) and _sides(row["data"]) is not None


def parse(row: Mapping[str, Any]) -> Parsed:
    """Return the pair with each annotator's verdict; without any it waits for labelling."""
    data = row["data"]
    a, b = _sides(data) or _SIDES[0]
    prompt = next((data[name] for name in _PROMPTS if name in data), None)
    if prompt is None:
        return Dropped(NO_PROMPT)
    found = tuple(_judgements(row.get("annotations")))
    return checked_pair(
        prompt_messages(prompt),
        data[a] if isinstance(data[a], str) else None,
        data[b] if isinstance(data[b], str) else None,
        verdict=found[0].verdict if found else None,
        annotations=found,
    )


def _sides(data: Mapping[str, Any]) -> tuple[str, str] | None:
    return next((sides for sides in _SIDES if all(name in data for name in sides)), None)


def _judgements(annotations: Any) -> Iterator[Judgement]:
    for annotation in annotations if isinstance(annotations, list) else []:
        if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
            continue
        results = annotation.get("result")
        for result in results if isinstance(results, list) else []:
            if isinstance(result, Mapping) and result.get("type") == "pairwise":
                value = result.get("value")
                selected = value.get("selected") if isinstance(value, Mapping) else None
                if (verdict := winner_of(selected)) is not None:
                    yield Judgement(verdict, annotator=_name(annotation.get("completed_by")))


def _name(completed_by: Any) -> str:
    if isinstance(completed_by, Mapping):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return completed_by if isinstance(completed_by, str) else f"annotator {completed_by or 1}"
