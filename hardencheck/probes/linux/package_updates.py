"""Which security updates are not installed, and whether the package lists are fresh enough to tell.

Reads: with APT `apt-get -s dist-upgrade` (no file is written with these options), `apt list --upgradable`,
`apt-mark showhold`, `apt-get indextargets`, change time and header of the release files in the lists directory,
`dpkg-query`; with DNF `dnf -C updateinfo list --security`, `check-update`, `repolist` and /var/cache/dnf; with zypper
`zypper --no-refresh list-patches`, `repos`, `locks` and /var/cache/zypp. DNF and zypper run as root in a mount
namespace of their own with an empty /var/log and /var/tmp, as they would leave log files otherwise.
Needs: nothing for APT; root for DNF and zypper.
Facts:
  manager             apt, dnf or zypper
  pending_security    packages or patches with a security fix that is not installed
  withheld_security   security fixes that a hold, pin, version lock or conflict keeps from being installed
  half_installed      packages that dpkg has not finished with (always empty without dpkg)
  other_pending       number of other updates
  security_sources    archives with security updates whose lists are there
  metadata_age_hours  hours since the lists of all these archives were last fetched or confirmed
  expired_metadata    release files that are past their Valid-Until
Absent when: the lists are not there; no list of a security archive is there; an empty answer rests on lists that are
older than 48 hours, expired or dated in the future: "nothing pending" would prove nothing.

A release file's modification time is the server's. Its change time moves on every successful `apt-get update`,
including "Hit", and stays on a failed one.
"""

from __future__ import annotations

from collections.abc import Callable

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import apt_updates, dnf_updates, zypper_updates
from hardencheck.probes.linux.update_facts import Updates
from hardencheck.probes.output import Output, read

SCRIPT = (
    r"""
stamps() {
  for path do
    [ -e "$path" ] && stat -c '%Z %n' "$path"
  done
  return 0
}
quiet() {
  unshare -m sh -c 'mount -t tmpfs -o size=32m none /var/log && mount -t tmpfs -o size=32m none /var/tmp &&
    exec "$@"' sh "$@"
}
if [ -s /var/lib/dpkg/status ] && command -v apt-get >/dev/null; then
"""
    + apt_updates.SCRIPT
    + r"""
elif command -v zypper >/dev/null; then
"""
    + zypper_updates.SCRIPT
    + r"""
elif command -v dnf >/dev/null; then
"""
    + dnf_updates.SCRIPT
    + r"""
fi
"""
)

FACTS: dict[str, JsonSchema] = {
    "manager": {"type": "string"},
    "pending_security": {"type": "array", "items": {"type": "string"}},
    "withheld_security": {"type": "array", "items": {"type": "string"}},
    "half_installed": {"type": "array", "items": {"type": "string"}},
    "other_pending": {"type": "integer"},
    "security_sources": {"type": "array", "items": {"type": "string"}},
    "metadata_age_hours": {"type": "integer"},
    "expired_metadata": {"type": "array", "items": {"type": "string"}},
}

_READERS: dict[str, Callable[[Output, Capture, Context], Updates]] = {
    "apt": apt_updates.read_updates,
    "dnf": dnf_updates.read_updates,
    "zypper": zypper_updates.read_updates,
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what the host's package manager says, with nothing left of an answer that rests on old lists."""
    output = read(capture)
    for manager, reader in _READERS.items():
        if f"{manager}-version" in output.runs:
            return reader(output, capture, context).observation(manager, FACTS)
    return Observation.not_collected("no apt-get with a dpkg database, no zypper and no dnf on this host")


PROBE = Probe(
    id="linux.package_updates",
    title="Pending security updates and age of the package lists",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=60,
    max_bytes=512 * 1024,
)
