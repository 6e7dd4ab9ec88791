"""The stages of params.yaml on the device, shortened, each in its own process as `dvc repro` runs it."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.gpu.setting import SMOKE

ROOT = Path(__file__).resolve().parent.parent.parent
STAGES = [
    ("fingerprint",), ("dataset", "dolls"), ("progan", "r4"), ("progan", "r8"), ("features", "dolls"), ("dataset", "people"),
    ("dataset", "people_test"), ("text", "outfits"), ("fashiongan", "shape"), ("fashiongan", "image"),
    ("fashiongan_test", "translate"),
]  # fmt: skip


def shortened(params: dict[str, Any], images: int, kimg: float) -> dict[str, Any]:
    """The same pipelines on fewer images, for fewer kimg."""
    for dataset in params["datasets"].values():
        dataset["count"] = min(dataset["count"], images)
    for pipeline in ("progan", "fashiongan"):
        for stage in params[pipeline]["stages"].values():
            stage["kimg"] = kimg
        params[pipeline]["common"]["watch"]["sample_kimg"] = kimg
    params["progan"]["common"]["tricks"]["fade"] = {"kimg": kimg / 2}
    return params


def main(limit: float) -> None:
    """Run the stages in order, printing the last lines of each."""
    project, until = Path(tempfile.mkdtemp()), time.monotonic() + limit
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    YAML().dump(shortened(params, *((64, 0.1) if SMOKE else (2000, 2))), project / "params.yaml")
    environment = os.environ | {"OMP_NUM_THREADS": "4"}
    for stage in STAGES[:3] if SMOKE else STAGES:
        left, begun = until - time.monotonic(), time.monotonic()
        command = [sys.executable, "-m", "espalier.stages.run", *stage]
        try:
            done = subprocess.run(
                command, cwd=project, env=environment, capture_output=True, text=True, timeout=max(left, 1)
            )
        except subprocess.TimeoutExpired:
            print(f"{' '.join(stage)}: no time left")
            break
        print(f"{' '.join(stage)}: exit code {done.returncode}, {time.monotonic() - begun:.1f} s")
        print("\n".join(f"  {line[:150]}" for line in (done.stdout + done.stderr).splitlines()[-5:]), flush=True)
