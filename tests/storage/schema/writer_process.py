"""Stores verdicts without end, and prints each submit_id once it is committed.

python writer_process.py DATA_FOLDER PREFIX; started and killed by test_concurrency.
"""

import itertools
import sys
from pathlib import Path

# Started as a file, Python puts this folder on the path and not the project's.
sys.path.insert(0, str(Path(__file__).parents[3]))

from storage.data.pairs import NewCompletion, add_pair
from storage.data.prompts import add_prompt
from storage.enums import CompletionOrigin, PairOrigin, Side, Verdict
from storage.labelling.labellers import human_labeller
from storage.labelling.preferences import NewPreference, record
from storage.schema.database import open_database
from storage.settings import Settings


def _write(folder: Path, prefix: str) -> None:
    database = open_database(Settings(data_folder=folder))
    with database.session_scope() as session:
        messages = [{"role": "user", "content": f"hello {prefix}"}]
        prompt, _ = add_prompt(session, messages, source="test")
        labeller = human_labeller(session, None, "writer")
    print("ready", flush=True)
    for number in itertools.count():
        submit_id = f"{prefix}-{number}"
        with database.session_scope() as session:
            a, b = (NewCompletion(text=t, origin=CompletionOrigin.GENERATED) for t in "ab")
            pair = add_pair(session, prompt.id, a, b, origin=PairOrigin.GENERATED)
            new = NewPreference(submit_id, pair.id, labeller.id, Verdict.A, Side.A)
            record(session, new)
        print(submit_id, flush=True)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), sys.argv[2])
