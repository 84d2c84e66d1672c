"""Training's equality with TRL again, with the instructions of other processors."""

import os
import subprocess
import sys

import pytest

from tests.server_process import PROJECT

# Names by which oneDNN, which computes products on CPUs, leaves newer instructions alone.
INSTRUCTIONS = ("AVX2", "AVX512_CORE", "AVX512_CORE_BF16")


@pytest.mark.long
@pytest.mark.parametrize("instructions", INSTRUCTIONS)
def test_training_is_right_with_the_instructions_of_another_processor(instructions: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "tests/trainer/kernels",
        "tests/trainer/recipes",
    ]
    tested = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": instructions, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout[-5000:]
