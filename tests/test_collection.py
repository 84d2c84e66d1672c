"""Test processes beside each other must collect the same tests: ids are stable text."""

import os
import subprocess
import sys

import pytest

from tests.server_process import PROJECT


def _collected(hash_seed: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    found = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-2000:]
    return [line for line in found.stdout.splitlines() if "::" in line]


@pytest.mark.long
def test_every_process_collects_the_same_tests_under_the_same_names() -> None:
    # Each takes seconds, so what holds the time or a hash in its name differs between the two.
    first, second = _collected("1"), _collected("2")
    assert len(first) > 1000
    assert first == second
    assert all(name.isprintable() for name in first)
