"""The chat through its client and a real process, on a tiny model."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.server_process import PROJECT
from tests.trainer.chat.conftest import ADAPTER, FULL_MODEL, TinyChat, answers
from tests.trainer.generation.tiny_adapter import save_tiny_adapter
from tests.trainer.tiny_model import save_full_model
from tests.waiting import wait_until
from trainer.chat.client import ChatClient, ChatEvent
from trainer.errors import TrainerError
from trainer.options.generation import SamplingOptions

pytestmark = pytest.mark.slow

LONG = SamplingOptions(max_new_tokens=400, seed=1)


def texts_of(events: list[ChatEvent]) -> dict[int, str]:
    return {
        row: "".join(event.text for event in events if event.row == row)
        for row in {event.row for event in events}
    }


def process_ids(data_folder: Path) -> list[int]:
    """Living chat processes of this data folder, by the system's own word."""
    command = f"trainer.chat.process\0--data\0{data_folder.resolve()}\0".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if command in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_both_rows_stream_and_end_with_a_reason(chat: TinyChat) -> None:
    events = list(chat.client.stream(chat.request("Hello there")))
    finished = [event for event in events if event.finished]
    assert sorted(event.row for event in finished) == [0, 1]
    assert all(event.finish_reason in ("stop", "length") for event in finished)
    assert all(event.num_tokens is not None and event.num_tokens <= 24 for event in finished)
    first_of_row = [[event.row for event in events].index(row) for row in (0, 1)]
    assert max(first_of_row) < len(events) - 2  # neither waits for the other's end
    texts = texts_of(events)
    assert texts[0] != texts[1]


def test_same_seed_gives_the_same_answers_and_another_seed_others(chat: TinyChat) -> None:
    request = chat.request("Tell me more")
    first = chat.answers(request)
    assert chat.answers(request) == first
    other = replace(request, sampling=SamplingOptions(max_new_tokens=24, seed=6))
    assert chat.answers(other) != first


def test_base_row_is_the_base_alone_in_a_batch_of_that_shape(chat: TinyChat) -> None:
    with_adapter = chat.answers(chat.request("Who are you?"))
    without = chat.answers(chat.request("Who are you?", adapters=(False, False), adapter=None))
    assert with_adapter[0] == without[0] == without[1]
    assert with_adapter[1] != with_adapter[0]


def test_rows_may_have_different_conversations(chat: TinyChat) -> None:
    first, second = chat.answers(chat.request("Hi", "Good evening to you", adapters=(False, False)))
    assert first != second


def test_changed_adapter_is_loaded_anew(chat: TinyChat, tmp_path: Path) -> None:
    folder = save_tiny_adapter(tmp_path / "adapter", Path(chat.base), seed=2)
    request = chat.request("Hello", adapter=str(folder))
    before = chat.answers(request)
    shutil.rmtree(folder)
    save_tiny_adapter(folder, Path(chat.base), seed=3)
    after = chat.answers(request)
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_more_adapters_than_are_held_at_a_time_can_be_asked(chat: TinyChat, tmp_path: Path) -> None:
    requests = [
        chat.request(
            "Hello",
            adapter=str(save_tiny_adapter(tmp_path / str(seed), Path(chat.base), seed=seed)),
        )
        for seed in range(6)
    ]
    first = [chat.answers(request) for request in requests]
    assert len({tuned for _, tuned in first}) == 6
    assert [chat.answers(request) for request in requests] == first


def test_full_model_streams_beside_the_base(chat: TinyChat) -> None:
    request = chat.request("Hello there", adapter=FULL_MODEL)
    events = list(chat.client.stream(request))
    first_of_row = [[event.row for event in events].index(row) for row in (0, 1)]
    assert max(first_of_row) < len(events) - 2  # neither waits for the other's end
    assert sorted(event.row for event in events if event.finished) == [0, 1]
    texts = texts_of(events)
    base = chat.answers(chat.request("Hello there", adapters=(False,), adapter=None))
    full = replace(request, base=str(chat.data_folder / FULL_MODEL), adapter=None,
                    conversations=request.conversations[:1], adapters=(False,))  # fmt: skip
    other = ChatClient(chat.data_folder, "cpu")
    assert [texts[0], texts[1]] == [*base, *answers(other, full)]
    other.close()
    swapped = chat.answers(chat.request("Hello there", adapter=FULL_MODEL, adapters=(True, False)))
    assert swapped == [texts[1], texts[0]]


def test_full_model_and_adapter_take_turns_in_one_process(chat: TinyChat) -> None:
    of_adapter, of_full = (chat.request("Hi", adapter=name) for name in (ADAPTER, FULL_MODEL))
    first = [chat.answers(request) for request in (of_full, of_adapter)]
    alive = process_ids(chat.data_folder)
    assert [chat.answers(request) for request in (of_full, of_adapter)] == first
    assert first[0][1] != first[1][1]
    assert process_ids(chat.data_folder) == alive


def test_changed_full_model_is_loaded_anew_and_a_damaged_one_refused(
    chat: TinyChat, tmp_path: Path
) -> None:
    folder = save_full_model(tmp_path / "model", Path(chat.base), seed=2)
    request = chat.request("Hello", adapter=str(folder))
    before = chat.answers(request)
    save_full_model(folder, Path(chat.base), seed=3)
    after = chat.answers(request)
    assert after[0] == before[0]
    assert after[1] != before[1]
    save_full_model(folder, Path(chat.base), seed=4)
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, os.SEEK_END)
        weights.write(b"\0")
    with pytest.raises(TrainerError, match=r"model\.safetensors is damaged"):
        chat.answers(request)


def test_damaged_adapter_is_refused_and_the_process_lives_on(
    chat: TinyChat, tmp_path: Path
) -> None:
    folder = save_tiny_adapter(tmp_path / "adapter", Path(chat.base))
    weights = folder / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    alive = process_ids(chat.data_folder)
    with pytest.raises(TrainerError, match=r"adapter_model\.safetensors is damaged"):
        chat.answers(chat.request("Hi", adapter=str(folder)))
    assert chat.answers(chat.request("Hi"))
    assert process_ids(chat.data_folder) == alive


def test_conversation_that_does_not_fit_is_refused(chat: TinyChat) -> None:
    with pytest.raises(TrainerError, match="does not fit into the model's 512"):
        chat.answers(chat.request("long " * 120))


def test_wrong_sampling_is_told(chat: TinyChat) -> None:
    with pytest.raises(TrainerError, match="top_p is 7"):
        chat.answers(chat.request("Hi", sampling=SamplingOptions(top_p=7)))


def test_tuned_row_without_an_adapter_is_told(chat: TinyChat) -> None:
    with pytest.raises(TrainerError, match="no adapter"):
        chat.answers(chat.request("Hi", adapter=None))


def test_closed_generator_stops_the_request(chat: TinyChat) -> None:
    stream = chat.client.stream(chat.request("Tell me a long story", sampling=LONG))
    next(stream)
    stream.close()
    request = chat.request("Hi", sampling=SamplingOptions(max_new_tokens=1))
    started = time.monotonic()
    chat.answers(request)
    after_stop = time.monotonic() - started
    started = time.monotonic()
    chat.answers(chat.request("Tell me a long story", sampling=LONG))
    assert after_stop < time.monotonic() - started


def test_killed_process_is_told_at_once_and_the_next_request_works(chat: TinyChat) -> None:
    stream = chat.client.stream(chat.request("Tell me a long story", sampling=LONG))
    next(stream)
    (pid,) = process_ids(chat.data_folder)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(TrainerError, match="killed by signal 9"):
        list(stream)
    assert chat.answers(chat.request("Hi"))
    assert process_ids(chat.data_folder) != [pid]


def test_process_killed_between_requests_goes_unnoticed(chat: TinyChat) -> None:
    before = chat.answers(chat.request("Hi"))
    (pid,) = process_ids(chat.data_folder)
    os.kill(pid, signal.SIGKILL)
    assert chat.answers(chat.request("Hi")) == before


def test_requests_of_several_threads_are_answered_one_after_the_other(chat: TinyChat) -> None:
    texts = ["Hi", "Hello", "Good day"]
    expected = [chat.answers(chat.request(text)) for text in texts]
    answered: dict[str, list[str]] = {}

    def ask(text: str) -> None:
        answered[text] = chat.answers(chat.request(text))

    threads = [threading.Thread(target=ask, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [answered.get(text) for text in texts] == expected
    assert len(process_ids(chat.data_folder)) == 1


def test_other_base_is_answered_by_a_new_process_and_close_ends_it(
    chat: TinyChat, tiny_base: Path
) -> None:
    client = ChatClient(chat.data_folder, "cpu")
    request = chat.request("Hi", adapters=(False,), adapter=None)
    others = process_ids(chat.data_folder)
    first = answers(client, request)
    assert answers(client, replace(request, base=str(tiny_base))) == first  # a copy of the model
    (pid,) = set(process_ids(chat.data_folder)) - set(others)
    client.close()
    assert pid not in process_ids(chat.data_folder)


def test_unknown_base_is_told(chat: TinyChat) -> None:
    client = ChatClient(chat.data_folder, "cpu")
    request = chat.request("Hi", adapters=(False,), adapter=None)
    with pytest.raises(TrainerError, match="nowhere"):
        answers(client, replace(request, base=str(chat.data_folder / "nowhere")))
    client.close()


def test_process_ends_when_its_client_is_killed(chat: TinyChat, tmp_path: Path) -> None:
    """As when the server is killed in the middle of an answer."""
    program = (
        "import sys; from pathlib import Path\n"
        "from trainer.chat.client import ChatClient, ChatRequest\n"
        "client = ChatClient(Path(sys.argv[1]), 'cpu')\n"
        "conversation = [{'role': 'user', 'content': 'A long story'}]\n"
        "while True:\n"
        "    list(client.stream(ChatRequest(sys.argv[2], None, (conversation,), (False,))))\n"
        "    print('answered', flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), chat.base]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"answered\n"
        assert len(process_ids(tmp_path)) == 1
        server.kill()
    wait_until(lambda: not process_ids(tmp_path), what="the end of the chat process")


def test_adapter_of_the_fixture_is_named_relative_to_the_data_folder(chat: TinyChat) -> None:
    relative = chat.answers(chat.request("Hi"))
    absolute = chat.answers(chat.request("Hi", adapter=str(chat.data_folder / ADAPTER)))
    assert relative == absolute
