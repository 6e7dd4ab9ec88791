"""python -m espalier.stages.types.dataset DATASET: prepare one dataset of params.yaml into artifacts/datasets/DATASET."""

import argparse
import sys

from espalier.data.prepare import prepare
from espalier.stages.config.load import source_config
from espalier.stages.config.params import read_params
from espalier.stages.config.stage import ARTIFACTS
from espalier.stages.process.exits import run
from espalier.stages.process.progress import Bar


def prepare_dataset(name: str) -> None:
    """Prepare the dataset of this name."""
    source = source_config(read_params(), name)
    bar: list[Bar] = []

    def progress(done: int, total: int) -> None:
        if not bar:
            bar.append(Bar(f"dataset@{name}", total).__enter__())
        if bar[0].due() or done == total:
            bar[0].show(done)

    try:
        notes = prepare(source, ARTIFACTS / "datasets" / name, progress)
    finally:
        for shown in bar:
            shown.__exit__(None, None, None)
    for note in notes:
        print(note)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m espalier.stages.types.dataset", description="Prepare a dataset of params.yaml."
    )
    parser.add_argument("dataset", help="its name under 'datasets'")
    arguments = parser.parse_args()
    sys.exit(run(lambda: prepare_dataset(arguments.dataset)))
