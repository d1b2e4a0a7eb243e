"""USBGuard's rule language: which lines are rules, as its own parser says, and which rules let storage in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardencheck.probes.linux import usbguard_rules


def loose(*lines: str) -> list[str]:
    found = usbguard_rules.read([("r", "\n".join(lines))])
    assert not found.refused
    return usbguard_rules.loose(found.rules)


@pytest.mark.parametrize(
    "lines",
    [
        ["allow"],
        ['allow label "all"'],
        ["allow id *:*"],
        ["allow id 0781:*"],
        ["allow id none-of { 0781:5581 }"],
        ["allow with-interface equals { 08:*:* }"],
        ["allow with-interface 08:06:50"],
        ["allow with-interface one-of { 03:*:* }"],
        ["allow with-interface all-of { 03:01:01 03:00:01 }"],
        ["allow with-interface match-all { 03:*:* 08:06:50 }"],
        ["allow with-interface equals { 06:01:01 }"],
        ["allow with-interface none-of { 08:*:* }"],
        ['allow serial "1234"'],
        ['allow via-port "1-2"'],
        ['allow with-connect-type "hotplug"'],
        ["allow if !allowed-matches(with-interface 08:*:*)"],
        ["allow if random(0.1)", "block"],
        ["reject with-interface all-of { 08:*:* 03:00:* }", "allow with-interface one-of { 03:*:* }"],
        ["block with-interface 08:*:*", "allow with-interface one-of { 03:*:* }"],
        ["reject with-interface one-of { 08:06:* }", "allow with-interface one-of { 03:*:* }"],
        [
            "reject with-interface one-of { 08:*:* 06:*:* } if localtime(08:00-18:00)",
            "allow with-interface one-of { 03:*:* }",
        ],
        ["reject id 0781:5581", "allow"],
        ["reject with-interface one-of { 08:*:* 06:*:* 02:*:* e0:*:* ff:*:* }", "allow"],
        ["reject with-interface one-of { 08:*:* 06:*:* }", "allow with-interface one-of { 03:*:* }"],
        ["allow with-interface equals { 02:06:00 0a:00:00 }"],
        ["allow with-interface equals { ff:ff:00 }"],
        ["allow with-interface E0:01:03"],
    ],
)
def test_rules_that_let_storage_in(lines: list[str]) -> None:
    assert len(loose(*lines)) == 1


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["block"],
        ["reject", "allow"],
        ["allow 1d6b:0002"],
        ["allow id { 1d6b:0002 1d6b:0003 }"],
        ["allow id 0781:5581 with-interface 08:06:50"],
        ['allow hash "abc="'],
        ["allow with-interface match-all { 03:*:* 09:00:* }"],
        ["allow with-interface equals { 03:00:01 03:01:01 }"],
        ["allow with-interface 09:00:00"],
        [
            "reject with-interface one-of { 08:*:* 06:*:* 02:*:* e0:*:* ff:*:* }",
            "allow with-interface one-of { 03:*:* }",
        ],
        [
            "block with-interface all-of { 08:*:* }",
            "block with-interface all-of { 06:*:* }",
            "block with-interface one-of { 02:*:* E0:*:* FF:*:* }",
            "allow with-interface one-of { 03:*:* }",
        ],
    ],
)
def test_rules_that_do_not(lines: list[str]) -> None:
    assert loose(*lines) == []


target = st.sampled_from(["allow", "block", "reject", "ALLOW", "match", "al low", ""])
value = {
    "id": st.sampled_from(["1d6b:0002", "*:*", "1d6b:*", "1d6b:2", "1D6B:00AF"]),
    "with-interface": st.sampled_from(["08:06:50", "08:*:*", "08:06:*", "*:*:*", "8:6:50", "08:*:50"]),
    "name": st.sampled_from(['"x"', '"a b"', '"a\\"b"', "x", '"#"', '""']),
    "if": st.sampled_from(["true", "!false", "rule-applied", "random(0.5)", "!allowed-matches(with-interface 08:*:*)"]),
}
operator = st.sampled_from(["", "one-of ", "none-of ", "equals ", "match-all ", "some-of ", "one-of"])


@st.composite
def attribute(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(value)))
    if draw(st.booleans()):
        return f"{name} {draw(value[name])}"
    inner = draw(st.sampled_from([" ", "  ", ""]))
    return f"{name} {draw(operator)}{{{inner}{' '.join(draw(st.lists(value[name], max_size=2)))}{inner}}}"


line = st.builds(
    # some versions refuse blanks around a rule, newer ones do not
    lambda target, attributes, tail: (" ".join([target, *attributes]) + tail).strip(),
    target,
    st.lists(attribute(), max_size=2),
    st.sampled_from(["", " ", " # comment", "#comment", " junk"]),
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line)
def test_agrees_with_usbguards_own_parser(tmp_path: Path, text: str) -> None:
    if (
        shutil.which("usbguard-rule-parser") is None
    ):  # not among the tests' packages: its daemon may lock a keyboard out
        pytest.skip("usbguard-rule-parser is not installed")
    file = tmp_path / "rules.conf"
    file.write_text(text + "\n", encoding="utf-8")
    done = subprocess.run(["usbguard-rule-parser", "-f", file], capture_output=True, text=True, timeout=30, check=False)
    refused = "ERROR" in done.stdout + done.stderr
    assert bool(usbguard_rules.read([("r", text)]).refused) == refused, (text, done.stdout, done.stderr)
