"""Small preference files for tests, in the forms that people have."""

import json

QUESTIONS = (
    "Name one fruit that is yellow.",
    "What is the capital of Italy?",
    "Say hello in French.",
    "How many legs does a spider have?",
    "Give me a name for a black cat.",
    "What colour is the sky at noon?",
    "Name a tool to drive a nail.",
    "Which month comes after May?",
    "What do bees make?",
    "Name one planet that is not Earth.",
    "What is two plus three?",
    "Name an animal that can fly.",
)


def hh_rlhf(questions: tuple[str, ...] = QUESTIONS) -> bytes:
    """One hh-rlhf row for each question, in its raw form."""
    return jsonl(
        [
            {
                "chosen": f"\n\nHuman: {question}\n\nAssistant: Gladly: here is an answer.",
                "rejected": f"\n\nHuman: {question}\n\nAssistant: Find out yourself.",
            }
            for question in questions
        ]
    )


def labelled_pairs(num_pairs: int) -> bytes:
    """Pairs with a verdict, in TRL's conversational form; short answers are chosen."""
    return jsonl(
        [
            {
                "prompt": [{"role": "user", "content": f"Tell me about the number {number}."}],
                "chosen": [{"role": "assistant", "content": f"{number} is a number."}],
                "rejected": [
                    {
                        "role": "assistant",
                        "content": f"Well, {number} is a number, and there is a lot to say of it.",
                    }
                ],
            }
            for number in range(num_pairs)
        ]
    )


def jsonl(rows: list[dict[str, object]]) -> bytes:
    """Rows as JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
