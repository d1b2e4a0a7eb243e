"""The reduction of password fields on the host: every awk gives the same words, and no part of a hash."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hardencheck.model.capture import Capture
from hardencheck.probes.linux.shadow import PROBE
from hardencheck.probes.output import END_OF_SECTION, PRELUDE, read
from tests.tools import need_program

TAIL = "SecretHashSecretHash"
FIELDS = {
    "": "empty",
    "*": "none",
    "!": "none",
    "!!": "none",
    "!*": "none",
    "*LK*": "none",
    "x": "none",
    "secret": "none",
    "$": "unrecognised",
    "$zz$salt$" + TAIL: "unrecognised",
    "$secret": "unrecognised",
    "$y$j9T$salt$" + TAIL: "y",
    "$gy$j9T$salt$" + TAIL: "gy",
    "$7$CU..../....salt$" + TAIL: "7",
    "$6$salt$" + TAIL: "6",
    "$6$rounds=1000$salt$" + TAIL: "6 1000",
    "$5$rounds=5000$salt$" + TAIL: "5 5000",
    "$6$rounds=x$salt$" + TAIL: "6",
    "$2b$05$" + TAIL: "2b",
    "$2y$05$" + TAIL: "2y",
    "$1$salt$" + TAIL: "1",
    "$md5,rounds=904$salt$" + TAIL: "md5",
    "$sha1$480000$salt$" + TAIL: "sha1",
    "ab" + TAIL[:11]: "des",
    "_J9..salt" + TAIL[:11]: "bsdi",
    "!$6$salt$" + TAIL: "locked 6",
    "!!$y$j9T$salt$" + TAIL: "locked y",
    "!ab" + TAIL[:11]: "locked des",
}
AWKS = {"mawk": ["mawk"], "gawk": ["gawk"], "busybox": ["busybox", "awk"], "original-awk": ["original-awk"]}


@pytest.mark.parametrize("name", AWKS)
def test_every_awk_gives_the_same_words(name: str, tmp_path: Path) -> None:
    need_program(AWKS[name][0])
    command = shutil.which(AWKS[name][0])
    awk = tmp_path / "awk"
    awk.write_text(f'#!/bin/sh\nexec {command} {" ".join(AWKS[name][1:])} "$@"\n')
    awk.chmod(0o755)
    shadow = "".join(f"u{number}:{field}:20000:0:60:7::20500:\n" for number, field in enumerate(FIELDS))
    passwd = "".join(f"u{number}:{field}:{number}:0::/:/bin/sh\n" for number, field in enumerate(FIELDS))
    (tmp_path / "shadow").write_text(f"# a comment\n\n{shadow}noise\n")
    (tmp_path / "passwd").write_text(f"{passwd}u99:x:99:0::/:/bin/sh\n+::::::\n")
    script = PROBE.script.replace("/etc/passwd", f"{tmp_path}/passwd").replace("/etc/shadow", f"{tmp_path}/shadow")
    done = subprocess.run(
        ["sh", "-c", f"{PRELUDE}{script}\n{END_OF_SECTION}"],
        env={"PATH": f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    output = read(Capture(PROBE.id, done.stdout))
    words = list(FIELDS.values())
    assert output.run("shadow").lines == [f"u{number}:{word}:20000:60:20500" for number, word in enumerate(words)]
    in_passwd = [*words[: list(FIELDS).index("x")], "x", *words[list(FIELDS).index("x") + 1 :]]
    expected = [f"u{number}:{word}:{number}:/bin/sh" for number, word in enumerate(in_passwd)]
    assert output.run("passwd").lines == [*expected, "u99:x:99:/bin/sh", "+:empty::"]
    assert b"ecret" not in done.stdout
    assert done.stderr == b""
