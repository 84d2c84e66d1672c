"""The same rows come out of every kind of file, packed or not, whatever the file is called."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import ipc, parquet

from storage.importers.sources.reading import BadRow, read_rows

Rows = list[dict[str, Any]]
Write = Callable[[Rows], bytes]

TEXT = 'a "b", c;\td\r\ne\n\n\u2028 \U0001f600 天 [1] {"role": "x"} \\'
FLAT: Rows = [
    {"prompt": TEXT, "chosen": " x\n", "rejected": "[]"},
    {"prompt": "Q", "chosen": '{"a": 1}', "rejected": "\ufeff"},
]
NESTED: Rows = [
    {"prompt": [{"role": "user", "content": TEXT}], "chosen": [{"role": "gpt", "content": "}"}]},
    {"prompt": [{"role": "user", "content": "]"}], "chosen": [{"role": "gpt", "content": '"'}]},
]


def _jsonl(rows: Rows) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def _array(rows: Rows) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode()


def _indented(rows: Rows) -> bytes:
    return b"\xef\xbb\xbf" + json.dumps(rows, indent=2).encode() + b"\n"


def _by_name(rows: Rows) -> bytes:
    return json.dumps({str(index): row for index, row in enumerate(rows)}).encode()


def _by_name_indented(rows: Rows) -> bytes:
    return json.dumps({f"id {index}": row for index, row in enumerate(rows)}, indent=1).encode()


def _delimited(rows: Rows, delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                key: json.dumps(value) if isinstance(value, list) else value
                for key, value in row.items()
            }
        )
    return text.getvalue().encode()


def _csv(rows: Rows) -> bytes:
    return b"\xef\xbb\xbf" + _delimited(rows, ",")


def _semicolons(rows: Rows) -> bytes:
    return _delimited(rows, ";")


def _tsv(rows: Rows) -> bytes:
    return _delimited(rows, "\t")


def _parquet(rows: Rows) -> bytes:
    content = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), content)
    return content.getvalue()


def _arrow(rows: Rows, write: Callable[..., Any]) -> bytes:
    content, table = io.BytesIO(), pyarrow.Table.from_pylist(rows)
    with write(content, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    return content.getvalue()


def _arrow_stream(rows: Rows) -> bytes:
    return _arrow(rows, ipc.new_stream)


def _arrow_file(rows: Rows) -> bytes:
    return _arrow(rows, ipc.new_file)


def _zstd(content: bytes) -> bytes:
    packed = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return bytes(packed.getvalue())


KINDS: list[tuple[str, Write]] = [
    ("rows.jsonl", _jsonl),
    ("rows.json", _jsonl),
    ("rows.json", _array),
    ("rows.json", _indented),
    ("rows.jsonl", _array),
    ("rows.json", _by_name),
    ("rows.json", _by_name_indented),
    ("rows.csv", _csv),
    ("rows.csv", _semicolons),
    ("rows.csv", _jsonl),
    ("rows.TSV", _tsv),
    ("rows.parquet", _parquet),
    ("rows", _parquet),
    ("data-00000-of-00001.arrow", _arrow_stream),
    ("rows", _arrow_stream),
    ("rows.feather", _arrow_file),
    ("rows", _array),
]


@pytest.mark.parametrize("rows", [FLAT, NESTED], ids=["texts", "messages"])
@pytest.mark.parametrize("pack", ["", ".gz", ".zst"])
@pytest.mark.parametrize(("name", "write"), KINDS)
def test_rows_come_out_as_they_were_written(
    tmp_path: Path, name: str, write: Write, pack: str, rows: Rows
) -> None:
    content = write(rows)
    packed = {"": bytes, ".gz": gzip.compress, ".zst": _zstd}[pack](content)
    path = tmp_path / (name + pack)
    path.write_bytes(packed)
    assert [row for _, row in read_rows(path)] == rows


def _numbers(folder: Path, name: str, content: bytes) -> list[int]:
    path = folder / name
    path.write_bytes(content)
    return [number for number, _ in read_rows(path)]


def test_row_numbers_are_those_that_an_editor_or_a_spreadsheet_shows(tmp_path: Path) -> None:
    assert _numbers(tmp_path, "a.jsonl", b'\n{"a": 1}\n\n{"a": 2}') == [2, 4]
    assert _numbers(tmp_path, "a.json", b'{"a": 1}\n\n{"a": 2}') == [1, 3]
    assert _numbers(tmp_path, "a.json", b'[{"a": 1},\n\n{"a": 2}]') == [1, 2]
    assert _numbers(tmp_path, "a.csv", b'a,b\n"1\n2",3\n4,5') == [2, 3]
    assert _numbers(tmp_path, "a.parquet", _parquet([{"a": 1}, {"a": 2}])) == [1, 2]


def test_single_object_is_one_row_even_if_its_values_are_objects(tmp_path: Path) -> None:
    row = {
        side: {"role": role, "text": side}
        for side, role in (("prompt", "human"), ("chosen", "gpt"), ("rejected", "gpt"))
    }
    for indent in (None, 2):
        path = tmp_path / "row.json"
        path.write_text(json.dumps(row, indent=indent), "utf-8")
        assert list(read_rows(path)) == [(1, row)]


def test_array_that_is_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    rows = [{"prompt": f"{number} " + 'é"}],\\' * 9000} for number in range(40)]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    assert path.stat().st_size > 2**21
    assert [row for _, row in read_rows(path)] == rows


def test_parquet_leaves_out_what_has_no_value_and_turns_the_rest_into_json(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "prompt": pyarrow.array(["Q", None]),
            "score": [float("nan"), 1.5],
            "day": pyarrow.array([0, 1], pyarrow.date32()),
            "turns": pyarrow.array([[{"a": None, "b": 1}], []]),
        }
    )
    path = tmp_path / "rows.parquet"
    parquet.write_table(table, path)
    assert list(read_rows(path)) == [
        (1, {"prompt": "Q", "score": None, "day": "1970-01-01", "turns": [{"b": 1}]}),
        (2, {"score": 1.5, "day": "1970-01-02", "turns": []}),
    ]


def test_bytes_in_a_table_are_their_text_or_told_by_their_number(tmp_path: Path) -> None:
    picture = {"bytes": b"\x89PNG", "path": "a.png"}
    table = pyarrow.table(
        {
            "prompt": pyarrow.array(["grüße".encode(), b"\xff\xfe"], pyarrow.binary()),
            "images": [[picture], []],
        }
    )
    path = tmp_path / "rows.parquet"
    parquet.write_table(table, path)
    assert list(read_rows(path)) == [
        (1, {"prompt": "grüße", "images": [{"bytes": {"num_bytes": 4}, "path": "a.png"}]}),
        (2, {"prompt": {"num_bytes": 2}, "images": []}),
    ]


def test_bad_rows_of_an_array_leave_the_others_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"a": 1}, {"a": }, "x", {"a": NaN}, {"a": "\\ud800"}, {"a": 2}]')
    assert list(read_rows(path)) == [
        (1, {"a": 1}),
        (2, BadRow("that are not JSON")),
        (3, BadRow("that are not a JSON object")),
        (4, BadRow("with NaN or Infinity")),
        (5, BadRow("with broken Unicode")),
        (6, {"a": 2}),
    ]
