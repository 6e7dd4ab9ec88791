"""What the documents say is so: the page of tricks, and the trick of a user's own."""

import inspect
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from docs.tricks import GANHACKS, PAGE, page
from espalier.pipelines.commands import trick_pages as describe
from espalier.pipelines.commands.trick_pages import names
from espalier.stages.networks.known import NETWORKS
from espalier.stages.tricks.catalogue import LOSSES, TRICKS
from espalier.stages.tricks.circumstances import OF
from espalier.stages.tricks.compatibility import BN_D, EQUALIZED, RULES, SEVERAL
from tests.conftest import ROOT, Project


def test_the_page_of_tricks_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(), "make it again: python -m docs.tricks"


def test_every_trick_says_what_circumstances_do_to_it() -> None:
    assert set(OF) == set(names())
    assert all(all(found) for found in OF.values())
    refused = {(rule.one, rule.other) for rule in RULES if rule.outcome == "forbid"}
    assert {name for name, of in OF.items() if of.processes == "refused"} == {a for a, b in refused if b == SEVERAL}
    assert {name for name, of in OF.items() if of.n_critic == "refused"} == {a for a, b in refused if b == "n_critic"}
    equalized = {a for a, b in refused if b == EQUALIZED}
    assert {name for name, of in OF.items() if of.growing == "refused with ProGAN's equalised weights"} == equalized


@pytest.mark.parametrize("name", describe.names())
def test_every_tricks_file_can_be_read_beside_its_paper(name: str) -> None:
    cls = describe.find(name)
    assert len(describe.source(cls)) > 10, "it names its source"
    file = Path(inspect.getfile(cls))
    assert file.is_relative_to(ROOT / "stages")
    assert len(file.read_text().splitlines()) < 130, "it is a screen or two"
    assert describe.networks(cls), "some network has a place for it"


def test_every_rule_is_of_features_that_exist() -> None:
    known = {*TRICKS, *(f"loss {name}" for name in LOSSES)}
    rules = Path(ROOT / "stages/tricks/compatibility.py").read_text()
    others = {f for rule in RULES for f in (rule.one, rule.other) if f not in known}
    for feature in others:
        assert f'"{feature}"' in rules.split("RULES")[0], feature
    assert BN_D in others


def test_all_17_hacks_name_options_that_exist() -> None:
    assert len(GANHACKS) == 17
    fields = {f"network.{key}" for cls in NETWORKS.values() for key in cls.model_fields}
    known = {*TRICKS, *NETWORKS, *fields, "ema"}
    for _, ours in GANHACKS:
        for quoted in re.findall(r"`([^`]+)`", ours):
            key = quoted.split(":")[0].split()[0]
            assert key in known or quoted.removeprefix("loss: ") in LOSSES or key in (
                "network", "espalier", "loss", "transposed", "nearest"
            ), quoted  # fmt: skip


def test_the_example_of_an_own_trick_trains(project: Project) -> None:
    text = (ROOT / "docs" / "own" / "trick.md").read_text()
    code, yaml = (re.findall(rf"```{kind}\n(.*?)```", text, flags=re.S)[0] for kind in ("python", "yaml"))
    assert len(code.splitlines()) <= 30
    (project.root / "my_tricks.py").write_text(code)
    added = YAML(typ="safe").load(yaml)["progan"]["common"]["tricks"]
    tricks = project.params["progan"]["common"]["tricks"] | added
    project.set("progan.common.tricks", tricks)
    project.python("espalier.stages.run", "dataset", "dolls")
    project.python("espalier.stages.run", "progan", "r4")
    history = (project.root / "artifacts/progan/r4/history.csv").read_text().splitlines()
    assert "colour_match" in history[0]
    assert "my_tricks.ColourMatch" in project.espalier("inspect", "artifacts/progan/r4")
    project.set("progan.common.tricks", {**tricks, "my_tricks.ColourMatch": {"mirror": 2}})
    output = project.python("espalier.stages.run", "progan", "r4", ok=False)
    assert project.code == 2 and "my_tricks.ColourMatch.mirror" in output and "less than or equal to 1" in output
