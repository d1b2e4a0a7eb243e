"""What a Windows host is given is PowerShell in both grammars and only reads, as far as our lint can tell."""

from __future__ import annotations

import base64

import pytest

from hardencheck.collect.powershell import build
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Probe
from hardencheck.probes import all_probes
from hardencheck.probes.prelude import PRELUDE as PRELUDE_SCRIPT
from hardencheck.transport.bootstrap import BOOTSTRAP as BOOTSTRAP_SCRIPT
from hardencheck.transport.bootstrap import encoded
from tests.powershell.lint import functions_of, lint
from tests.powershell.policy import BOOTSTRAP, COLLECTOR, PRELUDE, PROBE

PROBES = [probe for probe in all_probes().values() if probe.platform is Platform.WINDOWS]


def shown(findings: list[object]) -> str:
    return "\n".join(map(str, findings))


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_a_probe_only_reads(probe: Probe) -> None:
    found = lint(probe.script, PROBE, functions_of(PRELUDE_SCRIPT))
    assert not found, shown([*found])


def test_the_functions_of_probes_only_read() -> None:
    found = lint(PRELUDE_SCRIPT, PRELUDE)
    assert not found, shown([*found])


def test_the_functions_that_write_items_are_known_to_the_lint() -> None:
    assert functions_of(PRELUDE_SCRIPT) >= PROBE.emitters
    assert functions_of(PRELUDE_SCRIPT) >= set(PRELUDE.owned)


def test_the_collector_only_reads() -> None:
    found = lint(build(PROBES).payload("0" * 32).decode("ascii"), COLLECTOR)
    assert not found, shown([*found])


def test_the_bootstrap_only_starts_the_collector() -> None:
    found = lint(base64.b64decode(encoded()).decode("utf-16-le"), BOOTSTRAP)
    assert not found, shown([*found])
    assert not lint(BOOTSTRAP_SCRIPT, BOOTSTRAP)


def test_a_probe_that_acts_would_not_pass() -> None:
    for probe in PROBES:
        assert lint(f"{probe.script}\nStop-Service -Name Spooler\n", PROBE, functions_of(PRELUDE_SCRIPT))
