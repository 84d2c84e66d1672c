"""The Python script that trains what a run trains, with TRL alone; never imports torch."""

from pathlib import Path
from typing import Any

from trainer.errors import TrainerError
from trainer.models import model_source
from trainer.options.arguments import config_arguments, lora_arguments
from trainer.options.presets import recipe_defaults
from trainer.options.training import RunOptions
from trainer.runs import run_folder
from trainer.runs.event_log import read_events

_HEAD = '''"""{title} with TRL alone, as in run {run_id} of PairTune."""

from pathlib import Path

import torch
from datasets import load_dataset
{from_peft}from transformers import {from_transformers}
from trl import {name}Config, {name}Trainer

RUN = Path({run!r})
MODEL = {model!r}
OUTPUT = "{output}"

tokenizer = AutoTokenizer.from_pretrained(MODEL)
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token


def rows(name):
    """Pairs of one file, without those whose prompt alone fills max_length."""
    if not (RUN / name).stat().st_size:
        return None
    data = load_dataset("json", data_files=str(RUN / name), split="train")
    data = data.select_columns(["prompt", "chosen", "rejected"])

    def fits(row):
        ids = tokenizer.apply_chat_template(
            row["prompt"], add_generation_prompt=True, return_dict=False
        )
        return len(ids) < {max_length}

    data = data.filter(fits)
    return {rows} if len(data) else None


train, heldout = rows("train.jsonl"), rows("heldout.jsonl")
'''
_MODEL = """
model = AutoModelForCausalLM.from_pretrained(
    MODEL,
    dtype=torch.{dtype},
    device_map={{"": "{device}"}},{quantization}
)
"""
_REFERENCE = """ref_model = AutoModelForCausalLM.from_pretrained(
    {base!r}, dtype=torch.float32, device_map={{"": "{device}"}}
)
"""
_ADAPTER = """model = PeftModel.from_pretrained(model, {folder!r}, is_trainable=True)
"""
_STOPPING = '''

class EnoughMargin(TrainerCallback):
    """Stops once reward accuracy and margin are high enough, as means of the last steps."""

    def __init__(self):
        self.seen = []

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "rewards/margins" in logs:
            self.seen.append((logs["rewards/accuracies"], logs["rewards/margins"]))
        last = self.seen[-{num_steps}:]
        accuracy, margin = (sum(values) / len(last) for values in zip(*last)) if last else (0, 0)
        enough = accuracy >= {rewards_accuracies} and margin >= {rewards_margins}
        if enough and len(last) == {num_steps}:
            control.should_training_stop = True

'''
_TRAINER = """
args = {name}Config(
    output_dir=OUTPUT,
{arguments}
)
trainer = {name}Trainer(
    model=model,{reference}
    args=args,
    train_dataset=train,
    eval_dataset=heldout,
    processing_class=tokenizer,
    peft_config={lora},
    callbacks={callbacks},
)
"""
_TAIL = """for weight in trainer.model.parameters():
    if weight.requires_grad:
        weight.data = weight.data.float()  # in 16 bits, small updates would be lost
trainer.train()
trainer.save_model(OUTPUT)
"""


def plain_script(folder: Path, data_folder: Path) -> str:
    """A script that trains what the run in `folder` trains, from its frozen pairs.

    It takes the device and dtype that the run has used. Raises TrainerError for other kinds than
    dpo and sft, and for a run that has not started yet.
    """
    spec = run_folder.read_spec(folder)
    if spec.kind not in ("dpo", "sft"):
        raise TrainerError(f"There is no script for runs of the kind {spec.kind}.")
    started = _started(folder)
    defaults = recipe_defaults(spec.kind, spec.options)
    options = RunOptions.from_dict(spec.options, defaults=defaults)
    name = spec.kind.upper()
    is_dpo, is_full = spec.kind == "dpo", options.trains_full_model
    stopping = options.stopping if is_dpo else None
    goes_on = spec.adapter is not None
    holds_to_base = is_dpo and goes_on and is_full and options.training.reference == "base"
    base = model_source.location(spec.base, data_folder)
    ran = {name: started[name] for name in ("device", "dtype", "num_heldout")}
    arguments = {"save_strategy": "no", **config_arguments(spec.kind, options, **ran)}
    parts = [
        _head(folder, data_folder, name, options),
        _model(started, options),
        _ADAPTER.format(folder=str(data_folder / (spec.adapter or "")))
        if goes_on and not is_full
        else "",
        _REFERENCE.format(base=base, device=started["device"]) if holds_to_base else "",
        _STOPPING.format(**vars(stopping)) if stopping else "",
        _TRAINER.format(
            name=name,
            reference="\n    ref_model=ref_model," if holds_to_base else "",
            arguments=_lines(arguments),
            lora="None" if goes_on or is_full else _lora(options),
            callbacks="[EnoughMargin()]" if stopping else "[]",
        ),
        _reference(options) if is_dpo and goes_on and not is_full else "",
        _TAIL,
    ]
    return "".join(parts)


def _started(folder: Path) -> dict[str, Any]:
    events, _ = read_events(folder, 0)
    started = next((event for event in events if event["type"] == "started"), None)
    if started is None:
        raise TrainerError("The script is here as soon as the run has started.")
    return started


def _head(folder: Path, data_folder: Path, name: str, options: RunOptions) -> str:
    spec = run_folder.read_spec(folder)
    from_transformers = ["AutoModelForCausalLM", "AutoTokenizer"]
    if options.quantization:
        from_transformers.append("BitsAndBytesConfig")
    if options.stopping and name == "DPO":
        from_transformers.append("TrainerCallback")
    is_full = options.trains_full_model
    from_peft = "PeftModel" if spec.adapter else "LoraConfig"
    start = str(data_folder / spec.adapter) if spec.adapter and is_full else None
    answers = 'data.remove_columns("rejected").rename_column("chosen", "completion")'
    return _HEAD.format(
        title={"DPO": "Direct preference optimisation", "SFT": "Supervised fine-tuning"}[name],
        run_id=spec.id,
        from_peft="" if is_full else f"from peft import {from_peft}\n",
        from_transformers=", ".join(from_transformers),
        name=name,
        run=str(folder.resolve()),
        model=start or model_source.location(spec.base, data_folder),
        output=f"{run_folder.folder_name(spec.id, spec.kind)}-plain",
        max_length=options.training.max_length,
        rows="data" if name == "DPO" else answers,
    )


def _model(started: dict[str, Any], options: RunOptions) -> str:
    lines = ""
    if options.quantization:
        values = dict(options.to_dict()["quantization"])
        lines = f"\n    quantization_config=BitsAndBytesConfig(\n{_lines(values, 8)}\n    ),"
    # A full model keeps float32 weights, also where it computes in 16 bits.
    dtype = "float32" if options.trains_full_model else started["dtype"]
    return _MODEL.format(dtype=dtype, device=started["device"], quantization=lines)


def _lora(options: RunOptions) -> str:
    values = {"task_type": "CAUSAL_LM", **lora_arguments(options)}
    return f"LoraConfig(\n{_lines(values, 8)}\n    )"


def _reference(options: RunOptions) -> str:
    """How a run that goes on from an adapter treats TRL's frozen copy of it."""
    if options.training.reference == "base":
        return 'trainer.model.delete_adapter("ref")  # the reference is the base without any\n'
    return (
        "for name, module in trainer.model.named_modules():\n"
        '    if name.endswith("lora_dropout.ref") and isinstance(module, torch.nn.Dropout):\n'
        "        module.p = 0.0  # the reference is frozen\n"
    )


def _lines(values: dict[str, Any], indent: int = 4) -> str:
    return "\n".join(f"{' ' * indent}{name}={value!r}," for name, value in values.items())
