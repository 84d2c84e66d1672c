"""Reading jsonl: a bad row is reported with its number, and never stops the file."""

from pathlib import Path

import pytest

from storage.errors import InputError
from storage.importers.sources.reading import BadRow, read_rows

GOOD = b'{"prompt": "hi"}'

BAD_ROWS = [
    (b"hello", "that are not JSON"),
    (b'{"prompt": "hi"', "that are not JSON"),
    (b'{"prompt": "hi"} {"prompt": "ho"}', "that are not JSON"),
    (b"{'prompt': 'hi'}", "that are not JSON"),
    (b'{"prompt": "a\x00b"}', "that are not JSON"),
    (b'{"prompt": "a\tb"}', "that are not JSON"),
    (b'{"prompt": ' + b"9" * 5000 + b"}", "that are not JSON"),
    (b'["prompt", "hi"]', "that are not a JSON object"),
    (b'"prompt"', "that are not a JSON object"),
    (b"null", "that are not a JSON object"),
    (b'{"prompt": NaN}', "with NaN or Infinity"),
    (b'{"prompt": "hi", "score": -Infinity}', "with NaN or Infinity"),
    (b'{"prompt": "hi", "prompt": "ho"}', "with the same key twice"),
    (b'{"a": {"b": 1, "b": 2}}', "with the same key twice"),
    (b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    (b'{"prompt": "\\ud83d"}', "with broken Unicode"),
    (b'{"messages": [{"role": "user", "content": "\\udc00x"}]}', "with broken Unicode"),
    (b'{"\\ud800": 1}', "with broken Unicode"),
    (b'{"prompt": "a\\u0000b"}', "with a NUL character"),
    (b'{"prompt": "\xff\xfe"}', "that are not UTF-8"),
    ("grüße".encode("latin-1"), "that are not UTF-8"),
    ('{"prompt": "hi"}'.encode("utf-16"), "that are not UTF-8"),
]


def _write(folder: Path, *lines: bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(b"\n".join(lines))
    return path


@pytest.mark.parametrize(("line", "reason"), BAD_ROWS)
def test_bad_row_is_reported_and_its_neighbours_are_kept(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = _write(tmp_path, GOOD, line, GOOD)
    assert list(read_rows(path)) == [
        (1, {"prompt": "hi"}),
        (2, BadRow(reason)),
        (3, {"prompt": "hi"}),
    ]


def test_text_comes_through_exactly(tmp_path: Path) -> None:
    text = ' \u2028\u2029 "\\ \U0001f600\u0301 \x7f\r\n\t end '
    escaped = b'{"prompt": " \xe2\x80\xa8\\u2029 \\"\\\\ \\ud83d\\ude00\\u0301 \x7f\\r\\n\\t end "}'
    assert list(read_rows(_write(tmp_path, escaped))) == [(1, {"prompt": text})]


def test_byte_order_mark_windows_line_ends_and_empty_lines_are_no_problem(tmp_path: Path) -> None:
    path = _write(tmp_path, b"\xef\xbb\xbf" + GOOD + b"\r", b"", b"  \r", GOOD, b"")
    assert [number for number, _ in read_rows(path)] == [1, 4]
    assert all(row == {"prompt": "hi"} for _, row in read_rows(path))


def test_escaped_backslash_before_a_u_is_plain_text(tmp_path: Path) -> None:
    path = _write(tmp_path, b'{"prompt": "C:\\\\ud800\\\\u0000"}')
    assert list(read_rows(path)) == [(1, {"prompt": "C:\\ud800\\u0000"})]


def test_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing.jsonl cannot be read: No such file"):
        list(read_rows(tmp_path / "missing.jsonl"))
    with pytest.raises(InputError, match="Is a directory"):
        list(read_rows(tmp_path))
