"""A data folder with a tiny model and an adapter, and a client on it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.trainer.generation.tiny_adapter import save_tiny_adapter
from tests.trainer.tiny_model import save_full_model
from trainer.chat.client import ChatClient, ChatRequest, Conversation
from trainer.options.generation import SamplingOptions

ADAPTER = "runs/0001-dpo/adapter"
FULL_MODEL = "runs/0002-dpo/model"


@dataclass(frozen=True)
class TinyChat:
    """A client, and requests to the tiny model that it can answer."""

    data_folder: Path
    base: str
    client: ChatClient

    def answers(self, request: ChatRequest) -> list[str]:
        """What the client answers, one text for each row."""
        return answers(self.client, request)

    def request(
        self,
        *texts: str,
        adapters: tuple[bool, ...] = (False, True),
        adapter: str | None = ADAPTER,
        sampling: SamplingOptions | None = None,
    ) -> ChatRequest:
        """One row for each of `adapters`; a single text is asked in all rows."""
        texts = texts if len(texts) == len(adapters) else texts[:1] * len(adapters)
        conversations: tuple[Conversation, ...] = tuple(
            [{"role": "user", "content": text}] for text in texts
        )
        sampling = sampling or SamplingOptions(max_new_tokens=24, seed=5)
        return ChatRequest(self.base, adapter, conversations, adapters, sampling)


def answers(client: ChatClient, request: ChatRequest) -> list[str]:
    """The answers from their streams, one for each row."""
    texts = [""] * len(request.conversations)
    for event in client.stream(request):
        texts[event.row] += event.text
    return texts


@pytest.fixture(scope="module")
def chat(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyChat]:
    """A chat process on the tiny model; its base lies in a folder of its own."""
    data_folder = tmp_path_factory.mktemp("chat") / "data"
    base = data_folder / "models" / "tiny"
    shutil.copytree(tiny_base, base)
    save_tiny_adapter(data_folder / ADAPTER, base)
    save_full_model(data_folder / FULL_MODEL, base)
    client = ChatClient(data_folder, "cpu")
    yield TinyChat(data_folder, str(base), client)
    client.close()
