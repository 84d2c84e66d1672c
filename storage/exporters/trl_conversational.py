"""Writes jsonl in TRL's conversational preference format, one row a decided pair.

Columns: prompt, chosen and rejected as lists of messages, pair_id, and split (train or heldout).
"""

import json
from pathlib import Path

from sqlalchemy.orm import Session

from storage.enums import Split
from storage.snapshots import freeze


def export_file(session: Session, path: Path) -> int:
    """Write all decided pairs by consensus; return how many rows there are.

    The file appears under its name only when it is complete.
    """
    snapshot = freeze(session)
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("w", encoding="utf-8", newline="\n") as file:
        for split, rows in ((Split.TRAIN, snapshot.train), (Split.HELDOUT, snapshot.heldout)):
            for row in rows:
                file.write(json.dumps({**row, "split": split}, ensure_ascii=False) + "\n")
    unfinished.replace(path)
    return len(snapshot.train) + len(snapshot.heldout)
