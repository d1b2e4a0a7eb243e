"""What keeps unattended-upgrades from installing security updates (Debian, Ubuntu)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.probe import Context, System
from hardencheck.probes.linux import apt
from hardencheck.probes.linux.update_facts import Updates
from hardencheck.probes.output import Output

_TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
_SERVICES = ("apt-daily.service", "apt-daily-upgrade.service")
#: a regular expression that names no package: it matches them all
_EVERYTHING = re.compile(r"(?:[\^$().*+?|]|\\[wSD]|\[[^\]]*a-z[^\]]*\])+")
#: Days between two runs that still count as running regularly.
LONGEST_INTERVAL = 7
_UNITS = {"": 1, "d": 1, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86400}
_NAMES = {"debian": "Debian", "ubuntu": "Ubuntu", "raspbian": "Raspbian"}


def read_obstacles(output: Output, context: Context, units: Mapping[str, str], found: Updates) -> None:
    """Record every obstacle; an origin pattern that cannot be matched makes the fact missing."""
    if output.run("config").status > 1:
        found.lack(["obstacles"], "apt-config did not answer")
        return
    options = apt.configuration(output.run("config").lines)
    obstacles = []
    if output.run("package").status != 0:  # apt.systemd.daily, too, looks for the program
        obstacles.append("the package unattended-upgrades is not installed")
    for name in ("Update-Package-Lists", "Unattended-Upgrade"):
        if (days := _interval(options, name)) is None:
            obstacles.append(f"APT::Periodic::{name} is off")
        elif days > LONGEST_INTERVAL:
            obstacles.append(f"APT::Periodic::{name} lets {days:g} days pass between two runs")
    if options.get("apt::periodic::enable", ["1"])[-1] == "0":
        obstacles.append("APT::Periodic::Enable is 0")
    obstacles += _unscheduled(output, units)
    obstacles += _left_out(options)
    obstacles += _no_day(options)
    try:
        archives = apt.read_archives(output)
        security = [index for index in archives.security if index.release]
        uncovered = _uncovered(options, security, context.system)
    except ValueError as error:
        raise CaptureUnreadable(str(error)) from None
    obstacles += [f"no origin pattern of unattended-upgrades covers {name}" for name in uncovered]
    found.know("obstacles", obstacles, "apt-config dump, dpkg-query, systemctl is-enabled, apt-get indextargets")
    if output.run("sources").status == 100:  # what APT's programs end with when they report an error
        found.know("obstacles", [*obstacles, "APT cannot read its sources"], "apt-get indextargets")
    elif archives.indexes is None:
        found.lack(["obstacles"], "apt-get indextargets failed: APT cannot read its sources")
    elif not security and not obstacles:
        found.lack(["obstacles"], "no list of a security archive is here that the origin patterns could be matched to")


def _interval(options: Mapping[str, list[str]], name: str) -> float | None:
    """Return an interval of apt.systemd.daily in days: a number of days, one with a unit (`1h`), or `always`.

    None when it is zero, which switches the job off.
    """
    value = options.get(f"apt::periodic::{name.lower()}", ["0"])[-1]
    found = re.fullmatch(r"0*([1-9]\d*)([smhd]?)", value)
    if value == "always":
        return 0
    return int(found[1]) * _UNITS[found[2]] if found else None


def _no_day(options: Mapping[str, list[str]]) -> list[str]:
    """Name the list of days on which unattended-upgrades may run when no day of the week is in it."""
    days = [entry.strip().lower() for entry in options.get("unattended-upgrade::update-days", []) if entry.strip()]
    if not days or any(re.fullmatch(r"[0-6]|(mon|tue|wed|thu|fri|sat|sun)[a-z]*", day) for day in days):
        return []
    return [f"Unattended-Upgrade::Update-Days allows no day that exists: {', '.join(days[:3])}"]


def _left_out(options: Mapping[str, list[str]]) -> list[str]:
    """Name the list that keeps packages out: one that excludes all of them, or one that allows only some."""
    blacklist, whitelist = (
        [entry for entry in options.get(f"unattended-upgrade::package-{name}", []) if entry]
        for name in ("blacklist", "whitelist")
    )
    found = []
    if any(map(_EVERYTHING.fullmatch, blacklist)):
        found.append("Unattended-Upgrade::Package-Blacklist excludes every package")
    if whitelist and not any(map(_EVERYTHING.fullmatch, whitelist)):
        found.append(f"Unattended-Upgrade::Package-Whitelist allows only {', '.join(whitelist[:3])}")
    return found


def _unscheduled(output: Output, units: Mapping[str, str]) -> list[str]:
    """Name what should start apt.systemd.daily and does not: systemd's timers, or cron where systemd does not run."""
    systemd = output.run("systemd").status == 0
    if not systemd and output.run("cron").status == 0:
        return []
    found = [f"{timer} is {units.get(timer) or 'not there'}" for timer in _TIMERS if units.get(timer) != "enabled"]
    found += [f"{name} is masked" for name in _SERVICES if units.get(name, "").startswith("masked")]
    if systemd and not found:
        active = {line.split()[0]: line.split()[-1] for line in output.run("units").lines if line.strip()}
        found = [f"{timer} is stopped" for timer in _TIMERS if active.get(timer) in ("inactive", "failed")]
    return found


def _uncovered(options: Mapping[str, list[str]], security: list[apt.Index], system: System) -> list[str]:
    """Return the security archives that no allowed origin accepts; raises ValueError for an unknown pattern."""
    patterns = [_legacy(entry) for entry in options.get("unattended-upgrade::allowed-origins", []) if entry] + [
        entry for entry in options.get("unattended-upgrade::origins-pattern", []) if entry
    ]
    known = {"distro_codename": system.codename, "distro_id": _NAMES.get(system.distribution, system.distribution)}
    patterns = [re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda m: known.get(m[1] or m[2], m[0]), entry) for entry in patterns]
    return sorted(
        {index.name for index in security if not any(apt.pattern_matches(pattern, index) for pattern in patterns)}
    )


def _legacy(entry: str) -> str:
    """Turn `ORIGIN:ARCHIVE` of Allowed-Origins, or the same with a blank, into a pattern."""
    parts = re.split(r"(?<!\\):", entry) if re.search(r"(?<!\\):", entry) else entry.split()
    if len(parts) != 2:
        raise ValueError(f"the allowed origin {entry!r} is not ORIGIN:ARCHIVE")
    origin, archive = (re.sub(r"([^\\]),", r"\1\\,", part.replace(r"\:", ":")) for part in parts)
    return f"o={origin},a={archive}"
