"""The demonstration: prefer short answers, click to train, and get shorter answers.

`make demo` starts a real server on a new data folder and goes through the loop by plain HTTP:
generate pairs, prefer the shorter answer of each, train with the preset `quick`, and compare base
and tuned answers to held-out prompts with the same seeds. It ends with exit code 1 if the tuned
answers are not 25 to 70 % shorter on average, or are no answers any more.
"""

import argparse
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.http_api import Api
from tests.server_process import ServerProcess
from tests.waiting import wait_until

NUM_PAIRS = 56
NUM_HELDOUT = 20
MAX_NEW_TOKENS = 224
LIMIT_SECONDS = 3600.0  # for one run
MIN_SHORTER, MAX_SHORTER = 0.25, 0.70


@dataclass(frozen=True)
class Answers:
    """What base and tuned said to one held-out prompt."""

    prompt: str
    base: str
    tuned: str


def main() -> int:
    """Run the demonstration and print its table; 0 if it shows what it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="keep the project in this new folder")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pairtune-demo-") as temporary:
        server = ServerProcess(given.data or Path(temporary) / "data").start()
        try:
            answers = _go_through_the_loop(server.api)
        finally:
            server.stop()
    good = _report(answers)
    print(f"\nThe whole demonstration took {(time.monotonic() - began) / 60:.1f} minutes.")
    return 0 if good else 1


def _go_through_the_loop(api: Api) -> list[Answers]:
    sampling = {"max_new_tokens": MAX_NEW_TOKENS}
    _say(f"Generating {NUM_PAIRS} pairs of answers with the starter model ...")
    generation = api.call("generate_pairs", NUM_PAIRS, "starter", sampling)["run_id"]
    made = _wait(api, generation, "pairs")
    _say(f"{made['summary']['pairs']} pairs; dropped: {made['summary']['dropped']}")

    num_labelled = _prefer_shorter(api)
    _say(f"{num_labelled} pairs labelled: the shorter answer is preferred.")

    run_id = api.call("start_run", "dpo", {"preset": "quick"})["run_ids"][0]
    trained = _wait(api, run_id, "steps")
    metrics = {name: points[-1][1] for name, points in trained["curves"].items()}
    _say(
        f"Trained for {trained['step']} steps in {trained['row']['seconds']:.0f} s: "
        f"reward accuracy {metrics['rewards/accuracies']:.2f}, "
        f"margin {metrics['rewards/margins']:.2f}."
    )

    _say(f"Comparing base and tuned on {NUM_HELDOUT} held-out prompts, same seeds ...")
    prompts = [c[-1]["content"] for c in api.call("heldout_prompts", 200) if len(c) == 1]
    return [
        _compare(api, prompt, trained["adapter_id"], {**sampling, "seed": seed})
        for seed, prompt in enumerate(prompts[:NUM_HELDOUT])
    ]


def _wait(api: Api, run_id: int, unit: str) -> dict[str, Any]:
    """Follow a run to its end, with a line whenever another fifth is done."""
    said = 0

    def ended() -> dict[str, Any] | None:
        nonlocal said
        status: dict[str, Any] = api.call("run_status", run_id)
        done, total = status["step"], status["num_steps"]
        if done and total and done * 5 // total > said:
            said = done * 5 // total
            _say(f"  run {run_id}: {done} of {total} {unit}")
        return None if status["row"]["status"] in ("queued", "running") else status

    status = wait_until(ended, what=f"the end of run {run_id}", timeout=LIMIT_SECONDS, pause=1.0)
    state = status["row"]["status"]
    if state != "finished":
        raise SystemExit(f"Run {run_id} {state}: {status['row']['error']}\n{status['log']}")
    return status


def _prefer_shorter(api: Api) -> int:
    number = 0
    screen = api.call("submit_and_next", "", None, "")
    while (pair := screen["current"]) is not None:
        left, right = num_words(pair["left"]), num_words(pair["right"])
        verdict = "tie" if left == right else "left" if left < right else "right"
        screen = api.call("submit_and_next", uuid.uuid4().hex, pair["pair_id"], verdict)
        number += 1
    return number


def _compare(api: Api, prompt: str, adapter_id: int, sampling: dict[str, Any]) -> Answers:
    answer = api.call("compare", prompt, adapter_id, sampling)
    return Answers(prompt, base=answer["left_text"], tuned=answer["right_text"])


def _report(answers: list[Answers]) -> bool:
    base = [num_words(answer.base) for answer in answers]
    tuned = [num_words(answer.tuned) for answer in answers]
    shorter = 1 - sum(tuned) / sum(base)
    num_empty = sum(number == 0 for number in tuned)
    base_loops = sum(repeats_itself(answer.base) for answer in answers)
    tuned_loops = sum(repeats_itself(answer.tuned) for answer in answers)
    print(f"\n{'held-out prompt':58} {'base':>6} {'tuned':>6}   (words)")
    for answer, was, now in zip(answers, base, tuned, strict=True):
        print(f"{answer.prompt.splitlines()[0][:57]:58} {was:6} {now:6}")
    print(f"{'mean':58} {sum(base) / len(base):6.1f} {sum(tuned) / len(tuned):6.1f}")
    print(
        f"\nTuned answers are {shorter:.0%} shorter (expected {MIN_SHORTER:.0%} to "
        f"{MAX_SHORTER:.0%}); {num_empty} are empty; repetition loops: base {base_loops}, "
        f"tuned {tuned_loops}."
    )
    for answer in answers[:3]:
        print(f"\n> {answer.prompt}\n  BASE:  {answer.base}\n  TUNED: {answer.tuned}")
    return MIN_SHORTER <= shorter <= MAX_SHORTER and not num_empty and not tuned_loops


def num_words(text: str) -> int:
    """Words between white space."""
    return len(text.split())


def repeats_itself(text: str) -> bool:
    """Whether an answer runs in circles: over half of its four-word sequences come again."""
    words = text.lower().split()
    fours = [tuple(words[start : start + 4]) for start in range(len(words) - 3)]
    return len(fours) >= 16 and len(set(fours)) < len(fours) / 2


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
