"""Some fifty broken files: each gives a report with row numbers and reasons, or one clear error."""

import gzip
import io
import json
from contextlib import suppress
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from storage.errors import InputError
from tests.storage.importing_files import inspect_file

GOOD = b'{"prompt": "Q", "chosen": "good", "rejected": "bad"}'
HEADER = b"prompt,chosen,rejected\n"
NESTED = b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def _lines(*bad: bytes) -> bytes:
    return b"\n".join([GOOD, *bad])


def _parquet(*, prompt: pyarrow.Array) -> bytes:
    content = io.BytesIO()
    chosen, rejected = (pyarrow.array([text] * len(prompt)) for text in ("good", "bad"))
    table = pyarrow.table({"prompt": prompt, "chosen": chosen, "rejected": rejected})
    parquet.write_table(table, content)
    return content.getvalue()


PARQUET = _parquet(prompt=pyarrow.array(["Q", "R"]))
NOT_UTF_8 = pyarrow.Array.from_buffers(
    pyarrow.string(),
    2,
    [None, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"Q\xff")],
)
NUL = pyarrow.array(["Q", "a\0b"])
BINARY = pyarrow.array([b"Q", b"\x89PNG"], pyarrow.binary())

REPORTED: list[tuple[str, bytes, dict[str, list[int]]]] = [
    ("cut.jsonl", _lines(GOOD[:20]), {"that are not JSON": [2]}),
    ("quotes.jsonl", _lines(b"{'prompt': 'Q'}"), {"that are not JSON": [2]}),
    ("two.jsonl", _lines(GOOD + GOOD), {"that are not JSON": [2]}),
    ("commas.jsonl", _lines(GOOD + b",", GOOD), {"that are not JSON": [2], "repeated": [3]}),
    ("latin.jsonl", _lines('{"prompt": "grüße"}'.encode("latin-1")), {"that are not UTF-8": [2]}),
    ("nul.jsonl", _lines(b'{"prompt": "a\\u0000"}'), {"with a NUL character": [2]}),
    ("half.jsonl", _lines(b'{"prompt": "\\ud83d"}'), {"with broken Unicode": [2]}),
    ("nan.jsonl", _lines(b'{"prompt": "Q", "score": NaN}'), {"with NaN or Infinity": [2]}),
    ("deep.jsonl", _lines(NESTED), {"nested too deeply": [2]}),
    ("deep.json", b"[" + GOOD + b"," + NESTED + b"]", {"nested too deeply": [2]}),
    ("number.jsonl", _lines(b'{"x": ' + b"9" * 5000 + b"}"), {"that are not JSON": [2]}),
    ("keys.jsonl", _lines(b'{"a": 1, "a": 2}'), {"with the same key twice": [2]}),
    ("scalars.jsonl", _lines(b"1", b"null", b'"x"'), {"that are not a JSON object": [2, 3, 4]}),
    ("columns.jsonl", _lines(b'{"title": "x"}', b"{}"), {"of an unknown format": [2, 3]}),
    ("types.jsonl", _lines(b'{"prompt": 5}'), {"with content that is not text": [2]}),
    ("cut.json", b"[" + GOOD + b"," + GOOD[:25], {"that are not JSON": [2]}),
    ("unclosed.json", b"[" + GOOD + b', {"prompt": "R"}', {}),
    ("after.json", b"[" + GOOD + b"] and more", {"that are not JSON": [2]}),
    ("comma.json", b"[" + GOOD + b",,]", {}),
    ("mixed.json", b"[" + GOOD + b', 1, "x", [2]]', {"that are not a JSON object": [2, 3, 4]}),
    ("broken.json", b'{"0": ' + GOOD + b', "1": {"prompt": }}', {"that are not JSON": [2]}),
    ("ragged.csv", HEADER + b"Q,good,bad\nR,x\nS,x,y,z\n",
     {"with fewer cells than columns": [3], "with more cells than columns": [4]}),
    ("quote.csv", HEADER + b'Q,good,bad\n"R"x,y,z\n"S,t,u\nv,w,x',
     {"with a quotation mark out of place": [3, 4]}),
    ("latin.csv", HEADER + "Q,good,bad\nR,grüße,x\n".encode("latin-1"),
     {"that are not UTF-8": [3]}),
    ("nul.csv", HEADER + b"Q,good,bad\nR,a\0b,x\n", {"with a NUL character": [3]}),
    ("bytes.parquet", _parquet(prompt=NOT_UTF_8), {"that are not UTF-8": [2]}),
    ("nul.parquet", _parquet(prompt=NUL), {"with a NUL character": [2]}),
    ("binary.parquet", _parquet(prompt=BINARY), {"of an unknown format": [2]}),
]  # fmt: skip

REFUSED: list[tuple[str, bytes, str]] = [
    ("empty.jsonl", b"", "is empty"),
    ("empty.json", b"[]", "is empty"),
    ("empty.csv", b"", "must name the columns"),
    ("header.csv", HEADER, "is empty"),
    ("twice.csv", b"prompt,prompt\nQ,R\n", "each name once"),
    ("empty.json.gz", gzip.compress(b""), "is empty"),
    ("cut.jsonl.gz", gzip.compress(_lines(*[GOOD] * 99))[:-20], "packed, but damaged or cut off"),
    ("no.jsonl.gz", b"\x1f\x8bjunk", "packed, but damaged"),
    ("no.jsonl.zst", b"\x28\xb5\x2f\xfdjunk", "packed, but damaged"),
    ("cut.parquet", PARQUET[: len(PARQUET) // 2], "no sound parquet"),
    ("no.parquet", b"PAR1junkPAR1", "no sound parquet"),
    ("cut.arrow", b"\xff\xff\xff\xff\x10\x00\x00\x00junk", "no sound Arrow"),
    ("no.feather", b"ARROW1\0\0junk", "no sound Arrow"),
    ("cut.parquet.gz", gzip.compress(PARQUET[:-3]), "no sound parquet"),
    ("page.jsonl", b"<!doctype html>\n<title>404</title>", "2 that are not JSON"),
    ("page.csv", b"<!doctype html>\n<title>404</title>", "1 of an unknown format"),
    ("picture.png", b"\x89PNG\r\n\x1a\n\0\0", "that are not UTF-8"),
    ("wide.jsonl", GOOD.decode().encode("utf-16"), "that are not UTF-8"),
    ("object.json", b"{", "that are not JSON"),
    ("string.json", b'{"prompt": "Q', "that are not JSON"),
    ("deep.json", b"[" * 200_000, "nested too deeply"),
    ("deeper.json", b'{"a":' * 200_000, "nested too deeply"),
    ("brackets.json", b"]]}}[[", "that are not"),
]


@pytest.mark.parametrize(
    ("name", "content", "dropped"), REPORTED, ids=[case[0] for case in REPORTED]
)
def test_broken_file_is_reported_row_by_row_and_good_rows_are_kept(
    tmp_path: Path, name: str, content: bytes, dropped: dict[str, list[int]]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    report = inspect_file(path)
    assert report.dropped == dropped
    assert report.examples[0].messages == [{"role": "user", "content": "Q"}]


@pytest.mark.parametrize(("name", "content", "message"), REFUSED, ids=[case[0] for case in REFUSED])
def test_file_without_a_usable_row_gives_one_clear_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        inspect_file(path)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.csv", "rows", "rows.parquet"])
def test_file_that_breaks_off_anywhere_is_never_a_surprise(tmp_path: Path, name: str) -> None:
    row = {"prompt": 'Q"\\', "chosen": [{"role": "assistant", "content": "é"}], "n": [1, {}]}
    path = tmp_path / name
    for whole in (json.dumps([row, row]).encode(), json.dumps(row, indent=1).encode(), PARQUET):
        for end in range(0, len(whole), 7):
            path.write_bytes(whole[:end])
            with suppress(InputError):
                inspect_file(path)
