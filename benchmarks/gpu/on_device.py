"""A plug-in of pytest: the trainers that tests make are on the device.

python -m pytest -p benchmarks.gpu.on_device tests/stages/test_tricks_together.py
"""

import pytest

from benchmarks.gpu.setting import DEVICE
from tests import training


def pytest_configure(config: pytest.Config) -> None:
    """Before any test is collected."""
    training.CPU = DEVICE
