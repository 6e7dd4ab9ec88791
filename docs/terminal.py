"""python -m docs.terminal: draws docs/terminal.svg, what a terminal of 80 columns shows of a small project."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
BAR = "\u2501"
COMMANDS = ("espalier check progan@r4", "espalier run progan --until r4", "espalier status", "espalier run progn")


def shown(command: str, root: Path) -> Text:
    """A command and what it prints on a terminal of 80 columns; of a progress bar, the last state."""
    words = " ".join([f"{Path(sys.executable).parent}/espalier", *command.split()[1:]])
    session = ["script", "--quiet", "--command", f"stty cols 80; {words}", "/dev/null"]
    output = subprocess.run(session, cwd=root, capture_output=True, text=True).stdout
    lines = [line.rsplit("\r", 1)[-1] for line in output.replace("\r\n", "\n").split("\n")]
    ends = [BAR in line and BAR not in after for line, after in zip(lines, [*lines[1:], ""], strict=True)]
    kept = [line for line, end in zip(lines, ends, strict=True) if end or BAR not in line]
    return Text.from_ansi("\n".join([f"$ {command}", *kept]))


def main() -> None:
    """Make a project in a temporary folder, and draw."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "mine"
        subprocess.run([Path(sys.executable).parent / "espalier", "init", str(root)], check=True)
        params = root / "params.yaml"
        text = (
            params.read_text(encoding="utf-8")
            .replace("count: 8000", "count: 1200")
            .replace("4, kimg: 15", "4, kimg: 4")
        )
        params.write_text(text, encoding="utf-8")
        with Path(place, "nothing").open("w") as nothing:
            console = Console(record=True, width=80, file=nothing)
            for command in COMMANDS:
                console.print(shown(command, root))
        drawn = re.sub(r"\s*@font-face \{.*?\}", "", console.export_svg(title="80 columns"), flags=re.S)
        (HERE / "terminal.svg").write_text(drawn, encoding="utf-8")
    print(HERE / "terminal.svg")


if __name__ == "__main__":
    if shutil.which("script") is None:
        sys.exit("this needs script, of util-linux")
    main()
