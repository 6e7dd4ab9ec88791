"""The campaign of faults: kills end in equal bits, and the table says what was found."""

import json
from pathlib import Path

import pytest

from benchmarks.faults import __main__ as faults
from benchmarks.faults.kills import SCENARIOS, campaign


@pytest.mark.long
def test_a_killed_preparation_goes_on(tmp_path: Path) -> None:
    (found,) = campaign(tmp_path, 1, 0, scenarios=SCENARIOS[-1:]).values()
    assert found.total >= 1 and found.ended >= 1 and found.orphans == 0 and not found.lost


def test_the_table_says_what_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "KEPT", tmp_path)
    rows = [
        {"what": "kills of a chain", "tried": 1200, "lost": []},
        {"what": "others", "tried": 3, "lost": ["one", "two"]},
    ]
    (tmp_path / "kills.json").write_text(json.dumps(rows))
    assert "| kills of a chain | 1,200 | nothing |" in faults.table() and "| others | 3 | one; two |" in faults.table()
