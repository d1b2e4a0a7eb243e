"""The strict YAML reader: YAML 1.2 core types, and every trick refused with file and line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.baselines.document import MAX_BYTES, MAX_NODES, parse, read
from hardencheck.errors import BaselineError

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)

#: what is wrong -> the file, the line that must be named, words that must be said
MALICIOUS: dict[str, tuple[str | bytes, int, str]] = {
    "alias bomb": (BOMB, 1, "anchors and aliases"),
    "anchor": ("a: 1\nb: &x 2\n", 2, "anchors and aliases"),
    "alias": ("a: 1\nb: *x\n", 2, "anchors and aliases"),
    "alias as a key": ("a: 1\n*x : 2\n", 2, "anchors and aliases"),
    "anchor on a key": ("&x a: 1\n", 1, "anchors and aliases"),
    "anchor on the top": ("&x\na: 1\n", 1, "anchors and aliases"),
    "anchor on a list": ("a: &x [1]\n", 1, "anchors and aliases"),
    "endless anchor": ("a: &x\n  b: *x\n", 1, "anchors and aliases"),
    "python object": ("a: 1\nb: !!python/object/apply:os.system ['id']\n", 2, "tags"),
    "python name": ("a: !!python/name:os.system\n", 1, "tags"),
    "binary": ("a: !!binary aGVsbG8=\n", 1, "tags"),
    "set": ("a: !!set {x, y}\n", 1, "tags"),
    "plain tag": ("a: !!str 1\n", 1, "tags"),
    "own tag": ("a: !vault x\n", 1, "tags"),
    "bare tag": ("a: ! x\n", 1, "tags"),
    "tag on a key": ("!!int 1: x\n", 1, "tags"),
    "tag on the top": ("!x\na: 1\n", 1, "tags"),
    "version directive": ("%YAML 1.1\n---\na: 1\n", 1, "directives"),
    "tag directive": ("%TAG ! tag:x,2000:\n---\na: 1\n", 1, "directives"),
    "merge key": ("a: 1\n<<: {b: 2}\n", 2, "merge keys"),
    "key twice": ("a: 1\nb: 2\na: 3\n", 3, "given twice"),
    "key twice, once quoted": ('a: 1\n"a": 3\n', 2, "given twice"),
    "key twice, inside": ("a:\n  b: 1\n  b: 2\n", 3, "a.b: is given twice"),
    "key twice, in one line": ("a: {b: 1, b: 2}\n", 1, "given twice"),
    "key is a number": ("a: 1\n2: 3\n", 2, "must be text"),
    "key is true": ("true: 1\n", 1, "must be text"),
    "key is null": ("null: 1\n", 1, "must be text"),
    "key is empty": (": 1\n", 1, "not YAML"),
    "key is a list": ("a: 1\n[b]: 2\n", 2, "must be text"),
    "key is a mapping": ("? {b: 1}\n: 2\n", 1, "must be text"),
    "second document": ("a: 1\n---\nb: 2\n", 2, "second document"),
    "second document after an end": ("a: 1\n...\n---\nb: 2\n", 3, "second document"),
    "top is a list": ("- a\n- b\n", 1, "must be a mapping"),
    "top is a text": ("hello\n", 1, "must be a mapping"),
    "empty": ("", 1, "must be a mapping"),
    "only a comment": ("# nothing\n", 1, "must be a mapping"),
    "deep lists": ("a: " + "[" * 100 + "]" * 100, 1, "nested deeper than 32"),
    "very deep lists": ("a: " + "[" * 500_000, 1, "nested deeper than 32"),
    "deep mappings": ("a: " + "{a: " * 40 + "1" + "}" * 40, 1, "nested deeper than 32"),
    "deep blocks": ("".join(f"{' ' * depth}a:\n" for depth in range(60)), 33, "nested deeper than 32"),
    "deep keys": ("? " * 50_000 + "a", 1, "must be text"),
    "too many values": ("a: [" + "1," * MAX_NODES + "1]\n", 1, "more than 100000 values"),
    "too large": ("a: " + "x" * MAX_BYTES, 0, "larger than 1024 KiB"),
    "not UTF-8": (b"a: 1\nb: \xff\xfe\n", 2, "not UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), 1, "not UTF-8"),
    "zero byte": (b"a: 1\nb: x\x00y\n", 2, "control character U+0000"),
    "escape byte": (b"a: 1\nb: x\x1b[2Jy\n", 2, "control character U+001B"),
    "written escape": ('a: 1\nb: "x\\e[2J"\n', 2, "control character U+001B"),
    "written zero": ('a: "\\0"\n', 1, "control character U+0000"),
    "written bell in a key": ('"a\\a": 1\n', 1, "control character U+0007"),
    "text that runs backwards": ("a: 1\nb: x\u202ey\n", 2, "control character U+202E"),
    "hidden isolate": ("a: x\u2066y\n", 1, "control character U+2066"),
    "key hidden in a comment by a line separator": ("a: 1\nb: 2 # c\u2028d: 3\n", 2, "control character U+2028"),
    "key hidden in a comment by a next line": ("a: 1 # c\x85d: 3\n", 1, "control character U+0085"),
    "key hidden in a comment by a carriage return": ("a: 1 # c\rd: 3\n", 1, "control character U+000D"),
    "comment that runs backwards": ("a: 1\r\nb: 2 # \u202e\r\n", 2, "control character U+202E"),
    "byte order mark": (b"a: 1\n\xef\xbb\xbfb: 1\n", 2, "control character U+FEFF"),
    "space without width": ("a: ro\u200bot\n", 1, "control character U+200B"),
    "lone surrogate": ('a: "\\ud800"\n', 1, ""),
    "infinity": ("a: .inf\n", 1, "not a number that JSON has"),
    "not a number": ("a: .NaN\n", 1, "not a number that JSON has"),
    "endless number": ("a: " + "9" * 5000 + "\n", 1, "at most 18 characters"),
    "endless hexadecimal": ("a: 0x" + "f" * 5000 + "\n", 1, "at most 18 characters"),
    "number beyond floats": ("a: 1e999\n", 1, "at most 18 characters"),
    "open bracket": ("a: 1\nb: [1\n", 3, "not YAML"),
    "open quote": ('a: "x\n', 2, "not YAML"),
    "tab": ("a:\n\tb: 1\n", 2, "not YAML"),
    "bad indentation": ("a: 1\n  b: 2\n", 2, "not YAML"),
    "stray text": ("a: 'x' y\n", 1, "not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_hostile_file_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    content, line, words = MALICIOUS[name]
    path = tmp_path / "rule.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    with pytest.raises(BaselineError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert caught.value.exit_code == 78


def test_there_are_enough_hostile_files() -> None:
    assert len(MALICIOUS) >= 50


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("No", "No"), ("NO", "NO"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("n", "n"),
        ("true", True), ("True", True), ("FALSE", False), ("tRUE", "tRUE"),
        ("null", None), ("~", None), ("", None), ("Null", None), ("none", "none"),
        ("0644", 644), ("0o644", 420), ("0x1F", 31), ("0b11", "0b11"), ("1_000", "1_000"), ("-3", -3), ("+3", 3),
        ("190:20:30", "190:20:30"), ("12:30", "12:30"), ("8.3.6", "8.3.6"), ("1.5", 1.5),
        (".5", 0.5), ("1e3", 1000.0), ("1.", 1.0),
        ("2026-11-22", "2026-11-22"), ("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"), ("=", "="),
        ("'15'", "15"), ('"true"', "true"), ("'~'", "~"), ('""', ""), ("A.5.17", "A.5.17"), ("IA-5(1)", "IA-5(1)"),
        ("tcp/22", "tcp/22"), ("[no, 0o7, '1']", ["no", 7, "1"]), ("{on: off}", {"on": "off"}), ("[]", []), ("{}", {}),
    ],
)  # fmt: skip
def test_scalars_have_the_types_of_yaml_1_2(written: str, value: Any) -> None:
    found = parse(f"a: {written}\n".encode(), "x").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_the_mark_that_notepad_begins_a_file_with_is_taken() -> None:
    assert parse(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "site.yaml").data == {"a": 1, "b": 2}


def test_every_key_and_item_knows_its_line() -> None:
    text = "a: 1\nb:\n  c: [x,\n    y]\n  d:\n    - e: 1\n    -\n      f: 2\n"
    found = parse(text.encode(), "x")
    assert found.line(("a",)) == 1
    assert found.line(("b", "c", 1)) == 4
    assert found.line(("b", "d", 0, "e")) == 6
    assert found.line(("b", "d", 1, "f")) == 8
    assert found.line(("b", "d", 1, "f", "no", "such", "key")) == 8
    assert found.line(("z",)) == 1


def test_block_texts_keep_their_lines() -> None:
    assert parse(b"a: |\n  one\n  two\nb: >-\n  one\n  two\n", "x").data == {"a": "one\ntwo\n", "b": "one two"}


def test_what_is_not_a_regular_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    (tmp_path / "folder.yaml").mkdir()
    for path in (pipe, tmp_path / "folder.yaml", tmp_path / "absent.yaml", Path("/dev/zero")):
        with pytest.raises(BaselineError, match="not a regular file"):
            read(path)


@given(st.binary(max_size=200) | st.text(alphabet="ab:-?[]{}&*!|>'\"%@#,\\ \n\t.0~<", max_size=60).map(str.encode))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    try:
        found = parse(content, "x")
    except BaselineError as error:
        assert str(error).startswith("x:")  # noqa: PT017  what is refused says where
    else:
        assert isinstance(found.data, dict)
