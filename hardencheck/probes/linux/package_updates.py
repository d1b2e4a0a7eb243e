"""Which security updates are not installed, what keeps them away, and whether the package lists can be trusted.

Reads: with APT `apt-config`, `apt-get indextargets` (without lists, so that no cache is built), the headers of the
release files and their change times, the sources' options, `dpkg-query` joined with the indexes of the security
archives (`apt-helper cat-file`), and `apt-cache policy` where pins could hide a fix; with DNF `dnf -C updateinfo list
--security`, `repolist`, /var/cache/dnf, the repository files and versionlock.list; with zypper `zypper --no-refresh
list-patches`, `repos`, `locks` and /var/cache/zypp. No file is written: APT's caches are kept in memory, DNF and zypper
run as root in a mount namespace of their own with an empty /var/log and /var/tmp.
Needs: nothing for APT; root for DNF and zypper.
Facts:
  manager                      apt, dnf or zypper
  pending_security             packages or patches with a security fix that is not installed
  withheld_security            security fixes that a hold, pin, exclude or version lock keeps away
  held_packages                packages on hold, locks and excludes, whether or not they keep a fix away
  half_installed               packages that dpkg has not finished with (always empty without dpkg)
  security_sources             archives with this release's security updates whose lists are there
  security_sources_configured  such archives among the sources that APT uses, fetched or not
  unverified_sources           sources and settings that let packages in without a valid signature
  metadata_age_hours           hours since the lists of all these archives were last fetched or confirmed
  expired_metadata             release files that are past their Valid-Until, and security archives without that field
                               that stood still for 30 days: a snapshot, or a mirror that is not kept up
Absent when: the lists are not there; no list of a security archive is there; an empty answer rests on lists that are
older than 48 hours, expired, dated in the future or shorter than their release file says, or packages are installed of
an architecture or component that no list of the security archive is for: "nothing pending" would prove nothing. That
nothing is withheld is certain without lists where nothing is held and nothing pinned.
Not applicable on Debian testing and unstable without a security archive, unless something is wrong there.

A release file's modification time is the server's. Its change time moves on every successful `apt-get update`,
including "Hit", and stays on a failed one. A fix counts as missing by its version alone: neither phasing (Ubuntu), nor
what `upgrade` keeps back, nor a package that is gone from the ordinary archive can hide it.
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
    "held_packages": {"type": "array", "items": {"type": "string"}},
    "security_sources": {"type": "array", "items": {"type": "string"}},
    "security_sources_configured": {"type": "array", "items": {"type": "string"}},
    "unverified_sources": {"type": "array", "items": {"type": "string"}},
    "metadata_age_hours": {"type": "integer"},
    "expired_metadata": {"type": "array", "items": {"type": "string"}},
}

_READERS: dict[str, tuple[str, Callable[[Output, Capture, Context], Updates]]] = {
    "settings": ("apt", apt_updates.read_updates),
    "dnf-version": ("dnf", dnf_updates.read_updates),
    "zypper-version": ("zypper", zypper_updates.read_updates),
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what the host's package manager says, with nothing left of an answer that rests on old lists."""
    output = read(capture)
    for label, (manager, reader) in _READERS.items():
        if label in output.runs:
            return _judged(reader(output, capture, context), manager)
    return Observation.not_collected("no apt-get with a dpkg database, no zypper and no dnf on this host")


def _judged(updates: Updates, manager: str) -> Observation:
    """Leave Debian testing and unstable out, which have no security archive: their fixes come like all else.

    What is known to be wrong there is still said.
    """
    if updates.rolling:
        wrong = {name for name in ("unverified_sources", "half_installed") if updates.facts.get(name)}
        if not wrong and "unverified_sources" in updates.facts:
            return Observation.not_applicable("Debian testing and unstable have no security archive")
        updates.lack(set(FACTS) - wrong - {"manager"}, "Debian testing and unstable have no security archive")
    return updates.observation(manager, FACTS)


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
