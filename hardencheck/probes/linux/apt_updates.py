"""Pending updates as APT tells them, and how old its lists are."""

from __future__ import annotations

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.probe import Context
from hardencheck.probes.linux import apt
from hardencheck.probes.linux.update_facts import Updates
from hardencheck.probes.output import Output, Run

SCRIPT = (
    r"""
  dry() {
    out=$(apt-get -s -qq --ignore-hold --allow-change-held-packages -o Debug::NoLocking=1 -o Dir::Log::Planner= \
      -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Get::Show-User-Simulation-Note=0 \
      -o Dir::State::status=/var/lib/dpkg/status "$@")
    status=$?
    printf '%s\n' "$out" | grep '^Inst '
    return "$status"
  }
  unpinned() {
    dry -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
      -o 'APT::Default-Release=/-security$/' dist-upgrade
  }
  releases() {
    lists=/var/lib/apt/lists/
    eval "$(apt-config shell lists Dir::State::lists/d)"
    for path in "$lists"*_InRelease "$lists"*_Release; do
      [ -f "$path" ] || continue
      printf '@ %s\n' "$(stat -c '%Z %n' "$path")"
      sed -n -e '/^Date: /p' -e '/^Valid-Until: /p' -e '40q' "$path"
    done
  }
  # shellcheck disable=SC2016 # the names are for the tool, not for the shell
  unfinished() { dpkg-query -W -f '${db:Status-Abbrev}|${binary:Package}\n' | grep -v '^.[nci] |'; }
  run apt-version apt-config --version
  run simulation dry dist-upgrade
  run unpinned unpinned
  run upgradable apt -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= list --upgradable
  run holds apt-mark showhold
  run unfinished unfinished
  # shellcheck disable=SC2016 # the names are for the tool, not for the shell
  run indexes apt-get indextargets --format '"""
    + apt.INDEX_FORMAT
    + r"""' 'Created-By: Packages'
  run releases releases
"""
)

_SIMULATION = "apt-get -s --ignore-hold dist-upgrade"


def read_updates(output: Output, capture: Capture, context: Context) -> Updates:
    """Gather the facts of a host with APT; raises CaptureUnreadable for output in another form."""
    updates = Updates()
    try:
        _lists(output, context, updates)
        _pending(output, capture, updates)
    except ValueError as error:
        raise CaptureUnreadable(str(error)) from None
    unfinished = output.run("unfinished")
    if unfinished.status > 1 or (unfinished.status == 1 and unfinished.text.strip()):
        updates.lack(["half_installed"], "dpkg-query did not answer")
    else:
        packages = sorted(f"{line.partition('|')[2]} (dpkg status {line[:3].strip()})" for line in unfinished.lines)
        updates.know("half_installed", packages, "dpkg-query -W")
    return updates


def _pending(output: Output, capture: Capture, updates: Updates) -> None:
    simulation, unpinned = output.run("simulation"), output.run("unpinned")
    holds, listed = output.run("holds"), output.run("upgradable")
    if broken := next((run for run in (simulation, unpinned, holds, listed) if run.status != 0), None):
        reason = _complaint(capture) or f"exit status {broken.status}"
        updates.lack(["pending_security", "withheld_security", "other_pending"], f"APT could not tell: {reason}")
        return
    upgrades, fixes = apt.simulated(simulation.lines), apt.simulated(unpinned.lines)
    security = _security(upgrades, fixes)
    held = {_bare(name) for name in holds.lines}
    pending = [str(upgrade) for name, upgrade in security.items() if name not in held]
    withheld = {name: f"{upgrade} (held)" for name, upgrade in security.items() if name in held}
    for upgrade in apt.upgradable(listed.lines):
        if upgrade.security and upgrade.package not in security:
            withheld[upgrade.package] = f"{upgrade} ({'held' if upgrade.package in held else 'kept back'})"
    listed_names = {_bare(upgrade.package) for upgrade in upgrades}
    for fix in fixes:
        if fix.security and fix.old and _bare(fix.package) not in listed_names:
            withheld.setdefault(_bare(fix.package), f"{fix} (hidden by a pin)")
    updates.know("pending_security", sorted(pending), _SIMULATION)
    updates.know(
        "withheld_security", sorted(withheld.values()), "apt-mark showhold, apt list --upgradable, preferences"
    )
    updates.know("other_pending", sum(_bare(upgrade.package) not in security for upgrade in upgrades), _SIMULATION)


def _security(upgrades: list[apt.Upgrade], fixes: list[apt.Upgrade]) -> dict[str, apt.Upgrade]:
    """Return the upgrades that bring a security fix, by package.

    A newer version from another archive (a point release) can be the candidate and stand in front of the fix: then the
    simulation that prefers the security archive still shows that a fix is not installed.
    """
    found = {_bare(upgrade.package): upgrade for upgrade in upgrades if upgrade.security}
    candidates = {_bare(upgrade.package) for upgrade in upgrades}
    for fix in fixes:
        if fix.security and fix.old and _bare(fix.package) in candidates:
            found.setdefault(_bare(fix.package), fix)
    return found


def _bare(package: str) -> str:
    """Return the package's name without an architecture."""
    return package.partition(":")[0]


def _lists(output: Output, context: Context, updates: Updates) -> None:
    indexes, releases = output.run("indexes"), output.run("releases")
    if indexes.status != 0:
        updates.lack(["security_sources", "metadata_age_hours", "expired_metadata"], "apt-get indextargets failed")
        return
    known = _releases(releases)
    archives = apt.indexes(indexes.lines)
    security = [index for index in archives if index.security]
    names = {index.name for index in security if index.serves(context.system)}
    others = sorted({index.name for index in security} - names)
    left_out = f"; not for this release, or without main: {', '.join(others)}" if others else ""
    updates.know("security_sources", sorted(names), f"apt-get indextargets{left_out}")
    found = {index.filename: _release_of(index, known) for index in security}
    updates.age([entry[1] for entry in found.values() if entry], context.now, "change time of the release files")
    if None in found.values():
        updates.lack(["metadata_age_hours"], "the release file of a security archive was not found")
    expired, undated = [], ""
    for path, fields in known.items():
        until = fields.get("Valid-Until", "")
        if until and apt.release_time(until) < context.now:
            expired.append(f"{path.rpartition('/')[2]} (valid until {until})")
        date = fields.get("Date", "")
        if date and (apt.release_time(date) - context.now).total_seconds() > 86400:
            undated = f"{path.rpartition('/')[2]} is dated in the future: {date}"
    updates.know("expired_metadata", sorted(expired), "Valid-Until of the release files")
    if undated:
        updates.lack(["metadata_age_hours"], undated)


def _releases(run: Run) -> dict[str, dict[str, str]]:
    """Split the release files' headers: path -> fields, with the change time under `changed`."""
    known: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for line in run.lines:
        if line.startswith("@ "):
            changed, _, path = line[2:].partition(" ")
            fields = known[path] = {"changed": changed}
        else:
            name, _, value = line.partition(": ")
            fields[name] = value.strip()
    return known


def _release_of(index: apt.Index, known: dict[str, dict[str, str]]) -> tuple[str, int] | None:
    for path in index.release_files():
        if path in known and known[path]["changed"].isdigit():
            return path, int(known[path]["changed"])
    return None


def _complaint(capture: Capture) -> str:
    """Return APT's first error line."""
    lines = capture.stderr.decode("utf-8", "backslashreplace").splitlines()
    return next((line for line in lines if line.startswith("E:")), "")
