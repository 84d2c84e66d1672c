from dataclasses import replace

from app.wording.imports import dropped_rows, import_summary
from storage.importers.report import ImportReport


def test_an_import_names_what_was_left_out_and_why() -> None:
    report = ImportReport("hh-rlhf raw", 10, 0, 7, 0, 0, {"equal": [2, 5], "empty": [9]})
    report = replace(report, dropped_counts={"equal": 2, "empty": 1})
    line = import_summary(report)
    assert "10 rows" in line
    assert "3 dropped" in line
    assert "2 equal" in line
    assert "rows 2, 5" in dropped_rows(report)
