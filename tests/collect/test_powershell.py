"""The collector for Windows: what is sent, and what is made of the bytes that come back."""

from __future__ import annotations

import pytest

from hardencheck.collect.frame import split
from hardencheck.collect.powershell import build
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, Probe
from hardencheck.probes import all_probes
from tests.winlab.machine import Machine
from tests.winlab.shells import Request

NONCE = "0123456789abcdef" * 2
WINDOWS = [probe for probe in all_probes().values() if probe.platform is Platform.WINDOWS]


def _parse(capture: Capture, context: Context) -> Observation:
    return Observation.of({})


def probe(name: str, script: str = "Item 'x' { 1 }") -> Probe:
    return Probe(name, name, Platform.WINDOWS, script, {}, _parse, max_bytes=100)


def answer(machine: Machine, probes: list[Probe]) -> bytes:
    from hardencheck.transport.bootstrap import BOOTSTRAP

    return machine(Request("powershell.exe", build(probes).payload(NONCE), {}, "u", 65001, BOOTSTRAP)).stdout


def test_the_same_probes_give_the_same_text_in_any_order() -> None:
    probes = [probe("windows.b"), probe("windows.a")]
    assert build(probes).text == build(reversed(probes)).text
    assert build(probes).digest != build(probes[:1]).digest


def test_what_is_sent_is_ascii_and_begins_with_the_nonce() -> None:
    payload = build(WINDOWS).payload(NONCE)
    assert payload.isascii()
    assert payload.startswith(f"$HcNonce = '{NONCE}'\n".encode())
    assert NONCE not in build(WINDOWS).text


def test_a_script_that_would_end_its_here_string_is_refused() -> None:
    with pytest.raises(ValueError, match="here-string"):
        _ = build([probe("windows.a", "Item 'x' {\n'@ }")]).text


def test_a_section_arrives_as_it_was_written() -> None:
    captures = {
        "windows.a": Capture("windows.a", b'{"i":"@end"}\n'),
        "windows.b": Capture("windows.b", b"", b"oops", 1),
    }
    probes = [probe("windows.a"), probe("windows.b")]
    frames = split(answer(Machine(captures), probes), NONCE, probes)
    assert frames.complete
    assert frames.captures == captures


def test_who_set_a_value_is_asked_before_the_first_section() -> None:
    text = build([probe("windows.a")]).text
    assert text.index("'Get-HcSource Path Name'") < text.index("Invoke-HcSection windows.a ")


def test_constrained_language_mode_is_one_section_that_says_so() -> None:
    probes = [probe("windows.a"), all_probes()["windows.platform"]]
    frames = split(answer(Machine({}, "ConstrainedLanguage"), probes), NONCE, probes)
    assert frames.complete
    assert list(frames.captures) == ["windows.platform"]
    assert b"ConstrainedLanguage" in frames.captures["windows.platform"].stdout
