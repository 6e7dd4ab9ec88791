"""Progress output: a bar on a terminal, otherwise a plain line at intervals."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

PLAIN_SECONDS = 10.0
"""Seconds between plain lines."""
BAR_WIDTH, NUMBERS_WIDTH = 10, 17
"""Of the bar; and of the percentage, the time left and the spaces between columns."""


def clock(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03."""
    whole = int(seconds + 0.5)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


class _Text(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(str(task.fields.get("text", "")), style="dim")

    def get_table_column(self) -> Column:
        """A single line, truncated on a narrow terminal."""
        return Column(no_wrap=True, overflow="ellipsis")


class Bar:
    """Counts images from `done` to `total`, and shows images/s and the time left. With `silent`, it only counts."""

    def __init__(self, title: str, total: float, done: float = 0, silent: bool = False) -> None:
        self.title, self.total, self.start_at, self.silent = title, max(total, 1), done, silent
        self.console = Console()
        self._begun = self._said = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}", style="bold", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
            _Text(),
            console=self.console,
            refresh_per_second=4,
            disable=silent or not self.console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=self.total, completed=int(done))

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def restart(self, done: float) -> None:
        """Continue counting from `done`, and measure the rate anew."""
        self.start_at, self._begun, self._said = done, time.monotonic(), time.monotonic()
        self._bar.update(self._task, completed=int(done))

    def due(self) -> bool:
        """Whether an update is due. Until then, nothing needs to be read from the device."""
        return not self.silent and time.monotonic() - self._said >= (
            0.25 if self.console.is_terminal else PLAIN_SECONDS
        )

    def rate(self, done: float) -> float:
        """Images per second since the bar started."""
        return (done - self.start_at) / max(time.monotonic() - self._begun, 1e-9)

    def say(self, sentence: str) -> None:
        """Print a permanent line."""
        if self.console.is_terminal:
            self._bar.console.print(sentence, highlight=False, markup=False)
        else:
            print(sentence, flush=True)

    def show(self, done: float, *parts: str) -> None:
        """Advance to `done` images, with words and numbers beside the rate; on a narrow terminal, the last parts are left out."""
        self._said = time.monotonic()
        rate = self.rate(done)
        shown = [f"{rate:.0f} img/s", *parts]
        if self.console.is_terminal:
            room = self.console.width - len(self.title) - BAR_WIDTH - NUMBERS_WIDTH
            while len(shown) > 1 and len("  ".join(shown)) > room:
                shown.pop()
            self._bar.update(self._task, completed=done, text="  ".join(shown))
        else:
            left = clock((self.total - done) / rate) if rate > 0 else "?"
            print("  ".join((f"{self.title}  {100 * done / self.total:3.0f}%", *shown, f"{left} left")), flush=True)


class Steps:
    """Shows the current one of several short tasks: a status line on a terminal, otherwise one plain line per task."""

    def __init__(self) -> None:
        self.console = Console()
        self._status = self.console.status("")

    def __enter__(self) -> "Steps":
        if self.console.is_terminal:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def now(self, what: str) -> None:
        """Show `what` as the current task."""
        if self.console.is_terminal:
            self._status.update(Text(f"{what} ..."))
        else:
            print(f"{what} ...", flush=True)
