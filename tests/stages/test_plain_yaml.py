"""params.yaml as a stranger may write it: what is not plain values is refused in one sentence, before anything is built."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from espalier.data.errors import InputError
from espalier.stages.config.params import read_params
from espalier.stages.config.plain_yaml import read_plain

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
REFUSED = {
    "a: {b: [1, .inf]}": "p.yaml: a.b[1]: .inf is not a finite number",
    "a: -.INF": "p.yaml: a: -.INF is not a finite number",
    "a: .nan": "a: .nan is not a finite number",
    "a: 1e999": "a: 1e999 is not a finite number",
    ".inf: 3": "p.yaml: .inf: .inf is not a finite number",
    "kimg: 2024-01-01": "kimg: 2024-01-01 is a date for YAML; write it in quotes: '2024-01-01'",
    "a: 2001-12-14t21:59:43.10-05:00": "is a date for YAML",
    "a: !!set {x, y}": "a: is a set, and only mappings",
    "a: !!binary aGk=": "a: is binary",
    "a: !!omap [b: 1]": "a: is an ordered mapping",
    "a: !!python/object/apply:os.system [ls]": "a: is of the type tag:yaml.org,2002:python/object/apply:os.system",
    "a: !own {b: 1}": "a: is of the type !own",
    f"seed: {'9' * 5000}": "seed: an integer of 5000 digits",
    f"seed: 0x{'f' * 30}": "seed: an integer of",
    "seed: -9223372036854775809": "seed: an integer of 19 digits",
    "a: &x {b: *x}": "a.b: this alias stands for something that contains it",
    "a: &x [1, {c: *x}]": "a[1].c: this alias stands for something that contains it",
    "a: " + "[" * 400 + "]" * 400: "line 1: more than 40 levels of nesting",
    "\n".join(" " * i + "a:" for i in range(400)): "line 41: more than 40 levels of nesting",
    LAUGHS: "its aliases stand for more than 500,000 values",
    "? [1, 2]\n: 3": "a key must be a text, not a list or a mapping",
    "? {b: 1}\n: 3": "a key must be a text",
    "a: *b": "is not valid YAML: line 1: found undefined alias 'b'",
    "a: 1\n---\nb: 2": "is not valid YAML: line 2: expected a single document",
    "a: 1\na: 2": "line 2: while constructing a mapping, found duplicate key",
    "a:\n\t- b": "is not valid YAML: line 2",
    'a: "b': "is not valid YAML",
    "a: {<<: 3}": "expected a mapping or list of mappings for merging",
    'a: "\\0"': "a: holds the control character U+0000",
    'a: "\\ud800"': "a: holds the control character U+D800",
    "#" * 5_000_000: "has 5,000,000 bytes",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_is_not_plain_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read_plain(text.encode(), "p.yaml")
    said = str(refused.value)
    assert REFUSED[text] in said and said.startswith("p.yaml") and "\n" not in said and len(said) < 500


def test_what_is_plain_is_read_as_before() -> None:
    text = "base: &base {x: 1_000, y: [~, true, 0x1f, 1.5e3]}\nown: {<<: *base, z: 'a: b'}\n1: {~: 2}\n"
    assert read_plain(text.encode(), "p.yaml") == YAML(typ="safe", pure=True).load(text)
    assert read_plain("a: ü\n".encode("utf-8-sig"), "p.yaml") == {"a": "ü"}
    with pytest.raises(InputError, match="p.yaml is not valid UTF-8: line 2"):
        read_plain(b"a: 1\nb: \xff\n", "p.yaml")


def test_bytes_at_random_are_refused_or_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real file with a few bytes of it changed, 1,000 times."""
    monkeypatch.chdir(tmp_path)
    whole = (Path(__file__).parent.parent.parent / "params.yaml").read_bytes()[:3000]
    drawn = random.Random(0)
    for _ in range(1000):
        content = bytearray(whole)
        for _ in range(drawn.randint(1, 4)):
            place = drawn.randrange(len(content))
            content[place : place + drawn.randint(0, 3)] = bytes(
                drawn.choices(b"&*!|>%@`{}[]:,-#?\"'\n\t\0\xff.~e1", k=2)
            )
        Path("params.yaml").write_bytes(content)
        try:
            read_params()
        except InputError as error:
            assert str(error).startswith("params.yaml"), error


@pytest.mark.parametrize(
    "command", [["status"], ["check", "progan"], ["run", "progan"], ["history", "progan@r4"], ["serve"]]
)
def test_every_command_reads_it_before_dvc_does(command: list[str], tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for module in (["dvc", "init", "-q"],):
        subprocess.run([sys.executable, "-m", *module], cwd=tmp_path, check=True)
    (tmp_path / "params.yaml").write_text(LAUGHS)
    (tmp_path / "dvc.yaml").write_text("stages: {a: {cmd: echo ${a9}}}")
    code = "from espalier.pipelines.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ.copy(),
    )
    assert done.returncode == 2 and done.stderr.startswith("error: params.yaml: a5: its aliases stand for"), done.stderr
