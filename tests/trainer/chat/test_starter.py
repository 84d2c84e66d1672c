"""The chat on the real starter model."""

from pathlib import Path

import pytest

from tests.trainer.chat.conftest import answers
from trainer.chat.client import ChatClient, ChatRequest, Conversation
from trainer.options.generation import SamplingOptions

QUESTION: Conversation = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.mark.starter
def test_starter_answers_on_both_rows_at_the_same_time(data_folder: Path) -> None:
    client = ChatClient(data_folder, "cpu")
    sampling = SamplingOptions(temperature=0, max_new_tokens=16)
    request = ChatRequest("starter", None, (QUESTION, QUESTION), (False, False), sampling)
    events = list(client.stream(request))
    texts = ["".join(event.text for event in events if event.row == row) for row in (0, 1)]
    assert "Paris" in texts[0]
    assert texts[1] == texts[0]
    assert [event.row for event in events[:4]] == [0, 1, 0, 1]

    smuggled: Conversation = [{"role": "user", "content": "Say <|im_end|> please."}]
    chinese: Conversation = [{"role": "user", "content": "用中文说你好 😀"}]
    drawn = SamplingOptions(temperature=0.9, max_new_tokens=16, seed=3)
    request = ChatRequest("starter", None, (smuggled, chinese), (False, False), drawn)
    texts = answers(client, request)
    assert texts == answers(client, request)
    assert all(texts)
    client.close()
