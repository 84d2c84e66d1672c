"""What the web process imports of the trainer stays light."""

import json
import subprocess
import sys

LIGHT = (
    "trainer.errors",
    "trainer.private.accelerate",
    "trainer.runs.run_folder",
    "trainer.runs.event_log",
    "trainer.runs.lock",
    "trainer.runs.manifest",
    "trainer.runs.context",
    "trainer.runs.launch",
    "trainer.models.model_source",
    "trainer.models.chat_template",
    "trainer.models.light_tokenizer",
    "trainer.models.memory_estimate",
    "trainer.recipes.tokens",
    "trainer.options.training",
    "trainer.options.generation",
    "trainer.chat.client",
    "trainer.evaluation.win_rate",
    "trainer.evaluation.diagnosis",
)
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "accelerate", "bitsandbytes"}


def test_light_modules_never_import_torch() -> None:
    code = (
        f"import importlib, json, sys; [importlib.import_module(name) for name in {LIGHT!r}]; "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert HEAVY.isdisjoint(json.loads(result.stdout))
