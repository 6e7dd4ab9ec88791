"""Check one GPU, a part at a time, each in its own process with a time limit, so that one that fails loses only itself.

    python -m benchmarks.gpu                       all parts, about 7 minutes
    python -m benchmarks.gpu steps resuming        some of them
    ESPALIER_DEVICE=cpu python -m benchmarks.gpu   that the parts run, at a tiny size

Nothing is downloaded. Needs what trains (torch, numpy, pydantic, …), neither DVC nor Prefect.
"""

import argparse
import importlib
import platform
import subprocess
import sys

import torch

from benchmarks.gpu.setting import DEVICE

PARTS = {"derivatives": 25, "resuming": 40, "steps": 90, "waits": 30, "around": 30, "whole": 120, "compiling": 100}
"""Each part, and the seconds it is given."""


def machine() -> str:
    """What it runs on."""
    name = torch.cuda.get_device_name(DEVICE) if DEVICE.type == "cuda" else platform.machine()
    return f"{name}; torch {torch.__version__}, Python {platform.python_version()}"


def main() -> None:
    """Run one part in this process, or each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--here", action="store_true", help="in this process, without a limit")
    arguments = parser.parse_args()
    parts = arguments.parts or list(PARTS)
    if arguments.here:
        for part in parts:
            importlib.import_module(f"benchmarks.gpu.{part}").main(PARTS[part] - 10)
        return
    print(machine(), flush=True)
    for part in parts:
        print(f"\n## {part}\n", flush=True)
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu", part, "--here"]
        try:
            subprocess.run(command, timeout=PARTS[part], check=False)
        except subprocess.TimeoutExpired:
            print(f"\n(stopped after {PARTS[part]} s)", flush=True)


if __name__ == "__main__":
    main()
