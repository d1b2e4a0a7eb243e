"""One fault per host: each flips exactly the rules that its profile names, and no other."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hardencheck.baselines.load import load
from hardencheck.model.outcome import Platform
from hardencheck.probes import all_probes
from tests.end_to_end.conftest import TAILORING, Done
from tests.lab.lab import Lab, profiles

FLIPS = {name: line for name, line in profiles().items() if line.startswith("linux-")}
#: what a good lab host still fails or cannot tell: no malware scanner fits into a lab host
GOOD = {"linux-malware-signatures-fresh": "fail"}
#: what the kernel, the disks and the clock do is the business of the container's host
CONTAINER = (
    "linux-audit-rules-loaded", "linux-kernel-newest-running", "linux-reboot-not-pending", "linux-clock-synchronised",
    "linux-data-volumes-encrypted", "linux-temporary-mounts-restricted", "linux-usbguard-policy-strict",
)  # fmt: skip
#: what the good host does not have: a desktop, call recordings, agents and sensors of a vendor, removable media
ABSENT = (
    "linux-screen-lock-enforced", "linux-ids-agent-connected", "linux-nids-sees-traffic",
    "linux-removable-mounts-restricted", "linux-recordings-declared", "linux-recordings-encrypted",
    "linux-recordings-not-exported", "linux-recordings-purged", "linux-recordings-readers-allowed",
)  # fmt: skip
#: these sweeps have no roster
LINUX = [rule for rule in load("bpo-core").rules if Platform.LINUX in rule.platforms]
ROSTER = {rule.id: "notselected" for rule in LINUX if all_probes()[rule.probe].reads_roster}


@pytest.fixture(scope="session")
def swept(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One sweep over the good host, the bad one and every mutant."""
    folder = tmp_path_factory.mktemp("mutants")
    (folder / "site.yaml").write_text(TAILORING)
    inventory = lab.inventory_of(*lab.hosts("good", "bad", *FLIPS))
    words = ["sweep", "-i", inventory, "--tailoring", folder / "site.yaml", "--store", folder / "h.db"]
    command = [*lab.exec_prefix, sys.executable, "-m", "hardencheck", *map(str, words), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def test_the_good_host_is_good(swept: Done) -> None:
    other = GOOD | dict.fromkeys((*CONTAINER, *ABSENT), "notapplicable") | ROSTER
    expected = dict.fromkeys(swept.outcomes("good"), "pass") | other
    assert swept.outcomes("good") == expected


@pytest.mark.parametrize("profile", sorted(FLIPS))
def test_a_mutant_flips_the_rules_that_it_names(swept: Done, profile: str) -> None:
    flips = (word.partition("=") for word in FLIPS[profile].split())
    expected = swept.outcomes("good") | {rule: outcome or "fail" for rule, _, outcome in flips}
    assert swept.outcomes(profile) == expected


def test_the_bad_host_passes_nothing_but_what_is_true_of_it(swept: Done) -> None:
    passing = {rule for rule, outcome in swept.outcomes("bad").items() if outcome == "pass"}
    fresh_while_its_root_is = {"linux-package-metadata-fresh"}
    nobody_held_or_forged_them = {"linux-security-packages-not-held", "linux-security-repository-trusted"}
    no_such_thing_is_there = {
        "linux-release-supported", "linux-removable-storage-absent", "linux-container-ports-bounded",
        "linux-unneeded-services-absent", "linux-bluetooth-blocked", "linux-capture-devices-blocked",
        "linux-dma-buses-blocked", "linux-phone-tethering-blocked",
    }  # fmt: skip
    assert passing <= fresh_while_its_root_is | nobody_held_or_forged_them | no_such_thing_is_there
