"""Report what this machine offers PairTune, finding by finding.

torch is asked in a process of its own, so that the answer is what a worker would find, and so that
a broken torch becomes a finding instead of a crash.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from storage.settings import Settings
from trainer import PROJECT
from trainer.models import model_source

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "gradio", "sqlalchemy")
TORCH_TIMEOUT_SECONDS = 120


def report(settings: Settings) -> Iterator[tuple[str, str]]:
    """Name and finding, one after the other as they are found out."""
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    for package in PACKAGES:
        yield package, _version(package)
    yield from _torch_findings(settings)
    yield "starter model", _starter(settings)
    yield "data folder", str(settings.data_folder.resolve())
    yield "database", _database(settings)
    yield "free disk", _free_disk(settings.data_folder.resolve())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed: run `make run` once"


def _torch_findings(settings: Settings) -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "trainer.models.device_report", "--device", settings.device]
    environment = os.environ | model_source.worker_environment(
        model_source.STARTER, settings.data_folder
    )
    try:
        answer = subprocess.run(
            command,
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TORCH_TIMEOUT_SECONDS,
        )
        findings = json.loads(answer.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        yield "device", f"torch did not answer within {TORCH_TIMEOUT_SECONDS} seconds"
    except (IndexError, ValueError):
        reason = (answer.stderr.strip().splitlines() or ["no output"])[-1]
        yield "device", f"torch does not work: {reason}"
    else:
        yield from findings.items()


def _starter(settings: Settings) -> str:
    folder = model_source.starter_folder(settings.data_folder)
    if folder.is_dir():
        return f"converted, in {folder}"
    if model_source.starter_gguf() is not None:
        return "installed; it is converted at the first start (about 20 seconds)"
    return f"not installed; it will be fetched as {model_source.STARTER_HUB_ID}"


def _database(settings: Settings) -> str:
    if settings.database_url:
        return settings.database_url.rsplit("@", maxsplit=1)[-1]
    path = settings.data_folder / "pairtune.db"
    if not path.exists():
        return "none yet; it is made at the first start"
    return f"SQLite, {path.stat().st_size / 1024**2:.1f} MiB"


def _free_disk(folder: Path) -> str:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return f"{shutil.disk_usage(existing).free / 1024**3:.1f} GiB"
