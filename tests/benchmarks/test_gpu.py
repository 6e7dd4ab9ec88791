"""The parts of the GPU check, at the tiny size that they have without a GPU."""

import importlib

import pytest

from benchmarks.gpu.__main__ import PARTS
from benchmarks.gpu.setting import SMOKE

EXPECTED = {
    "derivatives": "| 8 | 4 | 8 |",
    "resuming": "resumed: the same bit for bit",
    "steps": "| 16 | 4 | plain, tf32 |",
    "waits": "8 px, batch 4",
    "around": "a checkpoint: ",
    "whole": "progan r4: exit code 0",
    "compiling": "with a compiled generator",
}


@pytest.mark.skipif(not SMOKE, reason="here is a GPU: run python -m benchmarks.gpu")
@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs(part: str, capfd: pytest.CaptureFixture[str]) -> None:
    importlib.import_module(f"benchmarks.gpu.{part}").main(60)
    assert EXPECTED[part] in capfd.readouterr().out
