"""Events as they are appended and read, also after a worker was killed."""

from pathlib import Path

from trainer.runs.event_log import EventWriter, last_ending, read_events


def test_events_are_numbered_on_after_a_killed_worker(folder: Path) -> None:
    EventWriter(folder).write("started", num_train=2)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"seq": 2, "type": "progr')
    EventWriter(folder).write("started", num_train=3)
    events, _ = read_events(folder, 0)
    assert [(event["seq"], event["num_train"]) for event in events] == [(1, 2), (2, 3)]


def test_reader_leaves_an_unfinished_line_for_later(folder: Path) -> None:
    writer = EventWriter(folder)
    writer.write("started")
    events, offset = read_events(folder, 0)
    assert [event["type"] for event in events] == ["started"]
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"seq": 2, "type": "warning"')
        file.flush()
        assert read_events(folder, offset) == ([], offset)
        file.write(b"}\n")
    events, offset = read_events(folder, offset)
    assert [event["type"] for event in events] == ["warning"]
    assert offset == (folder / "events.jsonl").stat().st_size


def test_values_that_are_not_finite_become_null(folder: Path) -> None:
    EventWriter(folder).write("metrics", values={"loss": float("nan"), "all": [float("inf"), 1.5]})
    events, _ = read_events(folder, 0)
    assert events[0]["values"] == {"loss": None, "all": [None, 1.5]}


def test_damaged_line_is_reported_and_the_others_are_read(folder: Path) -> None:
    (folder / "events.jsonl").write_bytes(b'\x00\x00\n{"seq": 2, "type": "finished"}\n')
    events, _ = read_events(folder, 0)
    assert [event["type"] for event in events] == ["warning", "finished"]


def test_ending_of_an_earlier_life_does_not_count(folder: Path) -> None:
    writer = EventWriter(folder)
    assert last_ending(folder) is None
    writer.write("cancelled")
    assert (last_ending(folder) or {})["type"] == "cancelled"
    writer.write("started")
    assert last_ending(folder) is None
